"""Thousands of small rectangles and discs rasterized at once, as numpy arrays of pixels."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

# Half sides of the squares of pixels that are tested around a shape; a shape uses the next larger one.
_REACHES = np.array([2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 30, 38, 48, 62, 86, 120, 170, 250, 400, 800])


class Stamp(NamedTuple):
    """Pixels covered by shapes; one entry per covered pixel and shape, large shapes first.

    Attributes:
        pixel: Flat index into the (n, n) grid.
        owner: Which shape covers it.
        radial: Rectangles: signed distance from the first axis in pixels. Discs: distance / radius.
    """

    pixel: NDArray[np.int32]
    owner: NDArray[np.int32]
    radial: NDArray[np.float32]

    def take(self, keep: NDArray[np.bool_]) -> "Stamp":
        """Select the pixels of some shapes, given one flag per shape."""
        chosen = keep[self.owner]
        return Stamp(self.pixel[chosen], self.owner[chosen], self.radial[chosen])


class _Near(NamedTuple):
    """Shapes of one size with the offsets (k, m) of nearby pixel centers from their centers."""

    owner: NDArray[np.int32]
    dx: NDArray[np.float32]
    dy: NDArray[np.float32]
    column: NDArray[np.int32]
    row: NDArray[np.int32]
    steps: NDArray[np.int32]


def _near(x: Floats, y: Floats, reach: Floats) -> Iterator[_Near]:
    bucket = np.searchsorted(_REACHES, np.minimum(reach, _REACHES[-1]))
    for size in np.unique(bucket)[::-1]:
        owner = np.flatnonzero(bucket == size).astype(np.int32)
        r = int(_REACHES[size])
        steps = np.mgrid[-r : r + 1, -r : r + 1].reshape(2, -1).astype(np.int32)
        steps = steps[:, (steps**2).sum(0) <= (r + 0.8) ** 2]
        column, row = (np.floor(v[owner]).astype(np.int32) for v in (x, y))
        off_x, off_y = (np.float32(0.5) + column - x[owner], np.float32(0.5) + row - y[owner])
        dx = off_x.astype(np.float32)[:, None] + steps[1].astype(np.float32)
        dy = off_y.astype(np.float32)[:, None] + steps[0].astype(np.float32)
        yield _Near(owner, dx, dy, column, row, steps)


def _collect(near: _Near, keep: NDArray[np.bool_], radial: Floats, n: int) -> Stamp:
    """Kept pixels that lie on the grid."""
    which, step = np.nonzero(keep)
    column = near.column[which] + near.steps[1][step]
    row = near.row[which] + near.steps[0][step]
    inside = (column >= 0) & (column < n) & (row >= 0) & (row < n)
    pixel = row * np.int32(n) + column
    return Stamp(pixel[inside], near.owner[which][inside], radial[which, step][inside].astype(np.float32, copy=False))


def _joined(parts: list[Stamp]) -> Stamp:
    empty = Stamp(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
    return Stamp(*(np.concatenate(values) for values in zip(empty, *parts, strict=True)))


def rectangles(boxes: Floats, n: int) -> Stamp:
    """Rasterize oriented rectangles on an (n, n) grid: pixels whose center lies inside.

    Args:
        boxes: (k, 5) of center x, center y, angle in radians, length and width in pixels of the grid.
        n: Side of the grid.
    """
    x, y, angle, length, width = np.asarray(boxes, np.float64).reshape(-1, 5).T
    cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    half_length, half_width = (v.astype(np.float32)[:, None] / 2 for v in (length, width))
    parts = []
    for near in _near(x, y, np.hypot(length, width) / 2 + 0.5):
        c, s = cos[near.owner, None], sin[near.owner, None]
        across = near.dy * c - near.dx * s
        keep = np.abs(across) <= half_width[near.owner]
        keep &= np.abs(near.dx * c + near.dy * s) <= half_length[near.owner]
        parts.append(_collect(near, keep, across, n))
    return _joined(parts)


def discs(x: Floats, y: Floats, radius: Floats, n: int) -> Stamp:
    """Rasterize discs on an (n, n) grid; coordinates and radii in its pixels."""
    parts = []
    for near in _near(x, y, radius):
        distance = np.hypot(near.dx, near.dy) / radius.astype(np.float32)[near.owner, None]
        parts.append(_collect(near, distance <= 1, distance, n))
    return _joined(parts)
