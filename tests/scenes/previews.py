"""Small images for the tests of their map pages, and what a page holds."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from PIL import Image

from tests.scenes.blocks import record

PLACE = Affine(2.5, 0, 399_960, 0, -2.5, 5_600_040)
RGB = ("red", "green", "blue")


def write(
    path: Path,
    image: NDArray[Any],
    names: Sequence[str] = RGB,
    *,
    scales: Sequence[float] | float | None = 1e-4,
    place: Affine = PLACE,
    crs: str = "EPSG:32633",
    tags: Mapping[str, str] | None = None,
    **kind: Any,
) -> Path:
    """Write an image (C, H, W) in which 0 stands for no data; with the record of a run unless other tags are given."""
    count, height, width = image.shape
    facts = {"height": height, "width": width, "count": count, "dtype": image.dtype, "crs": crs, "transform": place}
    with rasterio.open(path, "w", driver="GTiff", **{"nodata": 0, **facts, **kind}) as file:
        file.write(image)
        if scales is not None:
            file.scales = [scales] * count if isinstance(scales, float) else scales
        for number, name in enumerate(names, start=1):
            file.set_band_description(number, name)
        file.update_tags(**(record().tags() if tags is None else tags))
    return path


def coarser(factor: float) -> Affine:
    return PLACE @ Affine.scale(factor)


class Parsed(HTMLParser):
    """A page's elements, its words, and what it would load."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.scripts: list[str] = []
        self.words = ""
        self.feed(path.read_text())
        self.view: dict[str, Any] = json.loads(self.scripts[0])

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attributes

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["script"]:
            self.scripts.append(data)
        elif self.tags[-1:] != ["style"]:
            self.words += data

    def layer(self, key: str) -> dict[str, Any]:
        return next(one for one in self.view["layers"] if one["key"] == key)

    def image(self, key: str) -> NDArray[np.uint8]:
        """Return a layer's colours (h, w, 4)."""
        return pixels(self.layer(key)["image"])


def pixels(address: str) -> NDArray[np.uint8]:
    kind, _, content = address.partition(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGBA"))
