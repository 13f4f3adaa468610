"""Label maps and outlines that tests make up."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from satsr.common.tile_grid import HR_GSD_M, corner_m
from satsr.data.making.footprints import Labels


def squares(*corners: tuple[int, int], side: int = 6, size: int = 32) -> Labels:
    labels = np.zeros((size, size), np.int32)
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + side, x : x + side] = number
    return labels


def write_outlines(folder: Path, tile: str, boxes_px: list[tuple[float, float, float, float]]) -> None:
    """Write boxes (x1, y1, x2, y2) in pixels of a tile as an outline file of the embedded world."""
    x0, y0 = corner_m(*map(int, tile.split("_")))
    features = []
    for x1, y1, x2, y2 in boxes_px:
        ring = [(x0 + x * HR_GSD_M, y0 - y * HR_GSD_M) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1))]
        features.append(_feature("building", {"type": "Polygon", "coordinates": [ring]}))
    features.append(_feature("road", {"type": "LineString", "coordinates": [(x0, y0), (x0 + 10, y0 - 10)]}))
    (folder / "vectors").mkdir(parents=True, exist_ok=True)
    (folder / "vectors" / f"{tile}.geojson").write_text(json.dumps({"features": features}))


def _feature(category: str, geometry: dict[str, object]) -> dict[str, object]:
    return {"type": "Feature", "properties": {"category": category}, "geometry": geometry}
