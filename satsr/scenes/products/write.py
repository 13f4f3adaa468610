"""A series on disk: one GeoTIFF for each date, with its mask."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from satsr.data.rasters import open_raster, write_geotiff
from satsr.scenes.products.result import Series

OUTPUT = re.compile(r"^\d{4}-\d{2}-\d{2}(?:-\d+)?\.tif$")
CHOSEN = "chosen"  # the tag that says why a date was taken
NAMED = 3  # of older files, in a message


def write_series(series: Series, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write every date as `YYYY-MM-DD.tif`: 8-bit bands with their names, and a mask of pixels that show the ground.

    A date that is there twice gets a number. The files take their places together, when all are whole; those of an
    earlier run with the same names are replaced.

    Args:
        series: of products.
        folder: made where it is missing.
        overwrite: remove files of other dates that an earlier run wrote there, once the new ones are in place.

    Returns:
        The files, in order of time.

    Raises:
        FileExistsError: the folder holds other dates of an earlier run, or files of such names that none wrote.
        OSError: the disk is full.
    """
    names = _names(series)
    folder.mkdir(parents=True, exist_ok=True)
    there = sorted(p for p in folder.iterdir() if OUTPUT.match(p.name))
    if foreign := [p for p in there if p.name in names and not _is_ours(p)]:
        raise FileExistsError(f"{foreign[0]} is there, and no earlier run wrote it: give another folder, or move it")
    older = [p for p in there if p.name not in names and _is_ours(p)]
    if older and not overwrite:
        raise FileExistsError(_in_the_way(folder, older))
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
        for number, name in enumerate(names):
            _write(series, number, Path(partial) / name)
        for name in names:
            os.replace(Path(partial) / name, folder / name)
    for path in older:
        path.unlink()
    return [folder / name for name in names]


def _is_ours(path: Path) -> bool:
    """Return whether an earlier run wrote a file, and not somebody else under such a name."""
    try:
        with open_raster(path) as file:
            return CHOSEN in file.tags()
    except ValueError:
        return False


def _names(series: Series) -> list[str]:
    again = [series.dates[:number].count(day) for number, day in enumerate(series.dates)]
    return [f"{day}-{n + 1}.tif" if n else f"{day}.tif" for day, n in zip(series.dates, again, strict=True)]


def _in_the_way(folder: Path, older: Sequence[Path]) -> str:
    more = f" and {len(older) - NAMED} more" if len(older) > NAMED else ""
    return (
        f"{folder} already holds {', '.join(p.name for p in older[:NAMED])}{more} of an earlier run, which this one "
        "does not write: give another folder, or remove them (overwrite=True, or --overwrite)"
    )


def _write(series: Series, number: int, path: Path) -> None:
    image = np.moveaxis(series.images[number], -1, 0)  # (C, h, w)
    used = series.used[number]
    tags = {"source": used.path.name, CHOSEN: used.reason, "level": series.level}
    write_geotiff(
        path, image, series.crs, series.transform, series.channels, series.valid[number], tags=tags, tiled=True
    )
