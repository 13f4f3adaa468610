"""What every data set looks like to the study: its facts, its places, and one place's stored values. Without torch.

A reader knows one published layout on disk. `satsr.data.pairs.Pairs` turns what it gives into samples: it chooses the
frames, scales values to [0, 1] and makes tensors.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satsr.common.reading_text import read_names

EPOCH = date(1970, 1, 1)
REGIONS_FILE = "regions.json"  # this project's sidecar: tile -> what splits and statistics keep together
REGIONS_REMEDY = "correct it, or remove it to group places as the data set's authors do"
SPLITS = ("train", "val", "test")
COLOURS = ("red", "green", "blue")  # what `tci` stands for
Objects = dict[str, list[tuple[int, int, int, int]]]  # category -> pixel boxes (x1, y1, x2, y2) in the HR image


@dataclass(frozen=True)
class Facts:
    """What a data set's authors say of it. What could not be seen is None, and tables say *not available*.

    Attributes:
        name: what commands and settings call it.
        title: what tables call it.
        lr_sensor: of the low-resolution images.
        hr_sensor: of the high-resolution images.
        lr_gsd_m: sampling distance on the grid that is stored, nominal metres.
        hr_gsd_m: likewise of the HR image.
        scale: HR pixels per LR pixel along a side.
        lr_px: height and width of a stored LR image; None where they vary.
        bands: every band on disk.
        bands_in: those a model sees by default, in this order.
        bands_out: those it makes.
        dates: low-resolution images of a place, in words.
        years: when the images were taken, in words.
        pairs: places, as published.
        km2: ground area, as published.
        size_gb: of the download.
        licence: of the images.
        source: page to download from.
        citation: of the paper.
        splits: split -> folder or list of the data set that holds it.
        notes: what else a user has to know, such as how the reader treats something that is not documented.
    """

    name: str
    title: str
    lr_sensor: str
    hr_sensor: str
    lr_gsd_m: float
    hr_gsd_m: float
    scale: int
    lr_px: tuple[int, int] | None
    bands: tuple[str, ...]
    bands_in: tuple[str, ...]
    bands_out: tuple[str, ...]
    dates: str
    years: str | None
    pairs: int | None
    km2: float | None
    size_gb: float | None
    licence: str
    source: str
    citation: str
    splits: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One place, as it is stored: every date, no value changed.

    Attributes:
        series: (T, h, w, C), any number type.
        valid: bool (T, h, w), pixels that show the ground (no fill; no cloud where the data set says so).
        good: bool (T,), frames that are preferred when some have to be chosen.
        days: float64 (T,), date of each frame in days since 1970; NaN where the data set has none.
        hr: (H, W, C_out).
        hr_valid: bool (H, W).
        day: date of the HR image in days since 1970; NaN where there is none.
        white: stored LR value that stands for 1.
        hr_white: stored HR value that stands for 1.
        unusable: why the place cannot be used, or empty: `black HR pixels`, ...
        old_hr: as `hr`, some years before; None where it was not asked for.
        boxes: int64 (n, 4), x1, y1, x2 and y2 of its objects in HR px; none where they were not asked for.
    """

    series: NDArray[Any]
    valid: NDArray[np.bool_]
    good: NDArray[np.bool_]
    days: NDArray[np.float64]
    hr: NDArray[Any]
    hr_valid: NDArray[np.bool_]
    day: float
    white: float
    hr_white: float
    unusable: str = ""
    old_hr: NDArray[Any] | None = None
    boxes: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 4), np.int64))

    @property
    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shapes of a frame of LR, (h, w, C), and of HR."""
        return self.series.shape[1:], self.hr.shape

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame of LR and its mask."""
        return (self.series.nbytes + self.valid.nbytes) // len(self.series)

    @property
    def hr_bytes(self) -> int:
        """Bytes of HR, its mask and the older HR."""
        return self.hr.nbytes + self.hr_valid.nbytes + (0 if self.old_hr is None else self.old_hr.nbytes)


class Status(NamedTuple):
    """What one place holds, without its pixels.

    Attributes:
        tile: its name.
        region: what splits and statistics keep together.
        frames: number of dates.
        good_frames: those that are preferred.
        unusable: why it cannot be used, or empty.
        weight: of sampling in training.
    """

    tile: str
    region: str
    frames: int
    good_frames: int
    unusable: str
    weight: float


