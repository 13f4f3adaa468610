"""Small scenes of several dates, as ESA delivers products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tests.made.make_safe import Made, write
from tests.scenes.products.wrappings import tiff

RGB = ("red", "green", "blue")
BANDS = ("B02", "B03", "B04")
SIDE = 96  # pixels of 10 m
Hole = tuple[slice, slice]


def toned(band: str, date: int) -> NDArray[np.uint16]:
    """Return counts of a date: one ground, seen a little brighter each time."""
    rng = np.random.default_rng(BANDS.index(band))
    ground = ndimage.gaussian_filter(rng.random((SIDE, SIDE)), 1.5, mode="wrap")
    ground = 600 + 2000 * (ground - ground.min()) / np.ptp(ground)
    return np.rint(ground * (1 + 0.03 * date)).astype(np.uint16)


def made(date: int, hole: Hole | None = None, cloud: NDArray[np.bool_] | None = None, brighter: float = 1.0) -> Made:
    """Return what is written of a date."""
    counts = {band: np.rint(toned(band, date) * brighter).astype(np.uint16) for band in BANDS}
    if hole is not None:
        for values in counts.values():
            values[hole] = 0
    return Made(level="1C", bands=BANDS, day=f"202006{5 * date + 1:02d}", counts=counts, side_m=SIDE * 10, cloud=cloud)


def products(
    folder: Path,
    dates: int = 3,
    empty: Mapping[int, Hole] = {},
    clouds: Sequence[NDArray[np.bool_]] = (),
    brighter: float = 1.0,
    spot: tuple[int, int] | None = None,
) -> list[Path]:
    """Write the dates, and return their folders."""
    given = [clouds[date] if date < len(clouds) else None for date in range(dates)]
    if spot is not None:
        return [write(folder, _dark(made(date), spot)) for date in range(dates)]
    return [write(folder, made(date, empty.get(date), given[date], brighter)) for date in range(dates)]


def _dark(one: Made, spot: tuple[int, int]) -> Made:
    """Darken a date but for one pixel."""
    for values in one.counts.values():
        values[:] = 500
        values[spot] = 3000
    return one


def stacks(folder: Path, side: int, dates: int = 1) -> list[Path]:
    """Write GeoTIFFs of all bands, one for each date, of any side in pixels; neither level nor offset is in them."""
    paths = []
    for date in range(dates):
        noise = np.random.default_rng(date).random((len(BANDS), side, side), np.float32)
        ground = ndimage.gaussian_filter(noise, (0, 1.5, 1.5))
        counts = (600 + 2000 * (ground - ground.min()) / np.ptp(ground)).astype(np.uint16)
        one = Made(side_m=10 * side)
        paths.append(tiff(folder / f"S2_202006{5 * date + 1:02d}.tif", one, counts, BANDS, tiled=True))
    return paths
