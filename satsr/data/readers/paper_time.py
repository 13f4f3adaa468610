"""Two data sets at other scales than their own, as Zooming Out's configurations of November 2023 treat them.

Those configurations pair 32 px of PROBA-V with 128 px of HR, as if the scale were 4, and OLI2MSI at 80 and 160 px, as
if it were 2. Their crops of PROBA-V show different ground, because the true scale is 3; here both images show the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from satsr.data.reader import Facts, Reader, Sample, Status
from satsr.data.readers.tiffs import covered, resized


class Treatment(NamedTuple):
    """A scale, and by what LR is divided along a side."""

    scale: int
    lr_divisor: int


PROBAV, OLI2MSI = Treatment(4, 1), Treatment(2, 2)


class PaperTime(Reader):
    """Another reader's images, resampled by the triangle filter, antialiased.

    Args:
        reader: of a data set that the paper treated so.
        treatment: how.
    """

    def __init__(self, reader: Reader, treatment: Treatment) -> None:
        given = reader.facts
        super().__init__(reader.folder, reader.split)
        self.reader = reader
        self.scale, self.divisor = treatment
        lr_gsd_m = given.lr_gsd_m * self.divisor
        self.facts = replace(  # type: ignore[misc]
            given,
            title=titled(given, treatment),
            scale=self.scale,
            lr_gsd_m=lr_gsd_m,
            hr_gsd_m=lr_gsd_m / self.scale,
            lr_px=None,
        )

    @property
    def tiles(self) -> Sequence[str]:
        """All places of the split, sorted by name."""
        return self.reader.tiles

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Return one place with float32 images; a new pixel is valid where all of its ground is."""
        found = self.reader.sample(tile, bands)
        height, width = (side // self.divisor for side in found.valid.shape[1:])
        low, high = (height, width), (height * self.scale, width * self.scale)
        return replace(
            found,
            series=np.stack([resized(frame, low) for frame in found.series]),
            valid=np.stack([covered(frame, low) for frame in found.valid]),
            hr=resized(found.hr, high),
            hr_valid=covered(found.hr_valid, high),
        )

    def region(self, tile: str) -> str:
        """Return what splits and statistics keep together."""
        return self.reader.region(tile)

    def corner(self, tile: str) -> tuple[int, int]:
        """Return row and column of the first LR pixel."""
        return self.reader.corner(tile)

    def position(self, tile: str) -> tuple[float, float] | None:
        """Return x and y of the corner in metres of EPSG:3857."""
        return self.reader.position(tile)

    def weight(self, tile: str) -> float:
        """Return the sampling weight."""
        return self.reader.weight(tile)

    def statuses(self, bands: Sequence[str]) -> Iterator[Status]:
        """Go through all places; sizes do not change what can be used."""
        return self.reader.statuses(bands)

    def files(self, tile: str) -> list[Path]:
        """Return the files that are read."""
        return self.reader.files(tile)


def titled(facts: Facts, treatment: Treatment) -> str:
    """Return what tables call a data set that is treated so."""
    return f"{facts.title} as x{treatment.scale}"
