"""The embedded world seen by Sentinel-2 and NAIP, cut into S2-NAIP chips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from satsr.common.tile_grid import HR_GSD_M, HR_PX, LR_PX, SCALE
from satsr.data.making.vectors import vector_files
from satsr.data.readers.s2naip_folder import BANDS, Chip
from satsr.data.settings import DataSettings
from satsr.data.true_colour import eight_bit_band, true_colour
from satsr.world.cameras import aerial, sensors
from satsr.world.cameras.calendar import NAIP_HOUR, SENTINEL2_HOUR, day_of_year, draw_flight_day, draw_series, sun_at
from satsr.world.region import BANDS as SURFACE_BANDS
from satsr.world.region import MARGIN_PX, Region, Surface, World

OLDER_DAYS = 2 * 365  # older NAIP is from 2016 to 2018, the newer from 2019 to 2020


@dataclass(frozen=True)
class RegionImages:
    """Everything that the cameras make of one region.

    Attributes:
        hr, old_hr: (H, W, 3) NAIP and older NAIP.
        bands: name -> (T, h, w, 3) for tci, (T, h, w) for others.
        captured: date of `hr`.
        dates: date of each frame.
    """

    hr: NDArray[np.uint8]
    old_hr: NDArray[np.uint8]
    bands: dict[str, NDArray[np.uint8]]
    captured: date
    dates: tuple[date, ...]


def region_chips(settings: DataSettings, number: int) -> tuple[list[Chip], dict[str, str]]:
    """Return all chips of a region of the world, and its map files by name.

    The same settings and number give the same bytes.
    """
    region = World(settings.seed, settings.regions, settings.chips_per_side).region(number)
    surface = region.surface("new")
    images = photograph_region(region, settings, number, surface)
    places = [(x, y) for y in range(settings.chips_per_side) for x in range(settings.chips_per_side)]
    return [_cut(region, surface, images, x, y) for x, y in places], vector_files(region, surface)


def photograph_region(region: Region, settings: DataSettings, number: int, surface: Surface) -> RegionImages:
    """Return the NAIP images and the Sentinel-2 series of a region."""
    rng = np.random.default_rng([settings.seed, number, 7])
    captured = draw_flight_day(rng)
    dates = draw_series(rng, captured, settings.dates)
    return RegionImages(
        hr=photograph(region, surface, captured, rng),
        old_hr=photograph(region, region.surface("old"), captured - timedelta(days=OLDER_DAYS), rng),
        bands=sentinel2_series(region, surface, dates, settings.cloudy_share, rng),
        captured=captured,
        dates=dates,
    )


def photograph(region: Region, surface: Surface, day: date, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the NAIP image (H, W, 3) of one day."""
    sun = sun_at(region.place.latitude_deg, day_of_year(day), NAIP_HOUR + rng.uniform(-2, 2))
    seen = surface.reflectance(day_of_year(day), sun, fine=True, bands=aerial.SEEN)
    return aerial.photograph(seen, aerial.SEEN, aerial.draw_flight(rng), rng, pixel_m=HR_GSD_M, margin=MARGIN_PX)


def sentinel2_series(
    region: Region, surface: Surface, dates: tuple[date, ...], cloudy_share: float, rng: np.random.Generator
) -> dict[str, NDArray[np.uint8]]:
    """Return the bands of the S2-NAIP layout for every date: (T, h, w, 3) for tci, (T, h, w) for others."""
    frames = [_sentinel2(region, surface, day, cloudy_share, rng) for day in dates]
    return {name: np.stack([f[name] for f in frames]) for name in BANDS}


def _sentinel2(
    region: Region, surface: Surface, day: date, cloudy_share: float, rng: np.random.Generator
) -> dict[str, NDArray[np.uint8]]:
    sun = sun_at(region.place.latitude_deg, day_of_year(day), SENTINEL2_HOUR)
    frame, inside, _ = sensors.observe(
        surface.reflectance(day_of_year(day), sun),
        SURFACE_BANDS,
        sensors.SENTINEL2,
        sensors.draw_conditions(rng, sensors.SENTINEL2, cloudy_share, sun),
        rng,
        pixel_m=HR_GSD_M,
        margin=MARGIN_PX,
        scale=SCALE,
    )
    single = {b: eight_bit_band(frame[SURFACE_BANDS.index(b)], inside) for b in BANDS if b != "tci"}
    return {"tci": true_colour(frame, SURFACE_BANDS, inside), **single}


def _cut(region: Region, surface: Surface, images: RegionImages, x: int, y: int) -> Chip:
    """Cut the chip in column x and row y out of a region's images."""
    high = np.s_[y * HR_PX : (y + 1) * HR_PX, x * HR_PX : (x + 1) * HR_PX]
    low = np.s_[:, y * LR_PX : (y + 1) * LR_PX, x * LR_PX : (x + 1) * LR_PX]
    inner = surface.land_cover[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    corner = x * HR_PX, y * HR_PX
    return Chip(
        tile=f"{region.place.col + x}_{region.place.row + y}",
        uuid=f"m_{region.place.name}_240_{images.captured:%Y%m%d}",
        hr=images.hr[high],
        bands={name: frames[low] for name, frames in images.bands.items()},
        dates=images.dates,
        old_hr=images.old_hr[high],
        objects=surface.objects(*corner),
        land_cover=inner[high],
        caption=surface.caption(*corner),
    )
