"""One truthful sentence about a chip, from its labels."""

import re

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import Polygon

from satsr.world.scene import LAND_COVER

PREFIX = "an aerial image of "

_SCENES = (
    ("forest", "forest"), ("crop", "farmland"), ("orchard", "an orchard"), ("water", "open water"),
    ("bare", "bare ground"), ("grass", "grassland"), ("shrub", "scrubland"), ("sand", "a beach"),
    ("wetland", "a wetland"), ("parking", "parking lots"),
)  # fmt: skip
_EXTRAS = (
    ("forest", 0.06, "trees"), ("water", 0.02, "water"), ("crop", 0.08, "fields"), ("orchard", 0.05, "orchard rows"),
    ("road", 0.01, "a road"), ("track", 0.004, "a dirt track"), ("parking", 0.02, "a parking lot"),
    ("pool", 0.0006, "swimming pools"), ("sport", 0.02, "a sports field"),
)  # fmt: skip


def shares(land_cover: NDArray[np.uint8]) -> dict[str, float]:
    """Share of every land cover class in a map."""
    counts = np.bincount(land_cover.ravel(), minlength=len(LAND_COVER)) / land_cover.size
    return dict(zip(LAND_COVER, counts.tolist(), strict=True))


def about(count: int, singular: str, plural: str) -> str:
    """Say a number as a person would: exactly up to ten, else to the nearest ten."""
    if count == 1:
        return f"one {singular}"
    return f"{count} {plural}" if count <= 10 else f"about {round(count, -1)} {plural}"


def describe(land_cover: NDArray[np.uint8], kinds: dict[str, int], vehicles: int, boats: int, climate: str) -> str:
    """Compose the sentence.

    Args:
        land_cover: Map of the chip.
        kinds: Number of buildings of each kind in it.
        vehicles: Number of vehicles.
        boats: Number of boats.
        climate: Phrase for the climate.
    """
    share = shares(land_cover)
    houses = sum(kinds.get(kind, 0) for kind in ("house", "apartments"))
    others = sum(kinds.values()) - houses - kinds.get("shed", 0)
    things = [about(houses, "house", "houses")] if houses else []
    things += (
        [
            about(
                others,
                "other building" if houses else "building",
                "other buildings" if houses else "buildings",
            )
        ]
        if others
        else []
    )
    scene = _scene(share, houses, others)
    things += [
        text for name, least, text in _EXTRAS if share[name] >= least and text not in scene and name not in scene
    ]
    things += [about(vehicles, "car", "cars")] if vehicles > 4 else []
    things += [about(boats, "boat", "boats")] if boats else []
    article = "an" if climate[0] in "aeio" else "a"
    place = f"in {article} {climate} climate"
    if not things:
        return f"{PREFIX}{scene} {place}"
    listed = things[0] if len(things) == 1 else f"{', '.join(things[:-1])} and {things[-1]}"
    return f"{PREFIX}{scene} with {listed} {place}"


def scene_of(caption: str) -> str:
    """Return what a caption says that its image shows first: "a suburb" of "an aerial image of a suburb with ..."."""
    return re.split(r" with | in an? ", caption.removeprefix(PREFIX), maxsplit=1)[0]


def _scene(share: dict[str, float], houses: int, others: int) -> str:
    if others >= 8 and others > houses:
        return "a city center"
    if houses >= 12:
        return "a suburb"
    if share["building"] + share["parking"] + share["paved"] > 0.4 and others:
        return "a commercial area"
    _, phrase = max(_SCENES, key=lambda pair: share[pair[0]])
    return phrase


_REGION_COVERS = {
    "water": "water",
    "parking": "parking",
    "pool": "swimming_pool",
    "sport": "pitch",
    "orchard": "orchard",
    "pier": "pier",
}
_LEAST_PX = 4


def regions(land_cover: NDArray[np.uint8]) -> dict[str, list[tuple[int, int, int, int]]]:
    """Boxes (x1, y1, x2, y2) of connected areas of some classes, at least four pixels large, by category."""
    found: dict[str, list[tuple[int, int, int, int]]] = {}
    for name, category in _REGION_COVERS.items():
        labels, _ = ndimage.label(land_cover == LAND_COVER.index(name))
        sizes = np.bincount(labels.ravel())
        slices = ndimage.find_objects(labels)
        found[category] = [
            (c.start, r.start, c.stop, r.stop) for i, (r, c) in enumerate(slices) if sizes[i + 1] >= _LEAST_PX
        ]
    return found


def clipped(polygons: list[Polygon], x: int, y: int, size: int) -> list[tuple[int, int, int, int]]:
    """Integer boxes of polygons relative to (x, y), clipped to the chip, at least four pixels large."""
    if not polygons:
        return []
    bounds = shapely.bounds(polygons) - [x, y, x, y]
    low, high = np.floor(bounds[:, :2]), np.ceil(bounds[:, 2:])
    boxes = np.clip(np.concatenate([low, high], 1), 0, size).astype(int)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return [tuple(box) for box in boxes[areas >= _LEAST_PX].tolist()]
