"""Degradations of single objects: some are painted over, or stand somewhere else.

Both first decide on all changes by looking at the original image, then make them object by object, and no pixel
is changed twice. So a larger share changes the same pixels in the same way, and more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from satsr.evaluation.degradations.context import Array, Box, Context, degradation

# Things that a fault takes away or moves; boxes of roads or fields are not things.
THINGS = ("building", "car", "boat", "swimming_pool")
MIN_SIDE_PX, MAX_SIDE_PX = 3, 24  # smaller ones do not show; larger ones have no surroundings to be filled from
MIN_OBJECTS = 4  # so that shares of a quarter differ
MARGIN_PX = 2  # blurred edges and the nearest shadow belong to an object
RING_PX = 2  # width of the surroundings that a filling must continue
REACH_PX = 32  # how far a filling is looked for
STEP_PX = 2
MOVES_PX = ((-6, 0), (-4, 4), (0, 6), (4, 4), (6, 0), (4, -4), (0, -6), (-4, -4))  # 6 px down and right, all around


@dataclass(frozen=True)
class _Window:
    """A rectangle of an image; ends are excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def around(cls, box: Box, margin_px: int, height: int, width: int) -> _Window:
        x1, y1, x2, y2 = box
        return cls(
            max(y1 - margin_px, 0), max(x1 - margin_px, 0), min(y2 + margin_px, height), min(x2 + margin_px, width)
        )

    def moved(self, down: int, right: int) -> _Window:
        return _Window(self.top + down, self.left + right, self.bottom + down, self.right + right)

    def inside(self, height: int, width: int) -> bool:
        return self.top >= 0 and self.left >= 0 and self.bottom <= height and self.right <= width

    @property
    def pixels(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)


def things(objects: Mapping[str, Sequence[Box]]) -> tuple[Box, ...]:
    """Return the boxes of things among the objects of a chip, by category."""
    return tuple(box for name in THINGS for box in objects.get(name, ()))


def usable(objects: Sequence[Box]) -> list[Box]:
    """Return the objects that can be removed or moved: 3 to 24 px wide and high, and 2 px or more from any other.

    Boxes of slanted buildings in a dense block overlap, and nothing of the ground between them can be seen.
    """
    fitting = [b for b in objects if all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in (b[2] - b[0], b[3] - b[1]))]
    return [box for box in fitting if sum(not _apart(box, other) for other in objects) == 1]  # itself


def _apart(a: Box, b: Box) -> bool:
    return any(x[end] + MARGIN_PX <= y[start] for x, y in ((a, b), (b, a)) for start, end in ((0, 2), (1, 3)))


@degradation
def missing_objects(image: Array, strength: float, context: Context) -> Array:
    """Paint over a share of the objects with what surrounds them.

    A filling is the nearby piece of the image, free of objects, whose edge continues the object's surroundings
    best, brought to their brightness.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: share of the usable objects, 0 to 1; rounded up to whole objects.
        context: seed, and at least 4 usable objects.

    Returns:
        float32 (C, H, W) in [0, 1].

    Raises:
        ValueError: for a share above 1, too few usable objects, or an object outside the image.
    """
    covered = _covered(image, context.objects)
    painter = _Painter(image)
    for box in _chosen(image, strength, context, context.rng()):
        where = _Window.around(box, MARGIN_PX, *image.shape[1:])
        painter.paint([(where, _filling(image, covered, where))])
    return painter.result


@degradation
def misplaced_objects(image: Array, strength: float, context: Context) -> Array:
    """Move a share of the objects by 6 px, each in its own direction, and fill the hole as `missing_objects`.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: share of the usable objects, 0 to 1; rounded up to whole objects.
        context: seed, and at least 4 usable objects.

    Returns:
        float32 (C, H, W) in [0, 1].

    Raises:
        ValueError: for a share above 1, too few usable objects, or an object outside the image.
    """
    rng = context.rng()
    covered = _covered(image, context.objects)
    painter = _Painter(image)
    for box in _chosen(image, strength, context, rng):
        where = _Window.around(box, MARGIN_PX, *image.shape[1:])
        there = _moved(where, image, rng)
        painter.paint([(where, _filling(image, covered, where)), (there, image[:, *where.pixels])])
    return painter.result


