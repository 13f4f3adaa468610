"""Kinds of objects that are counted: where they are known from, how small they may be, and when one counts as found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from satsr.common.tile_grid import HR_PX
from satsr.data.data_set import DataSet
from satsr.data.making.footprints import Footprints, Labels, renumbered
from satsr.world.scene import LAND_COVER

ROADS = ("road", "track")  # land cover that is one


@dataclass(frozen=True)
class Kind:
    """A kind of objects.

    Attributes:
        name: in the plural.
        least_px: smaller areas cannot be counted.
        rule: when one counts as found, see `match`; that of buildings is a setting of its own.
        pixels: whether pixels are counted, of what has no number, such as roads.
    """

    name: str
    least_px: int
    rule: str = "centre"
    pixels: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind("buildings", least_px=12),
        Kind("boats", least_px=4),
        Kind("roads", least_px=1, rule="within 1 px", pixels=True),
    )
}


def known_objects(data: DataSet, split: str, kind: str) -> list[Labels]:
    """Return a label map of a kind for every chip of a split; none where nothing tells of it (only the world does).

    Args:
        data: in the S2-NAIP layout, as the embedded world is written.
        split: its name.
        kind: buildings (outlines of `vectors/`), boats (boxes of the objects file) or roads (land cover).

    Returns:
        int32 (128, 128) each; objects are numbered from 1 on, pixels of roads are 1, all else is 0.
    """
    chips = data.readers[split].chips
    if not (chips.folder / "vectors").is_dir():
        return []
    tiles = data.pairs[split].tiles
    if kind == "buildings":
        outlines = Footprints.of(chips.folder)
        return [outlines.labels(tile) for tile in tiles]
    if kind == "boats":
        return [_boxes(chips.objects(tile).get("boat", [])) for tile in tiles]
    classes = [LAND_COVER.index(name) for name in ROADS]
    return [np.isin(chips.land_cover(tile), classes).astype(np.int32) for tile in tiles]


def _boxes(boxes: list[tuple[int, int, int, int]]) -> Labels:
    """Draw boxes (x1, y1, x2, y2); of two that overlap the later one shows."""
    drawn = np.zeros((HR_PX, HR_PX), np.int32)
    for number, (left, top, right, bottom) in enumerate(boxes, 1):
        drawn[top:bottom, left:right] = number
    return renumbered(drawn, KINDS["boats"].least_px)
