"""The embedded world as the papers' other data sets would see it: PROBA-V, OLI2MSI, WorldStrat, and pairs like fMoW's.

Each data set has one function from a landscape to scenes, which the writers of `satsr.data.readers` put on disk in the
published layouts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial

import numpy as np
from numpy.typing import NDArray

from satsr.common.tile_grid import corner_m
from satsr.data.reader import Scene
from satsr.data.settings import TwinSettings
from satsr.world.cameras import twin_cameras as cameras
from satsr.world.cameras.calendar import SENTINEL2_HOUR, day_of_year, draw_flight_day, draw_series, sun_at
from satsr.world.cameras.sensors import SENTINEL2, Conditions, Frame, Sensor, draw_conditions, observe
from satsr.world.region import BANDS, MARGIN_PX, Region, Surface, World
from satsr.world.scene import HR_GSD_M, Epoch

CLEAR = 0.1  # opacity up to which a pixel counts as free of cloud
CLEAR_SKY = Conditions(1.0, (0.0, 0.0), 0.0, 0.0, (0.0, 0.0))

# PROBA-V sees tens of kilometres. A landscape of the world is some hundred metres wide, so there it stands for one 42
# times as large: a pixel of the world counts as 100 m, with clouds and optics of that size, and houses that are blocks.
PROBAV_PIXEL_M, PROBAV_PX, PROBAV_FRAMES = 100.0, 384, 10
PROBAV_CLOUD_M = 30_000.0
OLI_OFFSET_DAYS = 3  # Landsat and Sentinel-2 of OLI2MSI lie this far apart at most
WORLDSTRAT_FRAMES = 10
FMOW_LR_PX, FMOW_FRAMES = 32, 8
FMOW_YEARS = (date(2017, 6, 1), date(2021, 6, 1))
CHANGE = date(2019, 1, 1)  # before it the landscape is as it was in the world's old epoch


@dataclass
class Site:
    """A landscape, and who it belongs to."""

    region: Region
    name: str
    split: str
    cloudy_share: float
    rng: np.random.Generator
    _surfaces: dict[Epoch, Surface] = field(default_factory=dict)

    def surface(self, day: date) -> Surface:
        """Return the landscape as it is on a day, painted once for all data sets."""
        epoch: Epoch = "old" if day < CHANGE else "new"
        if epoch not in self._surfaces:
            self._surfaces[epoch] = self.region.surface(epoch)
        return self._surfaces[epoch]

    @property
    def corner(self) -> tuple[float, float]:
        """North-west corner in metres of EPSG:3857."""
        return corner_m(self.region.place.col, self.region.place.row)

    @property
    def side_m(self) -> float:
        """Side of the landscape in metres."""
        return self.region.size_px * HR_GSD_M


def scenes(
    settings: TwinSettings, number: int, split: str, views: Mapping[str, Callable[[Site], list[Scene]]]
) -> dict[str, list[Scene]]:
    """Return what every data set has of one landscape; the same settings and number give the same values.

    Args:
        settings: seed, size and clouds.
        number: of the landscape.
        split: that it belongs to.
        views: data set -> what its cameras see of a landscape.
    """
    region = World(settings.seed, settings.regions, settings.chips_per_side).region(number)
    site = Site(region, f"{number:04d}", split, settings.cloudy_share, np.random.default_rng())
    found = {}
    for dataset, view in views.items():
        site.rng = np.random.default_rng([settings.seed, number, *dataset.encode()])  # none disturbs another
        found[dataset] = view(site)
    return found


def _look(
    site: Site,
    day: date,
    sensor: Sensor,
    names: tuple[str, ...],
    gsd_m: float,
    cloudy_share: float | None = None,
    pixel_m: float = HR_GSD_M,
    cloud_m: float | None = None,
) -> Frame:
    """Return what a camera sees on a day, on a grid of `gsd_m` from the landscape's corner; no share means no sky."""
    sun = sun_at(site.region.place.latitude_deg, day_of_year(day), SENTINEL2_HOUR)
    seen = site.surface(day).reflectance(day_of_year(day), sun, fine=gsd_m < 5)
    chosen = np.stack([seen[BANDS.index(cameras.SEEN_IN.get(name, name))] for name in names])
    sky = CLEAR_SKY if cloudy_share is None else draw_conditions(site.rng, sensor, cloudy_share, sun)
    if cloud_m is not None:
        sky = replace(sky, cloud_m=cloud_m)
    place = {"pixel_m": pixel_m, "margin": MARGIN_PX, "scale": gsd_m / pixel_m}
    return observe(chosen, names, sensor, sky, site.rng, **place)  # type: ignore[arg-type]


