"""The pair contract: what a sample of every data set, embedded or real, looks like.

A `Pair` is one place; a `Batch` is several of them with one more axis in front. Readers give stored values;
this module chooses the frames and scales to [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.device import free_bytes, moved
from satsr.common.digests import text_number
from satsr.data.frames import choose_frames, frame_rng
from satsr.data.place_index import statuses_of, with_status
from satsr.data.reader import Objects, Reader, Sample, bands_seen
from satsr.data.seen import Seen
from satsr.data.settings import PairSettings
from satsr.data.stored import Stored, Window

KEPT_BYTES = 1 << 29  # of each split, in the memory of the CPU
HELD_SHARE = 0.25  # of the free memory of a GPU, for one split: what is left is for networks and activations
READ_AT_ONCE = 256  # places
EIGHT_BIT = 255.0
CPU = torch.device("cpu")


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
        _check_ground(self.tile, self.lr.shape[-2:], self.hr.shape[-2:], self.scale)
        if not len(self.lr) == len(self.lr_valid) == len(self.dt_days) == len(self.frames):
            raise ValueError(f"tile {self.tile}: {len(self.lr)} dates of LR, {len(self.dt_days)} of dt_days")


class RandomCrop(NamedTuple):
    """Crops of a batch.

    Attributes:
        size: their side in LR px; HR is cut to the same ground.
        rng: draws the corners.
    """

    size: int
    rng: np.random.Generator


@dataclass(frozen=True)
class Batch:
    """Pairs with one more axis N in front; names stay lists."""

    lr: Tensor  # (N, T, C_in, h, w)
    lr_valid: Tensor  # (N, T, h, w)
    dt_days: Tensor  # (N, T)
    hr: Tensor  # (N, C_out, H, W)
    hr_valid: Tensor  # (N, H, W)
    place: Tensor  # int64 (N, 2), row and column of the first LR pixel in the grid of all tiles
    day: Tensor  # float64 (N,), date of the HR image in days since 1970
    tiles: tuple[str, ...]
    regions: tuple[str, ...]
    hr_whole: bool = False  # whether all of `hr_valid` is known to be True, so that a GPU need not be asked
    old_hr: Tensor | None = None  # as `hr`, some years before, where it was asked for
    boxes: Tensor | None = None  # float32 (N, K, 4), of objects, see `Stored.drawn_boxes`, where they were asked for

    def seen(self, dates: int | None = None) -> Seen:
        """Return what a model is given, of the first dates or all of them.

        Where a place's dates are not known, all are 0 and so is the day of HR, so that time says nothing.
        """
        known = self.dt_days.isfinite().all(dim=1)
        dt_days = self.dt_days.where(known[:, None], 0)[:, :dates]
        return Seen(self.lr[:, :dates], dt_days, self.place, self.day.where(known, 0).nan_to_num(0))


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
        self._most = self._room = KEPT_BYTES if keep else 0
        self._held: dict[torch.device, Stored] = {}

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

    def only(self, tiles: Collection[str]) -> Pairs:
        """Return the pairs of some places.

        Raises:
            ValueError: none of them is among the usable ones.
        """
        found = copy(self)
        found.index = self.index[self.index.tile.isin(list(tiles))].reset_index(drop=True)
        if found.index.empty:
            raise ValueError(f"{self.reader.folder}: none of {len(tiles)} places is among the {len(self)} usable ones")
        found.tiles = found.index.tile.tolist()
        found._kept, found._held, found._room = {}, {}, self._most
        return found

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

    def batch(
        self, numbers: Sequence[int], epoch: int = 0, crop: RandomCrop | None = None, device: torch.device = CPU
    ) -> Batch:
        """Return several pairs of equal size, put together on a device.

        Args:
            numbers: of the pairs.
            epoch: of the frame choice.
            crop: takes a random crop of every pair in place of the whole.
            device: where the tensors are; from what is held there, see `hold`, else read and sent.
        """
        tiles = [self.tiles[number] for number in numbers]
        held = self._held.get(device)
        rows = range(len(tiles)) if held is None else numbers
        stored = Stored.of(self._each(self._sample, tiles)).to(device) if held is None else held
        chosen = [
            choose_frames(stored.good[row], self.settings.dates, frame_rng(self.settings.seed, tile, epoch))
            for row, tile in zip(rows, tiles, strict=True)
        ]
        window = None if crop is None else Window.drawn(crop.size, stored.lr_px, len(tiles), crop.rng)
        place = np.array([self.reader.corner(tile) for tile in tiles], np.int64)
        return Batch(
            **stored.images(rows, chosen, window)._asdict(),
            dt_days=moved(torch.from_numpy(stored.dt_days(rows, chosen)), device),
            place=moved(torch.from_numpy(place if window is None else place + window.corners), device),
            day=moved(torch.from_numpy(stored.day[list(rows)]), device),
            tiles=tuple(tiles),
            regions=tuple(self.reader.region(tile) for tile in tiles),
            hr_whole=bool(stored.whole[list(rows)].all()),
            boxes=self._boxes(stored, rows, tiles, epoch, window, device),
        )

    def hold(self, device: torch.device) -> bool:
        """Keep the whole split on a device from now on, as it is stored, if it fits; return whether it does.

        It fits a GPU when it takes at most `HELD_SHARE` of the memory that is free there, and a CPU when it takes no
        more than what is kept of a split anyway. Places of different sizes are not held.
        """
        if device in self._held:
            return True
        one = self._sample(self.tiles[0])
        wanted = int(self.index.frames.sum()) * one.frame_bytes + len(self) * one.hr_bytes
        if wanted > (HELD_SHARE * free_bytes(device) if device.type == "cuda" else self._most):
            return False
        parts = []
        for start in range(0, len(self), READ_AT_ONCE):
            samples = self._each(self._read, self.tiles[start : start + READ_AT_ONCE])
            if any(sample.sizes != one.sizes for sample in samples):
                return False
            parts.append(Stored.of(samples).to(device))
        self._held[device] = Stored.joined(parts)
        return True

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

    def _boxes(
        self,
        stored: Stored,
        rows: Sequence[int],
        tiles: Sequence[str],
        epoch: int,
        window: Window | None,
        device: torch.device,
    ) -> Tensor | None:
        if not self.settings.objects:
            return None
        draws = [np.random.default_rng([self.settings.seed, text_number(tile), epoch, 1]) for tile in tiles]
        return moved(torch.from_numpy(stored.drawn_boxes(rows, self.settings.objects, draws, window)), device)

    def _each(self, read: Callable[[str], Sample], tiles: Sequence[str]) -> list[Sample]:
        """Read places, as many at a time as PyTorch may use threads: decoding lets others run."""
        if (threads := torch.get_num_threads()) == 1:
            return [read(tile) for tile in tiles]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(read, tiles))

    def _sample(self, tile: str) -> Sample:
        """Return what is stored, read once while there is room to keep it."""
        found = self._read(tile)
        size = len(found.series) * found.frame_bytes + found.hr_bytes
        if tile not in self._kept and size <= self._room:
            self._room -= size
            self._kept[tile] = found
        return found

    def _read(self, tile: str) -> Sample:
        if tile in self._kept:
            return self._kept[tile]
        found = self.reader.sample(tile, self.bands_in)
        _check_ground(tile, found.series.shape[1:3], found.hr.shape[:2], self.scale)
        return self._with_extras(tile, found) if self.settings.old_hr or self.settings.objects else found

    def _with_extras(self, tile: str, found: Sample) -> Sample:
        """Return what is stored with what the settings ask for beside it."""
        old = self.chips.old_hr(tile) if self.settings.old_hr else None
        if self.settings.old_hr and old is None:
            raise ValueError(f"{self.reader.folder}: no older HR of {tile}: unset pairs.old_hr, or add it")
        objects = self.chips.objects(tile) if self.settings.objects else {}
        boxes = [box for category in sorted(objects) for box in objects[category]]
        return replace(found, old_hr=old, boxes=np.array(boxes, np.int64).reshape(-1, 4))

    def _extras(self, tile: str) -> dict[str, Any]:
        chips = self.chips
        old, labels = chips.old_hr(tile), chips.land_cover(tile)
        return {
            "old_hr": None if old is None else _to_unit(old, EIGHT_BIT),
            "objects": chips.objects(tile),
            "labels": None if labels is None else torch.from_numpy(labels.astype(np.int64)),
            "caption": chips.caption(tile),
        }


def _check_ground(tile: str, lr_px: Sequence[int], hr_px: Sequence[int], scale: int) -> None:
    height, width = lr_px
    if tuple(hr_px) != (height * scale, width * scale):
        raise ValueError(
            f"tile {tile}: HR is {tuple(hr_px)}, expected {scale} times LR {(height, width)}: cut both images to the "
            "same ground area"
        )


def _to_unit(image: NDArray[Any], white: float) -> Tensor:
    """Return stored values (..., H, W, C) as float32 (..., C, H, W) in [0, 1]; `white` and what is brighter is 1."""
    unit = np.moveaxis(image, -1, -3).astype(np.float32) / np.float32(white)
    return torch.from_numpy(unit.clip(0, 1))
