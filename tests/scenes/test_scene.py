"""A scene read in parts, the windows over it, and how far models look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.scenes.products.plan import plan
from satsr.scenes.reach import Reach, measure
from satsr.scenes.scene import LEAST, Scene
from satsr.scenes.tiling import Tiling
from tests.scenes.scenes import RGB, SIDE, made, products, toned

# Where it is read, and how


def test_a_part_is_what_the_series_holds(tmp_path: Path) -> None:
    """Red of three dates, one with a corner without data: fills and composite by hand."""
    scene = Scene(plan(products(tmp_path, empty={1: (slice(0, 10), slice(0, 12))}), register_px=None))
    part = scene.read(scene.rows, scene.columns)
    red = np.stack([toned("B04", date) for date in range(3)]) / 10_000 / 0.3558
    red[1, :10, :12] = np.nan
    np.testing.assert_allclose(part.composite[0], np.nanmedian(red, axis=0), atol=1e-5)
    expected = np.where(np.isnan(red), part.composite[0], red).clip(LEAST, 1)
    np.testing.assert_allclose(part.lr[:, 0], expected, atol=1e-5)
    assert (part.clear == np.where(np.isnan(red[1]), 2, 3)).all()


def test_parts_fit_together_and_have_one_number(tmp_path: Path) -> None:
    """A pixel keeps its number whatever area is asked for."""
    paths = products(tmp_path)
    whole = Scene(plan(paths))
    some = Scene(plan(paths, window=(30, 20, 40, 50)))
    assert (some.rows.start, some.columns.start) == (whole.rows.start + 30, whole.columns.start + 20)
    rows, columns = range(some.rows.start + 5, some.rows.start + 60), range(some.columns.start - 15, some.columns.stop)
    for one, other in zip(some.read(rows, columns), whole.read(rows, columns), strict=True):
        np.testing.assert_array_equal(one, other)


def test_beyond_the_scene_its_border_goes_on(tmp_path: Path) -> None:
    scene = Scene(plan(products(tmp_path)))
    rows, columns = scene.rows, scene.columns
    part = scene.read(range(rows.start - 4, rows.start + 8), range(columns.stop - 3, columns.stop + 5))
    inner = scene.read(range(rows.start, rows.start + 8), range(columns.stop - 3, columns.stop))
    for wide, own in zip(part, inner, strict=True):
        pads = [(0, 0)] * (own.ndim - 2) + [(4, 0), (0, 5)]
        np.testing.assert_array_equal(wide, np.pad(own, pads, mode="edge"))
    far = scene.read(range(rows.start - 40, rows.start - 30), columns)  # wholly beside it
    assert (far.lr == scene.read(range(rows.start, rows.start + 1), columns).lr).all()


def test_dates_do_not_depend_on_the_area(tmp_path: Path) -> None:
    """The clearest date of a corner is not that of the scene."""
    cloudy = [np.zeros((SIDE // 6,) * 2, bool) for _ in range(2)]
    cloudy[0][:, 8:] = True  # clear in the west
    cloudy[1][:2, :2] = True  # all but clear, but not there
    paths = products(tmp_path, clouds=cloudy, dates=2)
    west = (0, 0, 12, 12)
    chosen = [plan(paths, window=west, dates=1, choose_by=by).dates[0].note.day.day for by in ("area", "scene")]  # type: ignore[arg-type]
    assert chosen == [1, 6]
    assert plan(paths, dates=1, choose_by="scene").dates[0].note.day.day == 6


# Windows


@given(st.integers(1, 12), st.integers(0, 6), st.integers(0, 6), st.integers(1, 4), st.data())
def test_windows_cover_every_pixel_once(stride: int, halo: int, overlap: int, scale: int, data: st.DataObject) -> None:
    """What windows count sums to 1 at each pixel that is asked for, and each is given all of its inner part."""
    overlap = min(overlap, stride)
    tiling = Tiling(stride + overlap + 2 * halo, halo, overlap)
    first = data.draw(st.integers(-50, 50))
    asked = range(first, first + data.draw(st.integers(1, 40)))
    windows, span = tiling.windows(asked), tiling.span(tiling.windows(asked))
    sums = np.zeros(len(span) * scale)
    for number in windows:
        begin = (number * stride - span.start) * scale
        sums[begin : begin + (stride + overlap) * scale] += tiling.weights(scale)
    at = [n - span.start for n in asked]
    np.testing.assert_allclose(sums.reshape(-1, scale)[at], 1, atol=1e-6)
    assert span.start <= asked.start - halo
    assert span.stop >= asked.stop + halo


def test_windows_without_room_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got windows of 16 px with a halo of 8 .*give larger windows"):
        Tiling(16, 8, 0)


# How far models look


class _Far(torch.nn.Module):
    """Looks six pixels up, and no further."""

    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        seen = lr[:, 0] + 0.5 * torch.roll(lr[:, 0], 6, dims=2)
        return torch.nn.functional.interpolate(seen, scale_factor=4)


class _Mean(torch.nn.Module):
    def forward(self, lr: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.interpolate(lr[:, 0] - lr.mean(), scale_factor=4)


def network(kind: type[torch.nn.Module]) -> SuperResolver:
    model = SuperResolver(ModelCard("bicubic", {}, 2, RGB, RGB, 4)).eval()
    model.network = kind()
    return model


def test_the_halo_is_how_far_a_network_looks() -> None:
    assert measure(network(_Far)) == Reach(6)


def test_a_network_that_sees_the_whole_window_keeps_its_size() -> None:
    found = measure(network(_Mean))
    assert found.window_px > 0
    assert found.moves_levels > 0.25


def test_a_card_that_says_it_is_believed() -> None:
    model = network(_Mean)
    model.card = replace(model.card, on_scenes=Reach(5, 0, 0.0).for_card())
    assert Reach.of(model) == Reach(5)


def test_the_made_products_are_what_they_say(tmp_path: Path) -> None:
    """The fixture itself: three dates in the order of their days."""
    found = plan(products(tmp_path))
    assert [one.note.day.day for one in found.dates] == [1, 6, 11]
    assert found.grid.shape == (SIDE, SIDE)
    values: NDArray[np.uint16] = made(0).counts["B04"]
    np.testing.assert_array_equal(values, toned("B04", 0))
