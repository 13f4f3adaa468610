"""A series on disk: one GeoTIFF for each date, with its mask."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from satsr.scenes.products.result import Series


def write_series(series: Series, folder: Path) -> list[Path]:
    """Write every date as `YYYY-MM-DD.tif`: 8-bit bands with their names, and a mask of pixels that show the ground.

    A date that is there twice gets a number. A file takes its place only when it is whole.

    Args:
        series: of products.
        folder: made where it is missing.

    Returns:
        The files, in order of time.

    Raises:
        OSError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for number, day in enumerate(series.dates):
        again = series.dates[:number].count(day)
        path = folder / (f"{day}-{again + 1}.tif" if again else f"{day}.tif")
        _write(series, number, path)
        written.append(path)
    return written


def _write(series: Series, number: int, path: Path) -> None:
    import rasterio

    image = np.moveaxis(series.images[number], -1, 0)  # (C, h, w)
    partial = path.with_name(path.name + ".partial")
    shape = {"count": len(image), "height": image.shape[1], "width": image.shape[2], "dtype": "uint8"}
    place = {"crs": series.crs, "transform": series.transform}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(partial, "w", driver="GTiff", compress="deflate", tiled=True, **shape, **place) as out,
    ):
        out.write(image)
        out.write_mask(series.valid[number])
        for band, name in enumerate(series.channels, start=1):
            out.set_band_description(band, name)
        out.update_tags(source=series.used[number].path.name, chosen=series.used[number].reason, level=series.level)
    os.replace(partial, path)
