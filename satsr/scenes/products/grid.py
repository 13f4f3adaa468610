"""Grids of pixels: a product's own, and the Web-Mercator grid of the training data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from affine import Affine
from rasterio.crs import CRS

from satsr.common.tile_grid import LR_PX, TILE_M, ZOOM_TILES, corner_m

Bounds = tuple[float, float, float, float]  # left, bottom, right, top; x (longitude) before y
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

    With whole tiles, each block of 32 x 32 pixels is a place that S2-NAIP could hold.
    """
    return TILES.covering(bounds).finer(LR_PX)


def bounds_in(bounds: Bounds, source: CRS, target: CRS) -> Bounds:
    """Return the box in another CRS that holds a box."""
    from rasterio.warp import transform_bounds

    return bounds if source == target else transform_bounds(source, target, *bounds)


def overlap(a: Bounds, b: Bounds) -> Bounds | None:
    """Return what two boxes share, or None."""
    left, bottom, right, top = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    return (left, bottom, right, top) if left < right and bottom < top else None


def around(boxes: list[Bounds]) -> Bounds:
    """Return the box that holds boxes."""
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)
