"""A few places in the published layouts of fMoW-RGB and fMoW-Sentinel, with images of known values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin

PIXEL = 1e-4  # degrees, about 10 m
WEST, NORTH = 73.9, 18.6
SIZE = (36, 40)  # of Sentinel images; in HR 15 pixels for one


@dataclass(frozen=True)
class Place:
    """A location with the numbers and times of its RGB and Sentinel images, and the corner of each in LR pixels."""

    split: str
    category: str
    location: int
    rgb: dict[int, tuple[str, tuple[float, float]]]
    sentinel: dict[int, tuple[str, tuple[float, float]]]


PLACES = (
    Place(
        "train",
        "airport",
        0,
        rgb={
            0: ("2017-05-05T10:30:00Z", (0, 0)),
            1: ("2014-05-05T10:30:00Z", (0, 0)),  # before Sentinel-2
            2: ("2017-05-05T10:30:00Z", (30, 0)),  # a quarter of it is seen
            10: ("2017-06-14T10:30:00Z", (0, 0)),
        },
        sentinel={
            0: ("2017-05-05T10:30:00Z", (0, 0)),
            100: ("2015-10-01T00:00:00Z", (0, 0)),
            101: ("2017-10-01T00:00:00Z", (0, 0)),
        },
    ),
    Place("train", "airport", 1, rgb={0: ("2017-05-05T10:30:00Z", (0, 0))}, sentinel={}),
    Place(
        "val",
        "multi-unit_residential",
        7,
        rgb={3: ("2018-01-02T23:00:00Z", (0, 0))},
        sentinel={3: ("2018-01-02T23:00:00Z", (0, 0)), 104: ("2017-10-01T00:00:00Z", (2, 1)),
                  105: ("2018-04-01T00:00:00Z", (0.5, 0))},
    ),
    Place(
        "test_gt",
        "zoo",
        3,
        rgb={0: ("2018-01-02T03:00:00Z", (0, 0))},
        sentinel={0: ("2018-01-02T03:00:00Z", (20, 0))},
    ),
)  # fmt: skip


def lr(number: int, corner: tuple[float, float]) -> NDArray[np.uint16]:
    """(13, h, w): thousands say the band; less the image, and east and south in pixels."""
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    ground = 10 * (columns + corner[0]) + rows + corner[1]
    return (np.arange(1, 14)[:, None, None] * 1000 + number + ground).astype(np.uint16)


def hr() -> NDArray[np.uint8]:
    """(H, W, 3): red grows to the east, green to the south."""
    rows, columns = np.mgrid[0 : SIZE[0] * 15, 0 : SIZE[1] * 15]
    return np.stack([40 + columns / 5, 60 + rows / 5, np.full(rows.shape, 30.0)], axis=-1).round().astype(np.uint8)


def write(folder: Path) -> Path:
    """Write both data sets and return their folder."""
    lines: dict[str, list[str]] = {"train": [], "val": [], "test_gt": []}
    for place in PLACES:
        for number, (time, corner) in place.rgb.items():
            _write_rgb(folder / "fmow-rgb", place, number, time, corner)
        for number, (time, corner) in place.sentinel.items():
            _write_sentinel(folder / "fmow-sentinel", place, number, corner)
            lines[place.split].append(f'{place.category},{place.location},{number},{time},"{outline(corner)}"')
    for split, rows in lines.items():
        numbered = [f"{number},{row}" for number, row in enumerate(rows)]
        text = "\n".join([",category,location_id,image_id,timestamp,polygon", *numbered]) + "\n"
        (folder / "fmow-sentinel" / f"{split}.csv").write_text(text)
    return folder


def outline(corner: tuple[float, float]) -> str:
    """The footprint of an image, longitude first."""
    west, north = WEST + corner[0] * PIXEL, NORTH - corner[1] * PIXEL
    east, south = west + SIZE[1] * PIXEL, north - SIZE[0] * PIXEL
    corners = (west, north), (east, north), (east, south), (west, south), (west, north)
    return "POLYGON ((" + ", ".join(f"{x:.16f} {y:.16f}" for x, y in corners) + "))"


def folder_of(place: Place) -> str:
    return f"{place.split}/{place.category}/{place.category}_{place.location}/{place.category}_{place.location}"


def _write_rgb(root: Path, place: Place, number: int, time: str, corner: tuple[float, float]) -> None:
    path, image = root / f"{folder_of(place)}_{number}_rgb.jpg", hr()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, quality=98, subsampling=0)
    height, width = image.shape[:2]
    facts = {
        "img_filename": path.name, "gsd": 0.67, "img_width": width, "img_height": height, "utm": "43Q",
        "country_code": "IND", "cloud_cover": 3, "timestamp": time, "raw_location": outline(corner),
        "bounding_boxes": [{"ID": 11, "category": place.category, "box": [210, 200, 150, 140]}],
    }  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(facts))


def _write_sentinel(root: Path, place: Place, number: int, corner: tuple[float, float]) -> None:
    path, image = root / f"{folder_of(place)}_{number}.tif", lr(number, corner)
    path.parent.mkdir(parents=True, exist_ok=True)
    transform = from_origin(WEST + corner[0] * PIXEL, NORTH - corner[1] * PIXEL, PIXEL, PIXEL)
    kind = {"driver": "GTiff", "count": 13, "height": SIZE[0], "width": SIZE[1], "dtype": "uint16"}
    with rasterio.open(path, "w", **kind, crs="EPSG:4326", transform=transform) as file:
        file.write(image)
