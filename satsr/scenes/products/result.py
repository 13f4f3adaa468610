"""Several dates of a place on one grid: the input of a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

LEAST_COVERED = 0.999  # of bounds; edges are brought to whole pixels


@dataclass(frozen=True)
class Note:
    """What became of one product, and why."""

    path: Path
    day: date
    reason: str


def reached(covered: float) -> list[str]:
    """Say that products reach less far than what was asked for; nothing where they do not."""
    if covered > LEAST_COVERED:
        return []
    return [f"only {max(covered, 0.001):.1%} of the bounds are covered: the products reach no further"]


@dataclass(frozen=True)
class Series:
    """Dates of one place, in order of time.

    Attributes:
        images: uint8 (T, h, w, C), scaled as in S2-NAIP; 0 only without data.
        channels: names of the C channels.
        valid: bool (T, h, w), data and no cloud.
        dates: of each frame.
        transform: from column and row to x and y of `crs`, for every frame.
        crs: of the grid.
        level: `L1C` or `L2A`.
        used: one note for each frame.
        left_out: the other products.
        covered: share of the bounds that were asked for, where products reach less far.
    """

    images: NDArray[np.uint8]
    channels: tuple[str, ...]
    valid: NDArray[np.bool_]
    dates: tuple[date, ...]
    transform: Affine
    crs: CRS
    level: str
    used: tuple[Note, ...]
    left_out: tuple[Note, ...]
    covered: float = 1.0

    @property
    def tci(self) -> NDArray[np.uint8]:
        """The true-colour frames (T, h, w, 3).

        Raises:
            ValueError: the series was read without them.
        """
        if "red" not in self.channels:
            raise ValueError(f"the series has only {', '.join(self.channels)}: read it with bands=('tci', ...)")
        first = self.channels.index("red")
        return self.images[..., first : first + 3]

    def band(self, name: str) -> NDArray[np.uint8]:
        """Return one channel, (T, h, w)."""
        return self.images[..., self.channels.index(name)]

    def lr(self, dates: int | None = None) -> NDArray[np.float32]:
        """Return a model's input, (T, C, h, w) in [0, 1].

        Args:
            dates: how many frames the model takes; fewer real ones are repeated in turn, as the paper's authors advise.

        Raises:
            ValueError: there are more frames than that.
        """
        count = dates or len(self.images)
        if count < len(self.images):
            raise ValueError(f"got {len(self.images)} dates, the model takes {count}: read with dates={count}")
        frames = self.images[np.resize(np.arange(len(self.images)), count)]
        return np.moveaxis(frames, -1, 1).astype(np.float32) / np.float32(255)

    def summary(self) -> str:
        """Return one line for each product: what became of it, and why."""
        notes = sorted((*self.used, *self.left_out), key=lambda note: note.day)
        return "\n".join([*(f"{n.day} {n.path.name}: {n.reason}" for n in notes), *reached(self.covered)])
