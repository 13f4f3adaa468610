"""A region of the embedded world as one georeferenced scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satsr.common.tile_grid import HR_GSD_M, SCALE, corner_m
from satsr.data.making.world_chips import photograph_region
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
    _write(output, image, region.place.col, region.place.row, pixel_m)


def _write(output: Path, image: NDArray[np.uint8], col: int, row: int, pixel_m: float) -> None:
    import rasterio
    from rasterio.transform import from_origin

    height, width, bands = image.shape
    output.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "height": height, "width": width, "count": bands, "dtype": "uint8"}
    place = {"crs": "EPSG:3857", "transform": from_origin(*corner_m(col, row), pixel_m, pixel_m)}
    with rasterio.open(output, "w", **profile, **place, photometric="RGB", compress="deflate") as file:
        file.write(np.moveaxis(image, -1, 0))
