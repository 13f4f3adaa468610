"""When images are taken, and where the sun stands then."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

from satsr.world.region import Sun

SENTINEL2_HOUR, NAIP_HOUR = 10.5, 12.5  # local solar time of the overpass, and of a typical flight
WINDOW_DAYS = 90  # Sentinel-2 frames lie within three months of the NAIP image (S2-NAIP's data card)


def sun_at(latitude_deg: float, day_of_year: float, hour: float) -> Sun:
    """Return the sun's place for a latitude, day and local solar hour.

    Declination after Cooper (1969); accurate to a degree, which is ample for shadows.
    """
    latitude, declination = np.radians([latitude_deg, 23.45 * np.sin(2 * np.pi * (284 + day_of_year) / 365)])
    hour_angle = np.radians(15 * (hour - 12))
    up = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    east = -np.cos(declination) * np.sin(hour_angle)
    north = np.cos(latitude) * np.sin(declination) - np.sin(latitude) * np.cos(declination) * np.cos(hour_angle)
    return Sun(float(np.degrees(np.arctan2(east, north)) % 360), float(np.degrees(np.arcsin(up))))


def draw_flight_day(rng: np.random.Generator) -> date:
    """Draw the date of a NAIP image: leaf-on season of 2019 or 2020."""
    return date(int(rng.integers(2019, 2021)), 1, 1) + timedelta(days=int(rng.integers(150, 260)))


def draw_series(rng: np.random.Generator, captured: date, count: int) -> tuple[date, ...]:
    """Draw `count` different Sentinel-2 dates around a NAIP date, five days apart or a multiple of it, sorted."""
    passes = np.arange(-WINDOW_DAYS + int(rng.integers(5)), WINDOW_DAYS + 1, 5)
    if count > len(passes):
        raise ValueError(f"data.dates = {count}: at most {len(passes)} passes lie within {WINDOW_DAYS} days")
    return tuple(captured + timedelta(days=int(d)) for d in np.sort(rng.choice(passes, count, replace=False)))


def day_of_year(day: date) -> int:
    """Return 1 for the first of January."""
    return day.timetuple().tm_yday
