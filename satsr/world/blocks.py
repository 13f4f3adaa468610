"""Land divided: a bent grid, recursively split into blocks with roads along the cuts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon

#: Full width of a road in HR pixels (2.39 m).
ROAD_WIDTH_PX = {
    "highway": 10.0, "arterial": 6.4, "street": 3.6, "section": 3.2, "track": 1.5, "edge": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class StreetGrid:
    """Grid coordinates (u, v) bent smoothly into region coordinates (x, y): curved streets stay parallel.

    Attributes:
        center: Region coordinates of u = v = 0.
        angle: Rotation in radians.
        bend_px: Amplitude of the bends; 0 makes a straight grid.
        wave_px: Wavelength of the bends.
        phase: Phases of the two bends.
    """

    center: float
    angle: float
    bend_px: float
    wave_px: float
    phase: tuple[float, float]

    def xy(self, u: NDArray[np.floating] | float, v: NDArray[np.floating] | float) -> NDArray[np.float64]:
        """Region coordinates (..., 2) of grid points."""
        k = 2 * np.pi / self.wave_px
        a = np.asarray(u + self.bend_px * np.sin(k * np.asarray(v) + self.phase[0]))
        b = np.asarray(v + self.bend_px * np.sin(k * np.asarray(u) + self.phase[1]))
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.stack([self.center + a * cos - b * sin, self.center + a * sin + b * cos], -1)

    def heading(self, u: float, v: float, along_u: bool) -> float:
        """Direction in radians of the grid line through a point."""
        k = 2 * np.pi / self.wave_px
        if along_u:
            return float(self.angle + np.arctan(k * self.bend_px * np.cos(k * u + self.phase[1])))
        return float(self.angle + np.pi / 2 - np.arctan(k * self.bend_px * np.cos(k * v + self.phase[0])))


@dataclass(frozen=True)
class Block:
    """A rectangle of the grid between roads.

    Attributes:
        frame: Grid that it belongs to.
        u0, v0, u1, v1: Extent in grid coordinates, roads excluded.
        zone: Name of the rule that made it.
    """

    frame: StreetGrid
    u0: float
    v0: float
    u1: float
    v1: float
    zone: str

    @property
    def along_u(self) -> bool:
        """Whether the long side runs along u."""
        return self.u1 - self.u0 >= self.v1 - self.v0

    @property
    def length(self) -> float:
        """Long side in pixels."""
        return max(self.u1 - self.u0, self.v1 - self.v0)

    @property
    def depth(self) -> float:
        """Short side in pixels."""
        return min(self.u1 - self.u0, self.v1 - self.v0)

    def at(self, s: float, t: float) -> tuple[float, float, float]:
        """(x, y, angle) of the point at `s` along the long side and `t` along the short one."""
        # Mirrored when the long side is v, so that (s, t) keeps the handedness of (x, y).
        u, v = (self.u0 + s, self.v0 + t) if self.along_u else (self.u1 - t, self.v0 + s)
        x, y = self.frame.xy(u, v)
        return float(x), float(y), self.frame.heading(u, v, self.along_u)

    def polygon(self, inset: float = 0.0) -> Polygon:
        """Outline in region coordinates, with curved sides followed every 12 pixels."""
        u0, v0, u1, v1 = self.u0 + inset, self.v0 + inset, self.u1 - inset, self.v1 - inset
        ring = LineString([(u0, v0), (u1, v0), (u1, v1), (u0, v1), (u0, v0)]).segmentize(12)
        u, v = shapely.get_coordinates(ring).T
        return Polygon(self.frame.xy(u, v))

    @property
    def center(self) -> tuple[float, float]:
        """Region coordinates of the middle."""
        x, y, _ = self.at(self.length / 2, self.depth / 2)
        return x, y


@dataclass(frozen=True)
class Cut:
    """A straight line of the grid along which land was split."""

    line: LineString
    kind: str


@dataclass(frozen=True)
class Rule:
    """How land of one zone is split.

    Attributes:
        zone: Its name.
        depth, length: Wanted short and long side of a block.
        kind_of: Road kind of a cut across land of a given extent (the side being cut).
        jitter: Largest deviation of a cut from the even one, as a share of the side.
    """

    zone: str
    depth: float
    length: float
    kind_of: Callable[[float, np.random.Generator], str]
    jitter: float


def _cut_at(side: float, step: float, jitter: float, rng: np.random.Generator) -> float:
    """Where to cut a side that should end up as pieces of about `step`."""
    pieces = max(2, round(side / step))
    return side * (pieces // 2) / pieces + side * jitter * rng.uniform(-1, 1)


def subdivide(
    frame: StreetGrid, half: float, rule_at: Callable[[float, float, float], Rule], rng: np.random.Generator
) -> tuple[list[Block], list[Cut]]:
    """Split the square |u|, |v| <= half into blocks.

    Args:
        frame: Bends the grid.
        half: Half of the square's side.
        rule_at: Rule for land around (x, y) of a given size in pixels.
        rng: Source of randomness.

    Returns:
        Blocks between the roads, and the cuts, in region coordinates.
    """
    blocks, cuts = [], []
    # Every entry is a rectangle and the half widths of the roads on its u0, v0, u1 and v1 sides.
    todo = [((-half, -half, half, half), (0.0, 0.0, 0.0, 0.0))]
    while todo:
        (u0, v0, u1, v1), roads = todo.pop()
        sides = (u1 - u0, v1 - v0)
        x, y = frame.xy((u0 + u1) / 2, (v0 + v1) / 2)
        rule = rule_at(float(x), float(y), max(sides))
        if min(sides) <= 1.5 * rule.depth and max(sides) <= 1.5 * rule.length:
            blocks.append(Block(frame, u0 + roads[0], v0 + roads[1], u1 - roads[2], v1 - roads[3], rule.zone))
            continue
        long_side = max(sides) > 1.5 * rule.length
        across_u = (sides[0] >= sides[1]) == long_side
        side = sides[0] if across_u else sides[1]
        step = rule.length if long_side else rule.depth
        cut = _cut_at(side, step, rule.jitter, rng)
        kind = rule.kind_of(side, rng)
        wide = ROAD_WIDTH_PX[kind] / 2
        if across_u:
            ends = LineString([(u0 + cut, v0), (u0 + cut, v1)])
            todo.append(((u0, v0, u0 + cut, v1), (roads[0], roads[1], wide, roads[3])))
            todo.append(((u0 + cut, v0, u1, v1), (wide, roads[1], roads[2], roads[3])))
        else:
            ends = LineString([(u0, v0 + cut), (u1, v0 + cut)])
            todo.append(((u0, v0, u1, v0 + cut), (roads[0], roads[1], roads[2], wide)))
            todo.append(((u0, v0 + cut, u1, v1), (roads[0], wide, roads[2], roads[3])))
        line = shapely.get_coordinates(ends.segmentize(8)).T
        cuts.append(Cut(LineString(frame.xy(*line)), kind))
    return blocks, cuts
