"""The classes of scenes that are told apart: what covers most of a place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satsr.data.data_set import DataSet
from satsr.world.scene import LAND_COVER

CLASSES = {  # of a scene, and the land cover that it is
    "woodland": ("forest", "orchard"),
    "scrubland": ("shrub",),
    "grassland": ("grass", "sport"),
    "farmland": ("crop",),
    "town": ("road", "track", "parking", "paved", "building", "pool", "pier"),
    "bare ground": ("bare", "sand"),
    "water": ("water",),
    "wetland": ("wetland",),
}
TOWN_SHARE = 0.2  # of roofs and roads from which on a scene is a town, whatever else covers it


def scene_labels(data: DataSet, split: str) -> NDArray[np.int64]:
    """Return the number in `CLASSES` of every place of a split, (N,).

    A town is what is built up by a fifth or more; any other scene has the class that covers most of it.

    Raises:
        ValueError: the data tell of no land cover; only the embedded world does.
    """
    chips = data.readers[split].chips
    covers = [chips.land_cover(tile) for tile in data.pairs[split].tiles]
    if any(cover is None for cover in covers):
        raise ValueError(f"{data.name}, {split}: got places without land cover, expected it: use the embedded world")
    return np.array([scene_of(cover) for cover in covers], np.int64)


def scene_of(cover: NDArray[np.uint8]) -> int:
    """Return the number in `CLASSES` of a map of land cover."""
    shares = {name: np.isin(cover, [LAND_COVER.index(n) for n in own]).mean() for name, own in CLASSES.items()}
    town = shares.pop("town")
    name = "town" if town >= TOWN_SHARE else max(shares, key=lambda other: shares[other])
    return list(CLASSES).index(name)
