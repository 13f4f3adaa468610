"""Writes scenes in the layouts of fMoW-RGB and fMoW-Sentinel (see `satsr.data.readers.fmow`), for the embedded twin."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image

from satsr.data.rasters import north_up, write_geotiff
from satsr.data.reader import Scene, write_regions
from satsr.data.readers.fmow_pairs import PAIRS_FILE, RGB_ROOT, SENTINEL_ROOT, SPLITS, write_pairs_index
from satsr.data.true_colour import TCI_WHITE

BANDS = ("b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b8a", "b09", "b10", "b11", "b12")
PER_REFLECTANCE = 10_000.0
CATEGORY = "embedded"  # none of fMoW's 62
OWN_DATES = 100  # image numbers from here on are Sentinel images without an fMoW image of that date
QUALITY = 95  # of JPEG; that of fMoW is not published


def write_data_set(folder: Path, scenes: Iterable[Scene]) -> None:
    """Write scenes of all splits, each as a location with one RGB image, and the index of pairs.

    Scene number n becomes the place `embedded_{n}_0`. Its frames keep their own dates, though fMoW-Sentinel's are
    composites, and may lie at any distance from the HR image: every scene is a pair.

    Args:
        folder: made when missing; `fmow-rgb/`, `fmow-sentinel/`, `pairs.csv` and `regions.json` go there.
        scenes: with all 13 bands and HR in reflectance. What is not valid becomes 0.
    """
    rows: dict[str, list[str]] = {name: [] for name in SPLITS.values()}
    regions = []
    for number, scene in enumerate(scenes):
        outline, name = _outline(scene), SPLITS[scene.split]
        place = Path(name) / CATEGORY / f"{CATEGORY}_{number}"
        _write_rgb(folder / RGB_ROOT / place, scene, outline)
        _write_series(folder / SENTINEL_ROOT / place, scene)
        rows[name] += [
            f'{CATEGORY},{number},{OWN_DATES + n},{_noon(day)},"{outline}"\n' for n, day in enumerate(scene.dates)
        ]
        regions.append((f"{CATEGORY}_{number}_0", scene.region))
    for name, lines in rows.items():
        numbered = "".join(f"{number},{line}" for number, line in enumerate(lines))
        table = ",category,location_id,image_id,timestamp,polygon\n" + numbered
        (folder / SENTINEL_ROOT / f"{name}.csv").write_text(table)
    write_regions(folder, regions)
    write_pairs_index(folder / RGB_ROOT, folder / SENTINEL_ROOT, folder / PAIRS_FILE, max_days=math.inf)


def _write_rgb(place: Path, scene: Scene, outline: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    share = np.moveaxis(scene.hr_of("red", "green", "blue"), 0, -1) / TCI_WHITE
    image = np.clip(np.rint(share * 255), 1, 255) * scene.hr_valid[..., None]
    stem = f"{place.name}_0_rgb"
    Image.fromarray(image.astype(np.uint8)).save(place / f"{stem}.jpg", quality=QUALITY, subsampling=0)
    height, width = image.shape[:2]
    facts = {
        "img_filename": f"{stem}.jpg",
        "gsd": scene.hr_gsd_m,
        "img_width": width,
        "img_height": height,
        "timestamp": _noon(scene.day),
        "raw_location": outline,
        "bounding_boxes": [{"ID": 0, "box": [0, 0, width, height], "category": CATEGORY}],
    }
    (place / f"{stem}.json").write_text(json.dumps(facts))


def _write_series(place: Path, scene: Scene) -> None:
    dn = np.clip(np.rint(scene.bands(*BANDS) * PER_REFLECTANCE), 1, 65_535) * scene.lr_valid[:, None]
    for n, frame in enumerate(dn.astype(np.uint16)):
        path = place / f"{place.name}_{OWN_DATES + n}.tif"
        write_geotiff(path, frame, scene.crs, north_up(scene.corner, scene.lr_gsd_m))


def _outline(scene: Scene) -> str:
    """Return the four corners as WKT, longitude first, to a thousandth of a millimetre."""
    from rasterio.warp import transform

    left, top = scene.corner
    right, bottom = left + scene.lr.shape[-1] * scene.lr_gsd_m, top - scene.lr.shape[-2] * scene.lr_gsd_m
    x, y = [left, right, right, left, left], [top, top, bottom, bottom, top]
    corners = zip(*transform(scene.crs, "EPSG:4326", x, y), strict=True)
    return "POLYGON ((" + ", ".join(f"{lon:.11f} {lat:.11f}" for lon, lat in corners) + "))"


def _noon(day: date) -> str:
    return f"{day.isoformat()}T12:00:00Z"
