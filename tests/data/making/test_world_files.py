"""What is written about a region agrees with its pixels, in place and in number."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.warp
from rasterio.features import rasterize
from shapely.geometry import shape

from satsr.common.tile_grid import HR_GSD_M, corner_m
from satsr.data.making.mosaic import write_mosaic
from satsr.data.making.vectors import vector_files
from satsr.data.settings import DataSettings
from satsr.world.region import LAND_COVER, MARGIN_PX, World

SETTINGS = DataSettings(regions=3, chips_per_side=2, dates=1, cloudy_share=0)


def test_tile_corners_are_those_of_web_mercator() -> None:
    x, y = corner_m(2**16, 2**16)
    assert (x, y) == pytest.approx((0, 0))
    assert corner_m(0, 0) == pytest.approx((-20037508.34, 20037508.34), abs=0.1)


@pytest.mark.parametrize(("kind", "pixels"), [("hr", 256), ("lr", 64)])
def test_mosaic_is_one_georeferenced_scene(tmp_path: Path, kind: str, pixels: int) -> None:
    write_mosaic(SETTINGS, 0, kind, tmp_path / "scene.tif")
    place = World(0, 3, 2).region(0).place
    with rasterio.open(tmp_path / "scene.tif") as scene:
        assert (scene.count, scene.height, scene.width) == (3, pixels, pixels)
        assert scene.crs.to_epsg() == 3857
        assert (scene.bounds.left, scene.bounds.top) == pytest.approx(corner_m(place.col, place.row))
        assert scene.bounds.right - scene.bounds.left == pytest.approx(256 * HR_GSD_M)
        lon, lat = rasterio.warp.transform("EPSG:3857", "EPSG:4326", [scene.bounds.left], [scene.bounds.top])
    assert lat[0] == pytest.approx(place.latitude_deg, abs=0.01)
    assert -125 < lon[0] < -66


@pytest.mark.parametrize(("kind", "region"), [("mr", 0), ("hr", 3)])
def test_unknown_mosaic_is_refused(tmp_path: Path, kind: str, region: int) -> None:
    with pytest.raises(ValueError, match="expected hr or lr, and 0 to 2"):
        write_mosaic(SETTINGS, region, kind, tmp_path / "scene.tif")


def test_mapped_buildings_lie_on_building_pixels() -> None:
    region = World(0, 3, 2).region(0)
    surface = region.surface("new")
    files = vector_files(region, surface)
    (name,) = [n for n in files if n.endswith(".geojson")]
    features = json.loads(files[name])["features"]
    left, top = corner_m(region.place.col, region.place.row)
    outlines = [shape(f["geometry"]) for f in features if f["properties"]["category"] == "building"]
    assert len(outlines) == len(surface.buildings) > 0
    size = region.size_px
    place = rasterio.transform.from_origin(left, top, HR_GSD_M, HR_GSD_M)
    burned = rasterize(outlines, (size, size), transform=place) > 0
    inner = surface.land_cover[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    assert (inner[burned] == LAND_COVER.index("building")).mean() > 0.8


def test_every_tree_is_listed() -> None:
    region = World(0, 3, 2).region(0)
    surface = region.surface("new")
    (text,) = [t for n, t in vector_files(region, surface).items() if n.endswith("_trees.csv")]
    trees = pd.read_csv(io.StringIO(text))
    assert len(trees) == len(surface.trees)
    np.testing.assert_allclose(trees.crown_radius_m, surface.trees[:, 2] * HR_GSD_M, atol=0.006)
