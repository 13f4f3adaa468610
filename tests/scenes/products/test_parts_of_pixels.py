"""What is read on a grid that lies beside the file's own pixels does not depend on how much of it is read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from satsr.data.rasters import write_geotiff
from satsr.scenes.products.grid import Grid
from satsr.scenes.products.layer import Layer
from satsr.scenes.products.reading import read_on

SIDE = 122
PLACE = Affine(10, 0, 500_000, 0, -10, 5_800_000)
UTM = CRS.from_epsg(32633)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    counts = np.random.default_rng(0).integers(500, 3000, (SIDE, SIDE)).astype(np.uint16)
    path = tmp_path_factory.mktemp("file") / "B04.tif"
    write_geotiff(path, counts[None], UTM, PLACE)
    return path, counts.astype(float)


@pytest.mark.parametrize("first", [0, 5, 9])
@pytest.mark.parametrize("side", [61, 90, 108, 110, 113])
def test_every_window_is_the_weighted_mean_of_four_pixels(file: tuple[Path, np.ndarray], first: int, side: int) -> None:
    path, counts = file
    grid = Grid(UTM, PLACE, SIDE, SIDE).part(first, first, side, side).moved(0.3, -0.25)
    found = read_on(Layer(path, path.name), grid, "bilinear")[0].astype(float)
    rows = 0.7 * counts[:-1] + 0.3 * counts[1:]
    wanted = np.full((SIDE, SIDE), np.nan)
    wanted[:-1, 1:] = 0.75 * rows[:, 1:] + 0.25 * rows[:, :-1]
    wanted = wanted[first : first + side, first : first + side]
    inner = slice(2, side - 2)
    np.testing.assert_allclose(found[inner, inner], wanted[inner, inner], atol=0.51)  # counts are whole


def test_larger_pixels_are_means_of_smaller_ones(file: tuple[Path, np.ndarray]) -> None:
    path, counts = file
    coarse = Grid(UTM, PLACE, SIDE, SIDE).finer(0.5)
    found = read_on(Layer(path, path.name), coarse, "bilinear")[0].astype(float)
    means = counts.reshape(SIDE // 2, 2, SIDE // 2, 2).mean(axis=(1, 3))
    assert np.corrcoef(found[2:-2, 2:-2].ravel(), means[2:-2, 2:-2].ravel())[0, 1] > 0.8, "a triangle of four pixels"
    assert found[2:-2, 2:-2].std() < 1.1 * means[2:-2, 2:-2].std(), "single pixels would spread twice as far"
