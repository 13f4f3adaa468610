"""A scene of several dates, read part by part as what a model is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from satsr.scenes.products.frames import read_values, whites
from satsr.scenes.products.grid import Grid
from satsr.scenes.products.plan import Plan

T = TypeVar("T", bound=np.generic)
LEAST = np.float32(1 / 255)  # of a pixel with data: in the 8 bits of the training data 0 says that there are none


class Part(NamedTuple):
    """What the dates of a scene show of a part of it.

    Attributes:
        lr: float32 (T, C, h, w) in [0, 1]; where a date shows nothing, the composite; 0 where none shows anything.
        composite: float32 (C, h, w), shares of white, not cut: the median of the clear dates at a pixel; where none is
            clear, of those that show something.
        clear: uint8 (h, w), how many dates are clear.
    """

    lr: NDArray[np.float32]
    composite: NDArray[np.float32]
    clear: NDArray[np.uint8]


@dataclass(frozen=True)
class Scene:
    """Dates of a place that are read where they are needed.

    Pixels are numbered from the origin of the CRS on, so that a pixel has the same number whatever area is asked for.

    Attributes:
        plan: which dates, and where.
    """

    plan: Plan

    @property
    def rows(self) -> range:
        """Numbers of the rows that are asked for."""
        return self._numbered(self.plan.grid)[0]

    @property
    def columns(self) -> range:
        """Numbers of the columns that are asked for."""
        return self._numbered(self.plan.grid)[1]

    @property
    def whites(self) -> NDArray[np.float32]:
        """Reflectance that is 1 in a model's range, by channel."""
        return whites(self.plan.bands)

    def grid_of(self, rows: range, columns: range) -> Grid:
        """Return where a part lies."""
        return self.plan.grid.part(rows[0] - self.rows[0], columns[0] - self.columns[0], len(rows), len(columns))

    def read(self, rows: range, columns: range) -> Part:
        """Read a part; beyond what the products cover, their outermost pixels are repeated."""
        of_scene = self._numbered(self.plan.scene)
        parts = [_inside(asked, there) for asked, there in zip((rows, columns), of_scene, strict=True)]
        (inner_rows, beyond_rows), (inner_columns, beyond_columns) = parts
        reader = partial(read_values, bands=self.plan.bands)
        frames = [one.read(self.grid_of(inner_rows, inner_columns), reader) for one in self.plan.dates]
        values = np.stack([np.moveaxis(frame.image, -1, 0) for frame in frames])  # (T, C, h, w)
        shown, clear = np.stack([f.shown for f in frames]), np.stack([f.clear for f in frames])
        composite = _median(values, np.where(clear.any(axis=0), clear, shown))
        lr = np.where(shown[:, None], values, composite).clip(LEAST, 1) * shown.any(axis=0)

        def wide(array: NDArray[T]) -> NDArray[T]:
            return np.pad(array, [(0, 0)] * (array.ndim - 2) + [beyond_rows, beyond_columns], mode="edge")

        return Part(wide(lr), wide(composite), wide(clear.sum(axis=0, dtype=np.uint8)))

    def _numbered(self, grid: Grid) -> tuple[range, range]:
        at = self.plan.grid.transform
        row, column = round(grid.transform.f / at.e), round(grid.transform.c / at.a)
        return range(row, row + grid.height), range(column, column + grid.width)


def _inside(asked: range, there: range) -> tuple[range, tuple[int, int]]:
    """Return the numbers that are there, at least one, and how many are missing before and after them."""
    first = min(max(asked.start, there.start), there.stop - 1)
    last = max(min(asked.stop, there.stop), first + 1)
    return range(first, last), (max(0, first - asked.start), max(0, asked.stop - last))


def _median(values: NDArray[np.float32], counted: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the median over the dates that count at a pixel, 0 where none does.

    Args:
        values: (T, C, h, w).
        counted: (T, h, w).
    """
    ordered = np.sort(np.where(counted[:, None], values, np.inf), axis=0)
    count = counted.sum(axis=0)[None, None]
    lower, upper = (np.maximum(n, 0) for n in ((count - 1) // 2, count // 2))
    middle = [np.take_along_axis(ordered, np.broadcast_to(n, ordered[:1].shape), axis=0)[0] for n in (lower, upper)]
    return np.where(count[0] > 0, (middle[0] + middle[1]) / 2, np.float32(0)).astype(np.float32, copy=False)