class _Painter:
    """An image in the course of changes: what one object changed, a later one leaves alone."""

    def __init__(self, image: Array) -> None:
        self.result = image.copy()
        self._changed = np.zeros(image.shape[1:], bool)

    def paint(self, pieces: Sequence[tuple[_Window, Array]]) -> None:
        """Lay the pieces (C, h, w) of one object over the image, later ones over earlier ones."""
        painted, touched = self.result.copy(), np.zeros_like(self._changed)
        for window, piece in pieces:
            painted[:, *window.pixels] = piece
            touched[window.pixels] = True
        self.result = np.where(touched & ~self._changed, painted, self.result)
        self._changed |= touched


def _chosen(image: Array, share: float, context: Context, rng: np.random.Generator) -> list[Box]:
    """Draw the objects that are changed; a smaller share draws the first of them."""
    height, width = image.shape[1:]
    if share > 1:
        raise ValueError(f"got a share of objects of {share:g}, expected at most 1")
    for x1, y1, x2, y2 in context.objects:
        if not (0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height):
            raise ValueError(f"got object {(x1, y1, x2, y2)}, expected (x1, y1, x2, y2) inside {width}x{height} px")
    boxes = usable(context.objects)
    if len(boxes) < MIN_OBJECTS:
        raise ValueError(
            f"got {len(boxes)} free-standing objects of {MIN_SIDE_PX} to {MAX_SIDE_PX} px, expected at least "
            f"{MIN_OBJECTS}: ask `applicable` first"
        )
    count = math.ceil(share * len(boxes) - 1e-9)
    return [boxes[i] for i in rng.permutation(len(boxes))[:count]]


def _covered(image: Array, objects: Sequence[Box]) -> NDArray[np.bool_]:
    """Mark where objects stand: (H, W)."""
    covered = np.zeros(image.shape[1:], bool)
    for box in objects:
        covered[_Window.around(box, MARGIN_PX, *image.shape[1:]).pixels] = True
    return covered


def _moved(where: _Window, image: Array, rng: np.random.Generator) -> _Window:
    """Draw a direction in which the window stays inside the image; one that has no room stays where it is."""
    moves = (where.moved(*MOVES_PX[i]) for i in rng.permutation(len(MOVES_PX)))
    return next((window for window in moves if window.inside(*image.shape[1:])), where)


def _filling(image: Array, covered: NDArray[np.bool_], where: _Window) -> Array:
    """Choose the piece of the image that fits into a window best: (C, h, w)."""
    height, width = where.bottom - where.top, where.right - where.left
    ring = np.ones((height + 2 * RING_PX, width + 2 * RING_PX), bool)
    ring[RING_PX:-RING_PX, RING_PX:-RING_PX] = False
    # With the image continued by a ring, the piece that starts at a pixel has its own ring around it.
    continued = np.pad(image, ((0, 0), (RING_PX, RING_PX), (RING_PX, RING_PX)), mode="symmetric")
    near = tuple(slice(max(start - REACH_PX, 0), start + REACH_PX + 1, STEP_PX) for start in (where.top, where.left))
    pieces = sliding_window_view(continued, ring.shape, axis=(1, 2))[:, *near]  # (C, rows, columns, h + 4, w + 4)
    hidden = sliding_window_view(covered, (height, width))[near].mean(axis=(-2, -1))  # (rows, columns)
    edge = continued[:, where.top : where.top + ring.shape[0], where.left : where.left + ring.shape[1]][:, ring]
    misfit = pieces[..., ring] - edge[:, None, None]  # (C, rows, columns, pixels of the ring)
    # A piece with an object in it is worse than any edge.
    row, column = np.unravel_index(np.argmin((misfit**2).mean(axis=(0, -1)) + hidden), hidden.shape)
    inner = pieces[:, row, column, RING_PX:-RING_PX, RING_PX:-RING_PX]
    return inner - _spread(misfit[:, row, column], ring)


def _spread(values: Array, ring: NDArray[np.bool_]) -> Array:
    """Continue what is known on a ring (C, pixels) into its inside (C, h, w), weighted by distance ** -3.

    For the misfit of a piece it is what makes its edge disappear.
    """
    inside = np.argwhere(~ring)
    weight = np.hypot(*(inside[:, None] - np.argwhere(ring)).transpose(2, 0, 1)) ** -3.0
    weight /= weight.sum(axis=1, keepdims=True)
    height, width = (size - 2 * RING_PX for size in ring.shape)
    return (values @ weight.T).reshape(-1, height, width)
