"""The classes of scenes that are told apart: what covers most of a place, or the class folder that an image lay in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satsr.data.data_set import DataSet
from satsr.data.reader import SPLITS
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
LEAST_OF_CLASS = 2  # training places of a caption, on average, from which on captions are names of classes


@dataclass(frozen=True)
class Scenes:
    """The classes of all places.

    Attributes:
        names: of the classes.
        of: by split, the number of every place's class in `names`, (N,); -1 where no training place has its class.
    """

    names: tuple[str, ...]
    of: dict[str, NDArray[np.int64]]

    @property
    def commonest(self) -> float:
        """Share of the test places that have the commonest class of the training places: what chance gives."""
        return float((self.of["test"] == np.bincount(self.of["train"], minlength=len(self.names)).argmax()).mean())


def scenes(data: DataSet) -> Scenes | None:
    """Return the classes of a data set's places; None where it tells of none.

    The embedded world tells what covers a place: a town is what is built up by a fifth or more, any other scene has the
    class that covers most of it. Of a user's images, each in the folder of its class, the captions name it.
    """
    covers, captions = {}, {}
    for split in SPLITS:
        chips, tiles = data.readers[split].chips, data.pairs[split].tiles
        covers[split] = [chips.land_cover(tile) for tile in tiles]
        captions[split] = [chips.caption(tile) for tile in tiles]
    if all(cover is not None for own in covers.values() for cover in own):
        numbers = {split: np.array([scene_of(cover) for cover in own], np.int64) for split, own in covers.items()}
        return Scenes(tuple(CLASSES), numbers)
    if not all(caption for own in captions.values() for caption in own):
        return None
    names = sorted({str(caption) for caption in captions["train"]})
    if len(names) < 2 or len(captions["train"]) < LEAST_OF_CLASS * len(names):
        return None
    places = {name: number for number, name in enumerate(names)}
    numbers = {split: np.array([places.get(c, -1) for c in own], np.int64) for split, own in captions.items()}
    return Scenes(tuple(names), numbers)


def scene_of(cover: NDArray[np.uint8]) -> int:
    """Return the number in `CLASSES` of a map of land cover."""
    shares = {name: np.isin(cover, [LAND_COVER.index(n) for n in own]).mean() for name, own in CLASSES.items()}
    town = shares.pop("town")
    name = "town" if town >= TOWN_SHARE else max(shares, key=lambda other: shares[other])
    return list(CLASSES).index(name)
