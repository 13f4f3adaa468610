"""A model on blocks of a scene: what the output depends on, and what it agrees with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from satsr.models.consistent import SensorModel, observe
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.scenes.apply import Block
from satsr.scenes.job import Area, How, Job, prepare
from tests.scenes.scenes import RGB, products

PLAIN = How(register_px=None, precision="32-true")
UNET = {"widths": (8, 16), "blocks": 1, "attention": (), "sampling_steps": 2, "eta": 0.0, "steps": 50}


def esrgan(dates: int = 3) -> SuperResolver:
    sizes = {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}
    return SuperResolver(ModelCard("esrgan", sizes, dates, RGB, RGB, 4), seed=3).eval()


def sr3() -> SuperResolver:
    """Group normalization: its output depends on the window."""
    return SuperResolver(ModelCard("sr3", UNET, 3, RGB, RGB, 4), seed=3).eval()


def highresnet() -> SuperResolver:
    return SuperResolver(ModelCard("highresnet", {"hidden_channels": 16}, 3, RGB, RGB, 4), seed=3).eval()


def whole(job: Job) -> NDArray[np.float32]:
    scene = job.applied.scene
    return made(job, scene.rows, scene.columns)


def made(job: Job, rows: range, columns: range) -> NDArray[np.float32]:
    block = Block(rows, columns)
    return job.applied.make(block, job.applied.read(block)).image


def in_blocks(job: Job, cuts: Sequence[int]) -> NDArray[np.float32]:
    """Compute blocks of uneven sides, the last first."""
    scene, scale = job.applied.scene, job.applied.model.card.scale
    ends = [0, *cuts, len(scene.rows)]
    image = np.full((3, scale * len(scene.rows), scale * len(scene.columns)), np.nan, np.float32)
    parts = list(pairwise(ends))
    for top, bottom in reversed(parts):
        for left, right in parts:
            rows, columns = (
                range(axis.start + a, axis.start + b)
                for axis, a, b in ((scene.rows, top, bottom), (scene.columns, left, right))
            )
            image[:, scale * top : scale * bottom, scale * left : scale * right] = made(job, rows, columns)
    return image


def test_without_windows_it_is_the_model_itself(tmp_path: Path) -> None:
    """Known answer: a scene of one window, free, is what the model makes of the whole image."""
    job = prepare(products(tmp_path), esrgan(), how=replace(PLAIN, consistent=False))
    scene = job.applied.scene
    halo = job.applied.tiling.halo
    wide = [range(axis.start - halo, axis.stop + halo) for axis in (scene.rows, scene.columns)]
    lr = torch.from_numpy(scene.read(*wide).lr)[None]
    with torch.inference_mode():
        expected = job.applied.model(lr)[0, :, 4 * halo : -4 * halo, 4 * halo : -4 * halo].clamp(0, 1)
    np.testing.assert_allclose(whole(job), expected, atol=1e-4)


@pytest.mark.parametrize("consistent", [True, False])
@pytest.mark.parametrize("model", [esrgan(), sr3()], ids=["esrgan", "sr3"])
def test_output_does_not_depend_on_area_order_or_batch(tmp_path: Path, model: SuperResolver, consistent: bool) -> None:
    paths = products(tmp_path)
    how = replace(PLAIN, consistent=consistent)
    area = Area(window=(10, 10, 50, 50))
    job = prepare(paths, model, area, how)
    image = whole(job)
    np.testing.assert_allclose(in_blocks(job, (17,)), image, atol=1e-3)
    np.testing.assert_allclose(whole(prepare(paths, model, area, replace(how, batch=3))), image, atol=1e-3)
    some = prepare(paths, model, Area(window=(23, 32, 21, 26)), how)
    np.testing.assert_allclose(whole(some), image[:, 52:136, 88:192], atol=1e-3)


def test_output_does_not_depend_on_the_size_of_windows(tmp_path: Path) -> None:
    paths = products(tmp_path)
    image = whole(prepare(paths, esrgan(), how=PLAIN))
    for side in (72, 101):
        np.testing.assert_allclose(whole(prepare(paths, esrgan(), how=replace(PLAIN, side=side))), image, atol=2e-3)


def test_a_model_that_depends_on_its_windows_keeps_them(tmp_path: Path) -> None:
    paths = products(tmp_path)
    size = prepare(paths, sr3(), how=PLAIN).applied.tiling.side
    with pytest.raises(ValueError, match=rf"got windows of 40 px, expected {size}: this model's output depends on"):
        prepare(paths, sr3(), how=replace(PLAIN, side=40))


@pytest.mark.parametrize("model", [esrgan(), highresnet(), "bicubic"], ids=["esrgan", "highresnet", "bicubic"])
def test_what_the_sensor_would_see_is_the_composite(tmp_path: Path, model: SuperResolver | str) -> None:
    """Half a level of 255 or the composite's noise, where nothing is clipped; untrained networks are far without."""
    job = prepare(products(tmp_path), model, how=PLAIN)
    scene = job.applied.scene
    part = scene.read(scene.rows, scene.columns)
    image = torch.from_numpy(whole(job))
    seen = observe(image[None], SensorModel.of(RGB, 4))[0].numpy()
    clipped = torch.nn.functional.max_pool2d(((image <= 0) | (image >= 1)).float(), 28, 4, padding=12) > 0
    judged = ~clipped.numpy()
    judged[:, :4] = judged[:, -4:] = judged[..., :4] = judged[..., -4:] = False
    assert judged.mean() > 0.2
    far, allowed = np.abs(seen - part.composite), np.maximum(job.applied.tolerance(part), 0.5 / 255)
    assert (far - allowed)[judged].max() < 0.1 / 255
    free = prepare(products(tmp_path), model, how=replace(PLAIN, consistent=False))
    seen = observe(torch.from_numpy(whole(free))[None], SensorModel.of(RGB, 4))[0].numpy()
    assert np.abs(seen - part.composite)[judged].max() > 3 * far[judged].max()


