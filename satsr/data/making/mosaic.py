"""A region of the embedded world as one georeferenced scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from satsr.common.tile_grid import HR_GSD_M, SCALE, corner_m
from satsr.data.making.world_chips import photograph_region
from satsr.data.rasters import north_up, write_geotiff
from satsr.data.settings import DataSettings
from satsr.world.region import World


def write_mosaic(settings: DataSettings, number: int, kind: str, output: Path) -> None:
    """Write a region as a GeoTIFF in EPSG:3857, where its chips lie.

    Args:
        settings: of the world.
        number: of the region.
        kind: `hr` for the aerial image, `lr` for the first Sentinel-2 date.
        output: file to write.

    Raises:
        ValueError: unknown kind or region.
    """
    if kind not in ("hr", "lr") or not 0 <= number < settings.regions:
        raise ValueError(f"got kind {kind!r}, region {number}: expected hr or lr, and 0 to {settings.regions - 1}")
    region = World(settings.seed, settings.regions, settings.chips_per_side).region(number)
    images = photograph_region(region, settings, number, region.surface("new"))
    image, pixel_m = (images.hr, HR_GSD_M) if kind == "hr" else (images.bands["tci"][0], HR_GSD_M * SCALE)
    place = north_up(corner_m(region.place.col, region.place.row), pixel_m)
    write_geotiff(output, np.moveaxis(image, -1, 0), "EPSG:3857", place, photometric="RGB")
