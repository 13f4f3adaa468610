"""The pair contract: what a sample of every data set, embedded or real, looks like.

A `Pair` is one place; a `Batch` is several of them with one more axis in front. Readers give 8-bit chips;
this module chooses the frames, scales to [0, 1], and marks what is valid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.data.frames import black, choose_frames, frame_rng, index_folder
from satsr.data.s2naip import HR_GSD_M, SCALE, Objects, S2NAIPFolder, capture_date
from satsr.settings import PairSettings

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Pair:
    """A low-resolution time series and the high-resolution image of the same place.

    Attributes:
        lr: float32 (T, C_in, h, w) in [0, 1].
        lr_valid: bool (T, h, w); False where a pixel is black in all bands.
        dt_days: float32 (T), date of each frame minus the HR date; NaN where the data set has no dates.
        hr: float32 (C_out, H, W) in [0, 1].
        hr_valid: bool (H, W).
        scale: H / h.
        bands_in: names of the C_in bands.
        bands_out: names of the C_out bands.
        gsd_m: sampling distance of the HR image in metres.
        tile: name of the place.
        region: group of neighbouring tiles; statistics resample regions.
        frames: which frames of the series were chosen, in the order of `lr`.
        place: row and column of the first LR pixel, in the grid of all tiles.
        day: date of the HR image in days since 1970; NaN where the data set has none.
        old_hr: float32 (C_out, H, W), the same place some years before.
        objects: category -> pixel boxes (x1, y1, x2, y2) in the HR image.
        labels: int64 (H, W) land-cover classes.
        caption: one sentence.
    """

    lr: Tensor
    lr_valid: Tensor
    dt_days: Tensor
    hr: Tensor
    hr_valid: Tensor
    scale: int
    bands_in: tuple[str, ...]
    bands_out: tuple[str, ...]
    gsd_m: float
    tile: str
    region: str
    frames: tuple[int, ...]
    place: tuple[int, int] = (0, 0)
    day: float = math.nan
    old_hr: Tensor | None = None
    objects: Objects = field(default_factory=dict)
    labels: Tensor | None = None
    caption: str | None = None

    def __post_init__(self) -> None:
        height, width = self.lr.shape[-2:]
        if self.hr.shape[-2:] != (height * self.scale, width * self.scale):
            raise ValueError(
                f"tile {self.tile}: HR is {tuple(self.hr.shape[-2:])}, expected {self.scale} times LR "
                f"{(height, width)}: cut both images to the same ground area"
            )
        if not len(self.lr) == len(self.lr_valid) == len(self.dt_days) == len(self.frames):
            raise ValueError(f"tile {self.tile}: {len(self.lr)} dates of LR, {len(self.dt_days)} of dt_days")


@dataclass(frozen=True)
class Batch:
    """Pairs stacked on a first axis N; names stay lists."""

    lr: Tensor  # (N, T, C_in, h, w)
    lr_valid: Tensor  # (N, T, h, w)
    dt_days: Tensor  # (N, T)
    hr: Tensor  # (N, C_out, H, W)
    hr_valid: Tensor  # (N, H, W)
    place: Tensor  # int64 (N, 2), row and column of the first LR pixel in the grid of all tiles
    day: Tensor  # float64 (N,), date of the HR image in days since 1970
    tiles: tuple[str, ...]
    regions: tuple[str, ...]

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Batch:
        """Stack pairs of equal shape."""
        stacked = {name: torch.stack([getattr(p, name) for p in pairs]) for name in _STACKED}
        place, day = torch.tensor([p.place for p in pairs]), torch.tensor([p.day for p in pairs], dtype=torch.float64)
        return cls(
            **stacked, place=place, day=day, tiles=tuple(p.tile for p in pairs), regions=tuple(p.region for p in pairs)
        )

    def crop(self, size: int, rng: np.random.Generator) -> Batch:
        """Return one random LR crop of `size` px of every pair, and the HR crop of the same ground.

        HR starts on a multiple of the scale by construction.
        """
        height, width = self.lr.shape[-2:]
        scale = self.hr.shape[-1] // width
        tops, lefts = rng.integers([[height - size + 1], [width - size + 1]], size=(2, len(self.tiles)))

        def cut(images: Tensor, factor: int) -> Tensor:
            """Cut every image at its own corner; `factor` is 1 for LR and the scale for HR."""
            rows, columns = ([slice(c * factor, (c + size) * factor) for c in corners] for corners in (tops, lefts))
            return torch.stack([image[..., y, x] for image, y, x in zip(images, rows, columns, strict=True)])

        return replace(
            self,
            lr=cut(self.lr, 1),
            lr_valid=cut(self.lr_valid, 1),
            hr=cut(self.hr, scale),
            hr_valid=cut(self.hr_valid, scale),
            place=self.place + torch.from_numpy(np.stack((tops, lefts), axis=1)),
        )


_STACKED = ("lr", "lr_valid", "dt_days", "hr", "hr_valid")


@dataclass(frozen=True)
class _Chip:
    """A decoded chip, 8 bits deep: all frames (T, 32, 32, C), which are good, their days, and HR (128, 128, 3)."""

    series: NDArray[np.uint8]
    good: NDArray[np.bool_]
    dt_days: NDArray[np.float32]
    hr: NDArray[np.uint8]


def spread_evenly(count: int, wanted: int) -> list[int]:
    """Return numbers below `count`, as many as wanted or all, spread evenly: tiles are in the order of regions."""
    if wanted >= count:
        return list(range(count))
    return [(2 * number + 1) * count // (2 * wanted) for number in range(wanted)]


class Pairs:
    """The usable pairs of one set, in the S2-NAIP layout.

    Frames are chosen anew in every epoch, from a seed that depends on tile and epoch; epoch 0 is the fixed choice
    of evaluation.

    Args:
        folder: the set's folder.
        settings: dates, bands and seed.
        keep: hold decoded chips in memory (8 bits deep), so that an epoch reads no file twice.

    Raises:
        ValueError: no chip of the set can be used.
    """

    scale = SCALE
    bands_out = ("red", "green", "blue")

    def __init__(self, folder: Path, settings: PairSettings, keep: bool = True) -> None:
        self.reader = S2NAIPFolder(folder)
        self.settings = settings
        index = index_folder(folder, settings.dates)
        self.left_out = index[index.status != "ok"].reset_index(drop=True)
        self.index = index[index.status == "ok"].reset_index(drop=True)
        if self.index.empty:
            reasons = self.left_out.status.value_counts().to_dict()
            raise ValueError(f"{folder}: none of {len(index)} chips can be used ({reasons})")
        self.tiles: list[str] = self.index.tile.tolist()
        self._kept: dict[str, _Chip] | None = {} if keep else None

    def __len__(self) -> int:
        return len(self.tiles)

    @property
    def bands_in(self) -> tuple[str, ...]:
        """Names of the input bands: `tci` gives red, green and blue."""
        return tuple(name for band in self.settings.bands for name in _channels(band))

    def pair(self, number: int, epoch: int = 0, extras: bool = False) -> Pair:
        """Return one pair; `extras` adds old HR, objects, labels and caption."""
        tile = self.tiles[number]
        chip = self._chip(tile)
        rng = frame_rng(self.settings.seed, tile, epoch)
        chosen = choose_frames(chip.good, self.settings.dates, rng)
        lr = chip.series[list(chosen)]
        return Pair(
            lr=_to_unit(lr),
            lr_valid=torch.from_numpy(~black(lr)),
            dt_days=torch.from_numpy(chip.dt_days[list(chosen)]),
            hr=_to_unit(chip.hr),
            hr_valid=torch.from_numpy(~black(chip.hr)),
            scale=self.scale,
            bands_in=self.bands_in,
            bands_out=self.bands_out,
            gsd_m=HR_GSD_M,
            tile=tile,
            region=self.reader.region(tile),
            frames=chosen,
            place=_place(tile, lr.shape[1]),
            day=_day(self.reader.uuid(tile)),
            **(self._extras(tile) if extras else {}),
        )

    def batch(self, numbers: Sequence[int], epoch: int = 0) -> Batch:
        """Return several pairs stacked."""
        return Batch.of([self.pair(n, epoch) for n in numbers])

    def batches(self, size: int) -> Iterator[tuple[list[int], Batch]]:
        """Go through the set once, in order, with evaluation's fixed choice of frames."""
        for start in range(0, len(self), size):
            numbers = list(range(start, min(start + size, len(self))))
            yield numbers, self.batch(numbers)

    def _chip(self, tile: str) -> _Chip:
        """Return a decoded chip, read once when kept."""
        if self._kept is not None and tile in self._kept:
            return self._kept[tile]
        bands = [self.reader.series(tile, band) for band in self.settings.bands]
        series = np.concatenate([b if b.ndim == 4 else b[..., None] for b in bands], axis=-1)
        good = np.asarray(~black(series[..., :3]).any(axis=(1, 2)))
        chip = _Chip(series, good, self._dt_days(tile, len(series)), self.reader.hr(tile))
        if self._kept is not None:
            self._kept[tile] = chip
        return chip

    def _dt_days(self, tile: str, count: int) -> NDArray[np.float32]:
        dates, captured = self.reader.dates(tile), capture_date(self.reader.uuid(tile))
        if dates is None or captured is None:
            return np.full(count, np.nan, np.float32)
        if len(dates) != count:
            raise ValueError(f"tile {tile}: dates.csv names {len(dates)} dates, expected {count}: one for each frame")
        return np.array([(day - captured).days for day in dates], np.float32)

    def _extras(self, tile: str) -> dict[str, Any]:
        old, labels = self.reader.old_hr(tile), self.reader.land_cover(tile)
        return {
            "old_hr": None if old is None else _to_unit(old),
            "objects": self.reader.objects(tile),
            "labels": None if labels is None else torch.from_numpy(labels.astype(np.int64)),
            "caption": self.reader.caption(tile),
        }


def _place(tile: str, side_px: int) -> tuple[int, int]:
    column, row = map(int, tile.split("_"))
    return row * side_px, column * side_px


def _day(uuid: str) -> float:
    captured = capture_date(uuid)
    return math.nan if captured is None else float((captured - EPOCH).days)


def _channels(band: str) -> tuple[str, ...]:
    return ("red", "green", "blue") if band == "tci" else (band,)


def _to_unit(image: NDArray[np.uint8]) -> Tensor:
    """Return 8-bit (..., H, W, C) as float32 (..., C, H, W) in [0, 1]."""
    return torch.from_numpy(np.moveaxis(image, -1, -3).astype(np.float32) / np.float32(255))