def test_brighter_than_white_keeps_its_value(tmp_path: Path) -> None:
    """Reflectance far above the model's white: the output is the input there, enlarged, and not cut at 1."""
    job = prepare(products(tmp_path, brighter=4.0), "bicubic", how=PLAIN)
    scene = job.applied.scene
    composite = scene.read(scene.rows, scene.columns).composite
    assert composite.max() > 2
    image = whole(job)
    means = image.reshape(3, len(scene.rows), 4, len(scene.columns), 4).mean(axis=(2, 4))
    far = np.abs(means - composite)[composite > 1.3]
    assert np.median(far) < 0.1
    assert image.max() > 1.5


def test_fewer_dates_are_repeated_for_the_whole_scene(tmp_path: Path) -> None:
    """A date that is black in a window stands where it stands everywhere: windows never choose dates."""
    hole = {1: (slice(0, 50), slice(0, 50))}
    job = prepare(products(tmp_path, dates=2, empty=hole), esrgan(dates=3), how=PLAIN)
    assert job.applied._order == [0, 1, 0]
    np.testing.assert_allclose(in_blocks(job, (40,)), whole(job), atol=1e-3)


def test_clouded_everywhere_is_not_valid(tmp_path: Path) -> None:
    cloud = np.zeros((16, 16), bool)
    cloud[4:6, 7:9] = True
    job = prepare(products(tmp_path, clouds=[cloud] * 3), "bicubic", how=PLAIN)
    block = Block(job.applied.scene.rows, job.applied.scene.columns)
    found = job.applied.make(block, job.applied.read(block))
    expected = np.ones((384, 384), bool)
    expected[4 * 24 : 4 * 36, 4 * 42 : 4 * 54] = False
    np.testing.assert_array_equal(found.valid, expected)
    assert set(np.unique(found.support)) == {0, 3}


def test_bands_that_a_model_makes_from_others_are_refused(tmp_path: Path) -> None:
    card = ModelCard("bicubic", {}, 3, ("red", "green", "blue"), ("red", "b08", "blue"), 4)
    with pytest.raises(ValueError, match=r"the model makes b08 from red, green, blue"):
        prepare(products(tmp_path), SuperResolver(card).eval(), how=PLAIN)
