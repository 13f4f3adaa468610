"""A series on disk: one GeoTIFF for each date, with its mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from satsr.data.rasters import write_geotiff
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
    image = np.moveaxis(series.images[number], -1, 0)  # (C, h, w)
    used = series.used[number]
    tags = {"source": used.path.name, "chosen": used.reason, "level": series.level}
    write_geotiff(
        path, image, series.crs, series.transform, series.channels, series.valid[number], tags=tags, tiled=True
    )
