"""A real product's bands: 2017-02-16, tile T33UUU, 13 loose JP2 files; skipped where they are absent."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform
from scipy import ndimage

from satsr.scenes.products import series

HOW = {"level": "L1C", "offset": 0}  # processed in 2017, before baseline 04.00
WINDOW = (200, 640, 96, 160)


@pytest.fixture
def scene(real: Path) -> Path:
    if not (real / "s2_scene").is_dir():
        pytest.skip("no s2_scene in the folder of real imagery")
    return real / "s2_scene"


def band(scene: Path, name: str) -> rasterio.DatasetReader:
    return rasterio.open(scene / f"T33UUU_20170216T102101_{name}.jp2")


def test_through_the_door_with_its_georeference(scene: Path) -> None:
    found = series([scene], **HOW)
    with band(scene, "B04") as source:
        assert found.images.shape == (1, source.height, source.width, 3) == (1, 768, 1536, 3)
        assert found.transform == source.transform
        assert found.crs == source.crs
        assert found.crs.to_epsg() == 32633
    assert found.dates == (date(2017, 2, 16),)
    for channel, name in enumerate(("B04", "B03", "B02")):
        with band(scene, name) as source:
            counts = source.read(1).astype(np.float64)
        expected = np.clip(counts / 3558 * 255, 1, 255)
        assert np.abs(found.tci[0, ..., channel] - expected).max() <= 0.501
    lr = found.lr(dates=8)
    assert lr.shape == (8, 3, 768, 1536)
    assert 0 < lr.min() < lr.max() <= 1


def test_every_band_in_a_window(scene: Path) -> None:
    names = [f"b{n:02}" for n in range(1, 13)] + ["b8a"]
    found = series([scene], window=WINDOW, bands=names, **HOW)
    row, column, height, width = WINDOW
    with band(scene, "B08") as source:
        window = ((row, row + height), (column, column + width))
        counts = source.read(1, window=window)
        assert found.transform == source.window_transform(window)
    expected = np.clip(counts / 8160 * 255, 1, 255)
    assert np.abs(found.band("b08")[0] - expected).max() <= 0.501
    for name, factor in (("b12", 2), ("b8a", 2), ("b09", 6)):
        with band(scene, name.upper()) as source:
            rows, columns = (
                (np.arange(n) + first + 0.5) / factor - 0.5 for n, first in ((height, row), (width, column))
            )
            places = np.meshgrid(rows, columns, indexing="ij")
            coarse = ndimage.map_coordinates(source.read(1).astype(float), places, order=1, mode="nearest")
        assert np.abs(found.band(name)[0] - np.clip(coarse / 8160 * 255, 1, 255)).max() <= 0.6


def test_on_the_training_grid(scene: Path) -> None:
    found = series([scene], window=WINDOW, grid="web-mercator", **HOW)
    t = found.transform
    assert found.crs.to_epsg() == 3857
    assert t.a == pytest.approx(9.5546, abs=1e-3)
    assert found.images.shape[1] % 32 == found.images.shape[2] % 32 == 0
    rng = np.random.default_rng(0)
    rows, columns = (rng.integers(2, n - 2, 300) for n in found.images.shape[1:3])
    x, y = transform("EPSG:3857", "EPSG:32633", t.c + (columns + 0.5) * t.a, t.f + (rows + 0.5) * t.e)
    with band(scene, "B03") as source:
        places = [(source.transform.f - np.array(y)) / 10 - 0.5, (np.array(x) - source.transform.c) / 10 - 0.5]
        counts = ndimage.map_coordinates(source.read(1).astype(float), places, order=1)
    assert np.abs(found.tci[0, rows, columns, 1] - np.clip(counts / 3558 * 255, 1, 255)).max() <= 1.0
    assert found.valid.all()