@dataclass(frozen=True)
class Scene:
    """One place in physical units: what a writer of a layout is given.

    Attributes:
        name: of the place; a writer may derive the layout's own name from it.
        split: `train`, `val` or `test`.
        region: what splits and statistics keep together.
        lr: float32 (T, C, h, w), reflectance, not clipped.
        lr_bands: names of the C bands.
        lr_valid: bool (T, h, w); False under cloud and outside the swath.
        dates: date of each frame.
        hr: float32 (C_out, H, W), reflectance.
        hr_bands: their names.
        hr_valid: bool (H, W).
        day: date of the HR image.
        corner: x and y of the north-west corner in metres of `crs`.
        crs: such as `EPSG:32613`.
        lr_gsd_m: size of an LR pixel.
        hr_gsd_m: size of an HR pixel.
    """

    name: str
    split: str
    region: str
    lr: NDArray[np.float32]
    lr_bands: tuple[str, ...]
    lr_valid: NDArray[np.bool_]
    dates: tuple[date, ...]
    hr: NDArray[np.float32]
    hr_bands: tuple[str, ...]
    hr_valid: NDArray[np.bool_]
    day: date
    corner: tuple[float, float]
    crs: str
    lr_gsd_m: float
    hr_gsd_m: float

    def bands(self, *names: str) -> NDArray[np.float32]:
        """Return some LR bands, (T, len(names), h, w)."""
        return self.lr[:, [self.lr_bands.index(name) for name in names]]

    def hr_of(self, *names: str) -> NDArray[np.float32]:
        """Return some HR bands, (len(names), H, W)."""
        return self.hr[[self.hr_bands.index(name) for name in names]]


class Reader(ABC):
    """One split of a data set on disk, in its authors' layout.

    Args:
        folder: the data set's folder, as its download unpacks.
        split: `train`, `val` or `test`.

    Raises:
        FileNotFoundError: the folder does not hold this layout; the message names what was looked for.
        ValueError: an unknown split.
    """

    facts: ClassVar[Facts]

    def __init__(self, folder: Path, split: str) -> None:
        if split not in SPLITS:
            raise ValueError(f"{self.facts.name}: got split {split!r}, expected one of {', '.join(SPLITS)}")
        self.folder, self.split = folder, split

    @classmethod
    def open(cls, folder: Path, split: str) -> Reader:
        """Return the reader of a split, in whatever form of the published layout the folder has."""
        return cls(folder, split)

    @property
    def chips(self) -> Any:
        """What only the S2-NAIP layout has beside the pair: objects, captions, outlines.

        Raises:
            ValueError: a data set in another layout.
        """
        raise ValueError(f"{self.facts.title} has no objects or captions: use a data set in the S2-NAIP layout")

    @property
    @abstractmethod
    def tiles(self) -> Sequence[str]:
        """All places of the split, sorted by name."""

    @abstractmethod
    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one place.

        Args:
            tile: its name.
            bands: of LR, in this order; names of `facts.bands`.

        Raises:
            FileNotFoundError, ValueError: a file is missing, truncated, or not what the layout says; one line that
                names the file, what was expected, and the remedy.
        """

    def region(self, tile: str) -> str:
        """Return what splits and statistics keep together; by default the place itself."""
        return self._regions.get(tile, tile)

    def corner(self, tile: str) -> tuple[int, int]:
        """Return row and column of the first LR pixel in a grid of all places, which fixes sampling's noise.

        By default made up from the number of the place, far enough from its neighbours.
        """
        return 0, self._number[tile] << 12

    def position(self, tile: str) -> tuple[float, float] | None:
        """Return x and y of a place's north-west corner in metres of EPSG:3857, None where nothing tells it."""
        return None

    def weight(self, tile: str) -> float:
        """Return the sampling weight of a place in training."""
        return 1.0

    def statuses(self, bands: Sequence[str]) -> Iterator[Status]:
        """Go through all places and say what each holds. This reads every file; a form with an index need not.

        Args:
            bands: of LR that are read.

        Raises:
            FileNotFoundError, ValueError: a place cannot be read, see `sample`.
        """
        for tile in self.tiles:
            found = self.sample(tile, bands)
            counts = len(found.good), int(found.good.sum())
            yield Status(tile, self.region(tile), *counts, found.unusable, self.weight(tile))

    def files(self, tile: str) -> list[Path]:
        """Return the files that `sample` reads for a place with the default bands."""
        raise NotImplementedError

    @cached_property
    def _number(self) -> dict[str, int]:
        return {tile: number for number, tile in enumerate(self.tiles)}

    def read_sidecars(self) -> None:
        """Read what lies once beside all places, so that damage there shows at once and not place by place.

        Raises:
            FileNotFoundError, ValueError: such a file is missing or damaged; one line that names it.
        """
        _ = self._regions

    @cached_property
    def _regions(self) -> dict[str, str]:
        return read_names(self.folder / REGIONS_FILE, REGIONS_REMEDY)


def write_regions(folder: Path, scenes: Iterable[tuple[str, str]]) -> None:
    """Write the sidecar that says which tile belongs to which region."""
    (folder / REGIONS_FILE).write_text(json.dumps(dict(scenes), indent=0, sort_keys=True) + "\n")


def days_since_1970(day: date | None) -> float:
    """Return the number of days, NaN for no date."""
    return math.nan if day is None else float((day - EPOCH).days)


def bands_seen(asked: Sequence[str], facts: Facts) -> tuple[str, ...]:
    """Return the names of the input bands: `tci` gives red, green and blue; none takes those that the reader names."""
    if not asked:
        return facts.bands_in
    return tuple(name for band in asked for name in (COLOURS if band == "tci" else (band,)))
