"""The pair contract: what a sample of every data set, embedded or real, looks like.

A `Pair` is one place; a `Batch` is several of them with one more axis in front. Readers give stored values;
this module chooses the frames and scales to [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.data.frames import choose_frames, frame_rng
from satsr.data.place_index import statuses_of, with_status
from satsr.data.reader import Objects, Reader, Sample, bands_seen
from satsr.data.seen import Seen
from satsr.data.settings import PairSettings

KEPT_BYTES = 1 << 29  # of each split
EIGHT_BIT = 255.0


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

    def seen(self, dates: int | None = None) -> Seen:
        """Return what a model is given, of the first dates or all of them.

        Where a place's dates are not known, all are 0 and so is the day of HR, so that time says nothing.
        """
        known = self.dt_days.isfinite().all(dim=1)
        dt_days = self.dt_days.where(known[:, None], 0)[:, :dates]
        return Seen(self.lr[:, :dates], dt_days, self.place, self.day.where(known, 0).nan_to_num(0))

    def crop(self, size: int, rng: np.random.Generator) -> Batch:
        """Return one random LR crop of `size` px of every pair, and the HR crop of the same ground.

        HR starts on a multiple of the scale by construction. Of smaller images the largest square is taken.
        """
        height, width = self.lr.shape[-2:]
        size = min(size, height, width)
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


def spread_evenly(count: int, wanted: int) -> list[int]:
    """Return numbers below `count`, as many as wanted or all, spread evenly: tiles are in the order of regions."""
    if wanted >= count:
        return list(range(count))
    return [(2 * number + 1) * count // (2 * wanted) for number in range(wanted)]


class Pairs:
    """The usable pairs of one split.

    Frames are chosen anew in every epoch, from a seed that depends on tile and epoch; epoch 0 is the fixed choice
    of evaluation.

    Args:
        reader: of the split.
        settings: dates, bands and seed.
        statuses: what each place holds with these bands, from an index; by default every place is read once.
        keep: hold what was read in memory, as it is stored, so that an epoch reads no file twice; up to 0.5 GiB.

    Raises:
        ValueError: no place can be used.
    """

    def __init__(
        self, reader: Reader, settings: PairSettings, statuses: pd.DataFrame | None = None, keep: bool = True
    ) -> None:
        self.reader = reader
        self.settings = settings
        self._check_bands()
        index = with_status(statuses_of(reader, self.bands_in) if statuses is None else statuses, settings.dates)
        self.left_out = index[index.status != "ok"].reset_index(drop=True)
        self.index = index[index.status == "ok"].reset_index(drop=True)
        if self.index.empty:
            reasons = self.left_out.status.value_counts().to_dict()
            raise ValueError(f"{self.reader.folder}: none of {len(index)} places can be used ({reasons})")
        self.tiles: list[str] = self.index.tile.tolist()
        self._kept: dict[str, Sample] = {}
        self._room = KEPT_BYTES if keep else 0

    def __len__(self) -> int:
        return len(self.tiles)

    @property
    def bands_in(self) -> tuple[str, ...]:
        """Names of the input bands."""
        return bands_seen(self.settings.bands, self.reader.facts)

    @property
    def bands_out(self) -> tuple[str, ...]:
        """Names of the bands of HR."""
        return self.reader.facts.bands_out

    @property
    def scale(self) -> int:
        """HR pixels per LR pixel along a side."""
        return self.reader.facts.scale

    @property
    def weights(self) -> NDArray[np.float64]:
        """Sampling weight of every pair, (N,)."""
        return self.index.weight.to_numpy(np.float64)

    @property
    def chips(self) -> Any:
        """What only the S2-NAIP layout has: objects, captions, outlines; see `Reader.chips`."""
        return self.reader.chips

    def pair(self, number: int, epoch: int = 0, extras: bool = False) -> Pair:
        """Return one pair; `extras` adds old HR, objects, labels and caption."""
        tile, facts = self.tiles[number], self.reader.facts
        found = self._sample(tile)
        chosen = choose_frames(found.good, self.settings.dates, frame_rng(self.settings.seed, tile, epoch))
        return Pair(
            lr=_to_unit(found.series[list(chosen)], found.white),
            lr_valid=torch.from_numpy(found.valid[list(chosen)]),
            dt_days=torch.from_numpy((found.days[list(chosen)] - found.day).astype(np.float32)),
            hr=_to_unit(found.hr, found.hr_white),
            hr_valid=torch.from_numpy(found.hr_valid),
            scale=facts.scale,
            bands_in=self.bands_in,
            bands_out=self.bands_out,
            gsd_m=facts.hr_gsd_m,
            tile=tile,
            region=self.reader.region(tile),
            frames=chosen,
            place=self.reader.corner(tile),
            day=found.day,
            **(self._extras(tile) if extras else {}),
        )

    def batch(self, numbers: Sequence[int], epoch: int = 0) -> Batch:
        """Return several pairs stacked."""
        return Batch.of([self.pair(n, epoch) for n in numbers])

    def batches(self, size: int) -> Iterator[tuple[list[int], Batch]]:
        """Go through the split once, in order, with evaluation's fixed choice of frames."""
        for start in range(0, len(self), size):
            numbers = list(range(start, min(start + size, len(self))))
            yield numbers, self.batch(numbers)

    def _check_bands(self) -> None:
        facts = self.reader.facts
        unknown = sorted(set(self.bands_in) - set(facts.bands))
        if unknown:
            raise ValueError(
                f"{facts.title}: got bands {', '.join(unknown)}, expected some of {', '.join(facts.bands)}: "
                f"set `bands`, or leave it empty for {', '.join(facts.bands_in)}"
            )

    def _sample(self, tile: str) -> Sample:
        """Return what is stored, read once while there is room to keep it."""
        if tile in self._kept:
            return self._kept[tile]
        found = self.reader.sample(tile, self.bands_in)
        size = sum(part.nbytes for part in (found.series, found.valid, found.hr, found.hr_valid))
        if size <= self._room:
            self._room -= size
            self._kept[tile] = found
        return found

    def _extras(self, tile: str) -> dict[str, Any]:
        chips = self.chips
        old, labels = chips.old_hr(tile), chips.land_cover(tile)
        return {
            "old_hr": None if old is None else _to_unit(old, EIGHT_BIT),
            "objects": chips.objects(tile),
            "labels": None if labels is None else torch.from_numpy(labels.astype(np.int64)),
            "caption": chips.caption(tile),
        }


def _to_unit(image: NDArray[Any], white: float) -> Tensor:
    """Return stored values (..., H, W, C) as float32 (..., C, H, W) in [0, 1]; `white` and what is brighter is 1."""
    unit = np.moveaxis(image, -1, -3).astype(np.float32) / np.float32(white)
    return torch.from_numpy(unit.clip(0, 1))
