"""The embedded world beside real imagery: value ranges, fall-off of detail, and chips to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satsr.common.tile_grid import HR_PX
from satsr.data.images import read_png
from satsr.data.making.own_images import read_hr
from satsr.data.readers.s2naip_folder import S2NAIPFolder

Image8 = NDArray[np.uint8]


@dataclass(frozen=True)
class RealBesideWorld:
    """What the data notebook shows beside real imagery.

    Attributes:
        table: one row per group of images: number, mean and standard deviation of the bands, spectral slope.
        sentence: how far the world's slope is from the real one.
        chips: two rows of pictures in [0, 1]: real dates and HR, simulated dates and HR.
        images: groups of 8-bit HR images for histograms.
    """

    table: pd.DataFrame
    sentence: str
    chips: list[list[NDArray[np.float64]]]
    images: dict[str, list[Image8]]


def comparison(real: Path, world: S2NAIPFolder) -> RealBesideWorld | None:
    """Compare a split with the real images below a folder; None when the folder is not there."""
    naip = sorted(real.glob("sen2naip_hr/*.png"))
    pair = real / "s2naip_sample" / "chip_0"
    if not naip or not pair.is_dir():
        return None
    real_hr = [chip for path in naip for chip in _chips(read_png(path))]
    real_hr += [read_hr(pair / "hr.png")]
    world_hr = [world.hr(tile) for tile in world.tiles]
    table = pd.DataFrame([_row("real NAIP, 2.5 m", real_hr), _row("this data set's HR", world_hr)])
    gap = table.slope.iloc[1] - table.slope.iloc[0]
    within = "within" if abs(gap) <= 0.3 else "further than"
    return RealBesideWorld(
        table=table,
        sentence=f"spectral slope: {gap:+.2f} against real HR, {within} 0.3 of it",
        chips=[_real_row(pair), _world_row(world)],
        images={"real": real_hr, "this data set": world_hr},
    )


def _chips(image: Image8) -> list[Image8]:
    """Cut chips of the data set's size, so that spectra are taken over equal windows."""
    rows, columns = image.shape[0] // HR_PX, image.shape[1] // HR_PX
    return [image[y * HR_PX :, x * HR_PX :][:HR_PX, :HR_PX] for y in range(rows) for x in range(columns)]


def _row(name: str, images: Sequence[Image8]) -> dict[str, object]:
    values = np.stack([i.reshape(-1, 3) for i in images])
    row: dict[str, object] = {"images": name, "number": len(images)}
    statistics: list[tuple[str, Callable]] = [("mean", np.mean), ("std", np.std)]
    for name_, statistic in statistics:
        for band, value in zip(("red", "green", "blue"), statistic(values, axis=(0, 1)), strict=True):
            row[f"{name_} {band}"] = value
    slopes = [spectral_slope(i) for i in images]
    return {**row, "slope": np.mean(slopes), "slope std": np.std(slopes)}


def _real_row(pair: Path) -> list[NDArray[np.float64]]:
    dates = sorted(pair.glob("s2_*.png"))[:5]
    return [*(read_png(d) / 255 for d in dates), read_png(pair / "hr.png") / 255]


def _world_row(world: S2NAIPFolder) -> list[NDArray[np.float64]]:
    """Return the dates and HR of the most varied chip of the set: the likeliest to show houses or trees."""
    tile = max(world.tiles, key=lambda t: float(world.hr(t).std()))
    series = world.series(tile)
    dates = [series[i % len(series)] / 255 for i in range(5)]
    return [*dates, world.hr(tile) / 255]


def radial_power(image: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequency (cycles per pixel) and mean power on circles of it, of the gray value under a Hann window."""
    gray = image.mean(axis=-1)[: min(image.shape[:2]), : min(image.shape[:2])]
    size = len(gray)
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fftshift(np.fft.fft2((gray - gray.mean()) * window))) ** 2
    y, x = np.indices(power.shape) - size // 2
    ring = np.hypot(y, x).astype(int)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    inside = slice(1, size // 2)
    return np.arange(len(mean))[inside] / size, mean[inside]


def spectral_slope(image: NDArray[np.uint8], low: float = 0.03, high: float = 0.5) -> float:
    """Return the slope of log power against log frequency between two frequencies in cycles per pixel."""
    frequency, power = radial_power(image)
    inside = (frequency > low) & (frequency < high)
    return float(np.polyfit(np.log(frequency[inside]), np.log(power[inside] + 1e-12), 1)[0])