def _stacked(frames: list[Frame], size: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return images (T, C, size, size), and where they show the ground (T, size, size)."""
    images = np.stack([f.image[:, :size, :size] for f in frames]).astype(np.float32)
    return images, np.stack([(f.inside & (f.cloud <= CLEAR))[:size, :size] for f in frames])


def view_probav(site: Site) -> list[Scene]:
    """Return ten dates at 300 m and one sharp image at 100 m, near infrared, with masks."""
    captured = draw_flight_day(site.rng)
    size = min(PROBAV_PX, site.region.size_px) // 3
    days = tuple(captured + timedelta(days=int(d)) for d in np.sort(site.rng.integers(-15, 16, PROBAV_FRAMES)))
    wide = partial(_look, site, names=("nir",), pixel_m=PROBAV_PIXEL_M, cloud_m=PROBAV_CLOUD_M)
    series = partial(wide, sensor=cameras.PROBAV_300, gsd_m=3 * PROBAV_PIXEL_M, cloudy_share=site.cloudy_share)
    lr, lr_valid = _stacked([series(day) for day in days], size)
    # The challenge took HR images of little cloud, and marks the rest.
    sharp = wide(captured, sensor=cameras.PROBAV_100, gsd_m=PROBAV_PIXEL_M, cloudy_share=site.cloudy_share / 4)
    hr, hr_valid = _stacked([sharp], 3 * size)
    grids = (3 * PROBAV_PIXEL_M, PROBAV_PIXEL_M)
    return [_scene(site, site.name, lr, ("nir",), lr_valid, days, hr[0], ("nir",), hr_valid[0], captured, grids)]


def view_oli2msi(site: Site) -> list[Scene]:
    """Return Landsat-8 at 30 m and Sentinel-2 at 10 m some days later."""
    captured = draw_flight_day(site.rng)
    before = captured - timedelta(days=int(site.rng.integers(0, OLI_OFFSET_DAYS + 1)))
    colours, size = ("blue", "green", "red"), int(site.side_m // 30)
    lr, lr_valid = _stacked([_look(site, before, cameras.OLI, colours, 30.0, 0.0)], size)
    hr, hr_valid = _stacked([_look(site, captured, SENTINEL2, ("b02", "b03", "b04"), 10.0)], 3 * size)
    parts = lr, colours, lr_valid, (before,), hr[0], colours, hr_valid[0], captured
    return [_scene(site, site.name, *parts, (30.0, 10.0))]


def view_worldstrat(site: Site) -> list[Scene]:
    """Return ten dates of Sentinel-2 and one image of SPOT at 1.5 m."""
    captured = draw_flight_day(site.rng)
    days, size = draw_series(site.rng, captured, WORLDSTRAT_FRAMES), 4 * int(site.side_m // 40)
    lr, lr_valid = _stacked([_look(site, d, SENTINEL2, BANDS, 10.0, site.cloudy_share) for d in days], size)
    colours = ("red", "green", "blue", "nir")
    hr, hr_valid = _stacked([_look(site, captured, cameras.SPOT, colours, 1.5)], round(size * 10 / 1.5))
    return [_scene(site, site.name, lr, BANDS, lr_valid, days, hr[0], colours, hr_valid[0], captured, (10.0, 1.5))]


def view_fmow(site: Site) -> list[Scene]:
    """Return two places of a landscape, each with Sentinel-2 images of years and one sharp image of some day."""
    first, last = FMOW_YEARS
    span = (last - first).days
    drawn = np.sort(site.rng.choice(span, FMOW_FRAMES + 1, replace=False))
    days = [first + timedelta(days=int(d)) for d in drawn]
    captured = days.pop(int(site.rng.integers(len(days))))
    sharp = _look(site, captured, cameras.VERY_HIGH, ("red", "green", "blue"), 2.5)
    frames = [_look(site, d, SENTINEL2, BANDS, 10.0, site.cloudy_share) for d in days]
    size = int(site.side_m // 10)
    lr, lr_valid = _stacked(frames, size)
    hr, hr_valid = _stacked([sharp], 4 * size)
    found = []
    for number, top in enumerate((0, size - FMOW_LR_PX)):
        left = size - FMOW_LR_PX - top  # north-east and south-west corner of the landscape
        low, high = (np.s_[..., f * top : f * (top + FMOW_LR_PX), f * left : f * (left + FMOW_LR_PX)] for f in (1, 4))
        parts = lr[low], BANDS, lr_valid[low], tuple(days), hr[0][high], ("red", "green", "blue"), hr_valid[0][high]
        shift = (10.0 * left, -10.0 * top)
        name = f"{site.name}-{number}"
        found.append(_scene(site, name, *parts, captured, (10.0, 2.5), shift))
    return found


def _scene(
    site: Site,
    name: str,
    lr: NDArray[np.float32],
    lr_bands: tuple[str, ...],
    lr_valid: NDArray[np.bool_],
    dates: tuple[date, ...],
    hr: NDArray[np.float32],
    hr_bands: tuple[str, ...],
    hr_valid: NDArray[np.bool_],
    day: date,
    gsd_m: tuple[float, float],
    shift_m: tuple[float, float] = (0.0, 0.0),
) -> Scene:
    corner = (site.corner[0] + shift_m[0], site.corner[1] + shift_m[1])
    return Scene(
        name, site.split, site.name, lr, lr_bands, lr_valid, dates, hr, hr_bands, hr_valid, day,
        corner, "EPSG:3857", *gsd_m,
    )  # fmt: skip
