"""A region of the embedded world as products on disk: loose bands in UTM, with a mask of the clouds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from satsr.data.rasters import write_geotiff
from satsr.scenes.job import COUNTS, WHOLE, Area
from satsr.scenes.products.plan import Clouds
from satsr.studies.scene.settings import SceneSettings
from satsr.world.cameras import aerial, sensors
from satsr.world.cameras.calendar import NAIP_HOUR, SENTINEL2_HOUR, day_of_year, draw_flight_day, draw_series, sun_at
from satsr.world.region import HR_GSD_M, MARGIN_PX, World

BANDS = {"b02": "B02", "b03": "B03", "b04": "B04"}
GSD_M = 10.0
TILE, UTM = "33UUU", "EPSG:32633"  # where it is said to lie; a procedural place lies nowhere
CORNER_M = (330_000.0, 5_822_040.0)
LOOSE = {"level": "L1C", "baseline": "02.04"}
OPAQUE = 0.05  # of a cloud that a mask shows


@dataclass(frozen=True)
class MadeScene:
    """Where a scene is, and what the ground looks like.

    Attributes:
        products: of a region, a folder of loose bands for each date, level 1C, baseline 02.04.
        clouds: of a region, a raster for each, not 0 under cloud.
        ground: of a region, uint8 (H, W, 3), an aerial image at `satsr.world.scene.HR_GSD_M`.
        said: what `open_product` is told of them.
        area: the part that is looked at.
    """

    products: tuple[Path, ...]
    clouds: Clouds
    ground: NDArray[np.uint8] | None
    said: Mapping[str, Any]
    area: Area = WHOLE


def scene_of(folder: Path, settings: SceneSettings, root: Path) -> MadeScene:
    """Return the real products that settings name, or a region that is written into a folder.

    Args:
        folder: for a region.
        settings: which.
        root: of the project, from which paths of products count.
    """
    if not settings.products:
        return make_scene(folder, settings)
    paths = tuple(root / path for path in settings.products)
    return MadeScene(paths, "auto", None, settings.said(), Area(window=settings.window))


def make_scene(folder: Path, settings: SceneSettings) -> MadeScene:
    """Write the dates of a region and return where they are; equal settings give equal bytes."""
    rng = np.random.default_rng([settings.seed, 17])
    region = World(settings.seed, 1, settings.chips_per_side).region(0)
    surface = region.surface("new")
    captured = draw_flight_day(rng)
    sun = sun_at(region.place.latitude_deg, day_of_year(captured), NAIP_HOUR)
    seen = surface.reflectance(day_of_year(captured), sun, fine=True, bands=aerial.SEEN)
    ground = aerial.photograph(seen, aerial.SEEN, aerial.draw_flight(rng), rng, pixel_m=HR_GSD_M, margin=MARGIN_PX)
    products, clouds = [], []
    for day in draw_series(rng, captured, settings.dates):
        sun = sun_at(region.place.latitude_deg, day_of_year(day), SENTINEL2_HOUR)
        frame = sensors.observe(
            surface.reflectance(day_of_year(day), sun, bands=tuple(BANDS)),
            tuple(BANDS),
            sensors.SENTINEL2,
            sensors.draw_conditions(rng, sensors.SENTINEL2, settings.cloudy_share, sun),
            rng,
            pixel_m=HR_GSD_M,
            margin=MARGIN_PX,
            scale=GSD_M / HR_GSD_M,
        )
        stem = f"T{TILE}_{day:%Y%m%d}T102101"
        products.append(folder / stem)
        for name, image in zip(BANDS.values(), frame.image, strict=True):
            counts = np.where(frame.inside, np.clip(np.rint(image * COUNTS), 1, 65_535), 0).astype(np.uint16)
            _write(folder / stem / f"{stem}_{name}.tif", counts)
        clouds.append(folder / f"{stem}_clouds.tif")
        _write(clouds[-1], (frame.cloud > OPAQUE).astype(np.uint8))
    return MadeScene(tuple(products), tuple(clouds), ground, LOOSE)


def _write(path: Path, image: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    place = Affine(GSD_M, 0, CORNER_M[0], 0, -GSD_M, CORNER_M[1])
    write_geotiff(path, image[None], CRS.from_string(UTM), place)
