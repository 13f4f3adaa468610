"""Intervals cover as often as they say, tell where they are wide, and go with the scene into the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from satsr.models.superresolver import SuperResolver
from satsr.scenes.job import Area
from satsr.scenes.super_resolve import super_resolve
from satsr.scenes.uncertainty import Calibration, calibrate, detail, spread
from tests.scenes.scenes import products
from tests.scenes.test_apply import PLAIN, esrgan

WEIGHTS = {0.5: (0.005, 1.0, 0.4), 0.8: (0.01, 2.0, 0.7), 0.95: (0.02, 3.0, 1.2)}


def drawn(seed: int, count: int = 60_000) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Errors whose standard deviation is known: 0.01 + 2 spread + 0.5 detail."""
    rng = np.random.default_rng(seed)
    parts = rng.random((2, count), np.float32) * np.array([[0.02], [0.05]], np.float32)
    sigma = 0.01 + 2 * parts[0] + 0.5 * parts[1]
    return (sigma * rng.standard_normal(count)).astype(np.float32), parts[0], parts[1], sigma


def test_intervals_cover_as_often_as_they_say_also_where_errors_are_small_and_large() -> None:
    found = calibrate(*drawn(0)[:3])
    error, by_spread, by_detail, sigma = drawn(1)
    for level, z in ((0.5, 0.6745), (0.8, 1.2816), (0.95, 1.96)):
        width = found.half_width(level, torch.from_numpy(by_spread), torch.from_numpy(by_detail)).numpy()
        assert np.mean(np.abs(error) <= width) == pytest.approx(level, abs=0.01)
        for part in (sigma < 0.03, sigma > 0.05):
            assert np.mean(np.abs(error) <= width, where=part) == pytest.approx(level, abs=0.03)
        np.testing.assert_allclose(width, z * sigma, rtol=0.25)


def test_where_views_do_not_differ_only_detail_tells() -> None:
    error, by_spread, by_detail, _ = drawn(0)
    found = calibrate(error, np.zeros_like(by_spread), by_detail)
    assert all(np.isfinite(weights).all() and min(weights) >= 0 for weights in found.weights.values())


@pytest.mark.parametrize("bad", ["few", "nan", "length"])
def test_what_cannot_be_fitted_is_refused(bad: str) -> None:
    error, by_spread, by_detail, _ = drawn(0, 200)
    if bad == "nan":
        by_spread = np.where(np.arange(200) == 3, np.nan, by_spread)
    cut = 50 if bad == "few" else 200
    with pytest.raises(
        ValueError, match=r"expected at least 100 finite pixels|all the input array dimensions|same shape"
    ):
        calibrate(error[:cut], by_spread[:cut], by_detail[: cut - (bad == "length")])


def test_a_card_keeps_it() -> None:
    found = Calibration(WEIGHTS)
    assert Calibration.of_card({"halo_px": 8.0, **found.for_card()}) == found
    assert Calibration.of_card({"halo_px": 8.0}) is None
    with pytest.raises(ValueError, match=r"got an interval of 90 %, expected one that was calibrated: 50, 80, 95"):
        found.half_width(0.9, torch.zeros(1), torch.zeros(1))


def test_detail_and_spread_are_standard_deviations() -> None:
    image = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    expected = image[0, 0, 1:6, 2:7].std(correction=0)
    torch.testing.assert_close(detail(image)[0, 0, 3, 4], expected, rtol=1e-4, atol=1e-6)
    assert detail(torch.full((1, 1, 5, 5), 0.7)).max() < 1e-3
    torch.testing.assert_close(spread([torch.zeros(2), torch.tensor([0.0, 2.0])]), torch.tensor([0.0, 1.0]))


@pytest.fixture(scope="module")
def model() -> SuperResolver:
    network = esrgan()
    network.card = replace(network.card, on_scenes={**network.card.on_scenes, **Calibration(WEIGHTS).for_card()})
    return network


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return products(tmp_path_factory.mktemp("in"))


def read(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return np.asarray(file.read().astype(float) * np.array(file.scales)[:, None, None])


def test_a_scene_gets_half_widths_and_its_image_stays(model: SuperResolver, paths: list[Path], tmp_path: Path) -> None:
    how = replace(PLAIN, side=56, interval=0.8, kind="float32")
    super_resolve(paths, tmp_path / "with.tif", model, how=how)
    super_resolve(paths, tmp_path / "without.tif", model, how=replace(how, interval=0.0))
    with rasterio.open(tmp_path / "with.tif") as file:
        names = [f"uncertainty of {name}: half width of the 80 % interval" for name in ("red", "green", "blue")]
        assert list(file.descriptions) == ["red", "green", "blue", *names]
    both, plain = read(tmp_path / "with.tif"), read(tmp_path / "without.tif")
    np.testing.assert_allclose(both[:3], plain, atol=1e-3 * 0.3558)
    width = both[3:] / 0.3558
    inside = np.s_[:, 40:-40, 40:-40]
    expected = detail(torch.from_numpy(plain[None] / 0.3558).float())[0].numpy() * 0.7 + 0.01
    assert (width[inside] >= expected[inside] - 1e-3).all(), "and the views differ somewhat beside that"
    assert (width[inside] - expected[inside]).max() < 0.2


def test_half_widths_do_not_depend_on_the_area(model: SuperResolver, paths: list[Path], tmp_path: Path) -> None:
    how = replace(PLAIN, side=56, interval=0.95, kind="float32")
    super_resolve(paths, tmp_path / "all.tif", model, how=how)
    super_resolve(paths, tmp_path / "part.tif", model, area=Area(window=(20, 30, 40, 40)), how=how)
    whole = read(tmp_path / "all.tif")[:, 80:240, 120:280]
    np.testing.assert_allclose(read(tmp_path / "part.tif"), whole, atol=1e-3 * 0.3558)


def test_what_is_not_known_is_not_told(model: SuperResolver, paths: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.tif"
    with pytest.raises(ValueError, match=r"the card of this esrgan has no calibrated intervals: .*release-model"):
        super_resolve(paths, out, esrgan(), how=replace(PLAIN, interval=0.8))
    with pytest.raises(ValueError, match=r"got an interval of 90 %, expected one that was calibrated: 50, 80, 95"):
        super_resolve(paths, out, model, how=replace(PLAIN, interval=0.9))
    with pytest.raises(ValueError, match="got free outputs with intervals"):
        super_resolve(paths, out, model, how=replace(PLAIN, interval=0.8, consistent=False))
    assert list(tmp_path.iterdir()) == []
