"""The vocabulary of a scene: what stands where, in HR pixels from the region's north-west corner (x right, y down)."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon

from satsr.common.tile_grid import HR_PX, TILE_M

MARGIN_PX = 24
# The width of a chip's tile to the micrometer: the cameras of the twins see the last digits. True ground meters are
# shorter by the cosine of the latitude; like the data set's name ("2.5 m"), the world takes nominal ones for them.
HR_GSD_M = round(TILE_M, 6) / HR_PX

LAND_COVER: tuple[str, ...] = (
    "water", "forest", "shrub", "grass", "crop", "orchard", "bare", "sand", "road", "track", "parking", "paved",
    "building", "pool", "sport", "pier", "wetland",
)  # fmt: skip

Epoch = Literal["new", "old"]
EPOCHS: tuple[Epoch, ...] = ("new", "old")


@dataclass(frozen=True)
class Patch:
    """An oriented rectangle on the ground or on a roof.

    Attributes:
        x, y: Center.
        angle: Direction of `length`, radians from the x axis toward the y axis.
        length, width: Full extents.
        material: Name of a material.
        cover: Land cover that it makes, empty to leave what is there.
        green: Living material that covers the share `vigor` of it when in season.
        tone: Factor on its reflectance.
        epochs: When it exists.
    """

    x: float
    y: float
    angle: float
    length: float
    width: float
    material: str
    cover: str = ""
    green: str = ""
    vigor: float = 0.0
    tone: float = 1.0
    epochs: tuple[Epoch, ...] = EPOCHS

    @property
    def box(self) -> tuple[float, float, float, float, float]:
        """(x, y, angle, length, width)."""
        return self.x, self.y, self.angle, self.length, self.width

    @property
    def polygon(self) -> Polygon:
        """Outline as a polygon."""
        return Polygon(corners(np.array([self.box]))[0])

    def moved(self, along: float, across: float, turn: float = 0.0) -> tuple[float, float, float]:
        """Return (x, y, angle) of a point given in the patch's own axes."""
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return self.x + along * cos - across * sin, self.y + along * sin + across * cos, self.angle + turn


@dataclass(frozen=True)
class Wing:
    """One rectangular part of a building: its outline, eave height above ground, and roof.

    `pitch` is the rise of a gable roof per pixel from the eave, in meters; zero makes a flat roof.
    """

    base: Patch
    height_m: float
    pitch: float = 0.0


@dataclass(frozen=True)
class Building:
    """A building as mapped: outline, height and kind (house, barn, store, warehouse, tower, ...)."""

    polygon: Polygon
    height_m: float
    kind: str


@dataclass(frozen=True)
class Structure:
    """A building as built: wings, and what stands on the roof."""

    wings: tuple[Wing, ...]
    kind: str
    epochs: tuple[Epoch, ...] = EPOCHS


def mapped(structures: list[Structure]) -> list[Building]:
    """Outline, height and kind of structures."""
    wings = np.array([wing.base.box for s in structures for wing in s.wings])
    parts = shapely.polygons(corners(wings))
    ends = np.cumsum([len(s.wings) for s in structures])
    buildings = []
    for structure, end in zip(structures, ends.tolist(), strict=True):
        count = len(structure.wings)
        outline = parts[end - 1] if count == 1 else shapely.union_all(parts[end - count : end])
        height_m = max(wing.height_m for wing in structure.wings)
        buildings.append(Building(outline, height_m, structure.kind))
    return buildings


@dataclass(frozen=True)
class Road:
    """A road: center line, width in meters, kind (highway, arterial, street, section, track, drive)."""

    line: LineString
    width_m: float
    kind: str


@dataclass(frozen=True)
class Box:
    """A vehicle or boat: its outline and kind."""

    polygon: Polygon
    kind: str

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(x0, y0, x1, y1)."""
        return self.polygon.bounds

    @property
    def x0(self) -> float:
        """Western edge."""
        return self.bounds[0]

    @property
    def y0(self) -> float:
        """Northern edge."""
        return self.bounds[1]

    @property
    def x1(self) -> float:
        """Eastern edge."""
        return self.bounds[2]

    @property
    def y1(self) -> float:
        """Southern edge."""
        return self.bounds[3]


@dataclass(frozen=True)
class Mover:
    """A vehicle or boat as built."""

    base: Patch
    kind: str
    height_m: float


@dataclass(frozen=True)
class Area:
    """Any polygon of one material, with its living cover."""

    polygon: Polygon
    material: str
    cover: str
    green: str = ""
    vigor: float = 0.0
    tone: float = 1.0
    epochs: tuple[Epoch, ...] = EPOCHS


@dataclass(frozen=True)
class Grove:
    """An area where trees grow with a given density in [0, 1], replacing what the landscape would grow."""

    polygon: Polygon
    density: float
    epochs: tuple[Epoch, ...] = EPOCHS


@dataclass(frozen=True)
class Crop:
    """What grows on a field in one year.

    Attributes:
        name: Crop.
        green: Living material; `ground` is what lies under and after it.
        season: Index into the region's list of seasons.
        vigor: Mean cover at the peak, in [0, 1].
        stripes: Strength of tillage and drilling lines.
        tone: Factor on reflectance.
    """

    name: str
    green: str
    ground: str
    season: int
    vigor: float
    stripes: float
    tone: float


@dataclass(frozen=True)
class Parcel:
    """A field: outline, inside of the headland, direction of its rows, crop of each epoch."""

    polygon: Polygon
    inner: Polygon
    angle: float
    offset: float
    crops: dict[Epoch, Crop]


@dataclass
class Plan:
    """Everything of a region that is placed as an object, in painting order within each list."""

    areas: list[Area] = field(default_factory=list)
    patches: list[Patch] = field(default_factory=list)
    structures: list[Structure] = field(default_factory=list)
    buildings: list[Building] = field(default_factory=list)
    roads: list[Road] = field(default_factory=list)
    parcels: list[Parcel] = field(default_factory=list)
    groves: list[Grove] = field(default_factory=list)
    yards: list[tuple[Patch, float]] = field(default_factory=list)
    vehicles: list[Mover] = field(default_factory=list)
    boats: list[Mover] = field(default_factory=list)
    orchard: list[tuple[float, float, float]] = field(default_factory=list)
    street_trees: list[tuple[float, float, float]] = field(default_factory=list)
    roof_things: list[Wing] = field(default_factory=list)


def corners(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    """Corners (k, 4, 2) of oriented rectangles (k, 5) given as center x, center y, angle, length, width."""
    boxes = np.asarray(boxes, np.float64).reshape(-1, 5)
    x, y, angle, length, width = boxes.T
    along = np.stack([np.cos(angle), np.sin(angle)], -1) * length[:, None] / 2
    across = np.stack([-np.sin(angle), np.cos(angle)], -1) * width[:, None] / 2
    center = np.stack([x, y], -1)
    return np.stack(
        [center - along - across, center + along - across, center + along + across, center - along + across],
        1,
    )
