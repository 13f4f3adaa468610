"""Grids of pixels: a product's own, and the Web-Mercator grid of the training data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS

from satsr.common.tile_grid import LR_PX, TILE_M, ZOOM_TILES, corner_m

Bounds = tuple[float, float, float, float]  # left, bottom, right, top; x (longitude) before y
DEGREES = 360.0  # once around the world
WORLD_M = TILE_M * ZOOM_TILES  # the same in EPSG:3857
LONGITUDES = CRS.from_epsg(4326)
ON_LINE = 1e-6  # bounds within this part of a pixel from a grid line lie on it


@dataclass(frozen=True)
class Grid:
    """Where pixels lie; north is up.

    Attributes:
        crs: of the coordinates.
        transform: from column and row to x and y; the corner of the first pixel is (0, 0).
        height: rows.
        width: columns.
    """

    crs: CRS
    transform: Affine
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def bounds(self) -> Bounds:
        """Outer edges."""
        left, top = self.transform.c, self.transform.f
        return left, top + self.height * self.transform.e, left + self.width * self.transform.a, top

    def part(self, row: int, column: int, height: int, width: int) -> Grid:
        """Return a window of the grid; it may lie outside."""
        return Grid(self.crs, self.transform @ Affine.translation(column, row), height, width)

    def moved(self, down: float, right: float) -> Grid:
        """Return the grid moved by parts of a pixel."""
        return Grid(self.crs, self.transform @ Affine.translation(right, down), self.height, self.width)

    def finer(self, factor: float) -> Grid:
        """Return a grid of the same place with `factor` times as many rows and columns."""
        height, width = (max(1, round(n * factor)) for n in self.shape)
        scale = Affine.scale(self.width / width, self.height / height)
        return Grid(self.crs, self.transform @ scale, height, width)

    def covering(self, bounds: Bounds) -> Grid:
        """Return the smallest window of whole pixels that covers bounds of the same CRS."""
        left, bottom, right, top = bounds
        (x1, y1), (x2, y2) = ~self.transform @ (left, top), ~self.transform @ (right, bottom)
        column, row = math.floor(x1 + ON_LINE), math.floor(y1 + ON_LINE)
        return self.part(row, column, math.ceil(y2 - ON_LINE) - row, math.ceil(x2 - ON_LINE) - column)

    def strips(self, rows: int) -> Iterator[tuple[slice, Grid]]:
        """Cut the grid into strips of at most so many rows."""
        for row in range(0, self.height, rows):
            count = min(rows, self.height - row)
            yield slice(row, row + count), self.part(row, 0, count, self.width)


# The world as tiles at zoom 17, one pixel each.
TILES = Grid(
    CRS.from_epsg(3857), Affine(TILE_M, 0, corner_m(0, 0)[0], 0, -TILE_M, corner_m(0, 0)[1]), ZOOM_TILES, ZOOM_TILES
)


def web_mercator(bounds: Bounds) -> Grid:
    """Return the training grid around bounds in EPSG:3857: whole zoom-17 tiles of 32 x 32 pixels of 9.555 m.

    With whole tiles, each block of 32 x 32 pixels is a place that S2-NAIP could hold. Across the 180th meridian the
    grid goes on to the east, with x beyond 20,037,508 m.
    """
    return TILES.covering(bounds).finer(LR_PX)


def turn(crs: CRS) -> float | None:
    """Return how far it is once around the world in x; None in a CRS whose x is no longitude."""
    if crs.is_geographic:
        return DEGREES
    return WORLD_M if crs == TILES.crs else None


def bounds_in(bounds: Bounds, source: CRS, target: CRS) -> Bounds:
    """Return the box in another CRS that holds a box.

    Across the 180th meridian it goes on to the east, such as from longitude 179.9 to 180.1, so that left < right.
    """
    from rasterio.warp import transform_bounds

    if source == target:
        return bounds
    left, bottom, right, top = transform_bounds(source, target, *bounds)
    to = turn(target)
    if to is None:
        return left, bottom, right, top
    if own := turn(source):  # x of both is longitude
        return bounds[0] / own * to, bottom, bounds[2] / own * to, top
    if target.is_geographic:
        return left, bottom, right + to if right < left else right, top
    west, _, east, _ = bounds_in(bounds, source, LONGITUDES)
    # The longitudes of a box that does not cross say the same with other roundings.
    return (
        (left, bottom, right, top) if east <= DEGREES / 2 else (west / DEGREES * to, bottom, east / DEGREES * to, top)
    )


def overlap(a: Bounds, b: Bounds) -> Bounds | None:
    """Return what two boxes share, or None."""
    left, bottom, right, top = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    return (left, bottom, right, top) if left < right and bottom < top else None


def shared(box: Bounds, other: Bounds, crs: CRS) -> Bounds | None:
    """Return what two boxes of a CRS share, on the first one's turn around the world, or None."""
    once = turn(crs)
    turns = [0.0] if once is None else [n * once for n in (-2, -1, 0, 1, 2)]
    parts = [overlap(box, (other[0] + far, other[1], other[2] + far, other[3])) for far in turns]
    found = [part for part in parts if part is not None]
    return around(found) if found else None


def side_by_side(boxes: list[Bounds], crs: CRS) -> list[Bounds]:
    """Return boxes of a CRS on that turn around the world that brings them nearest to the first."""
    once = turn(crs)
    if once is None:
        return boxes
    middle = (boxes[0][0] + boxes[0][2]) / 2
    far = [once * round((middle - (left + right) / 2) / once) for left, _, right, _ in boxes]
    return [(b[0] + by, b[1], b[2] + by, b[3]) for b, by in zip(boxes, far, strict=True)]


def around(boxes: list[Bounds]) -> Bounds:
    """Return the box that holds boxes."""
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)
