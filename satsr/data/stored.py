"""Places as they are stored, in blocks on a device, and batches cut out of them and scaled there.

Stored values take a quarter of the memory of float32 and less of what a GPU's bus carries, and a batch is a few calls
whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.device import moved
from satsr.data.reader import Sample

LEAST_BOX_PX = 4  # of an object's side in a crop; less of it tells nothing
# PyTorch indexes few of the unsigned types, but the bits of a signed one are copied just as well.
_SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


class Window(NamedTuple):
    """Where the crops of a batch lie.

    Attributes:
        size: their side in LR px.
        corners: int64 (N, 2), row and column of the first LR pixel of each.
    """

    size: int
    corners: NDArray[np.int64]

    @classmethod
    def drawn(cls, size: int, lr_px: tuple[int, int], count: int, rng: np.random.Generator) -> Window:
        """Draw a corner for each of `count` images of `lr_px`; of smaller images the largest square is taken."""
        size = min(size, *lr_px)
        tops, lefts = rng.integers([[lr_px[0] - size + 1], [lr_px[1] - size + 1]], size=(2, count))
        return cls(size, np.stack((tops, lefts), axis=1))


class Images(NamedTuple):
    """The images of a batch, as in the pair contract.

    Attributes:
        lr: float32 (N, T, C_in, h, w) in [0, 1].
        lr_valid: bool (N, T, h, w).
        hr: float32 (N, C_out, H, W) in [0, 1].
        hr_valid: bool (N, H, W).
        old_hr: as `hr`, some years before; None where it was not asked for.
    """

    lr: Tensor
    lr_valid: Tensor
    hr: Tensor
    hr_valid: Tensor
    old_hr: Tensor | None


@dataclass(frozen=True)
class Stored:
    """Some places P with F frames in all, no value changed.

    Attributes:
        series: (F, h, w, C), the frames of the first place, then those of the next; any number type.
        valid: bool (F, h, w).
        hr: (P, H, W, C_out).
        hr_valid: bool (P, H, W).
        white: float32 (P,), LR value that stands for 1.
        hr_white: float32 (P,), likewise of HR.
        first: int64 (P,), number of each place's first frame; this and what follows stays with the CPU.
        good: of each place, bool (T,), frames that are preferred.
        days: of each place, float64 (T,), days since 1970 or NaN.
        day: float64 (P,), of the HR image.
        whole: bool (P,), places whose HR is valid everywhere.
        old_hr: as `hr`; None where it was not asked for.
        boxes: of each place, int64 (n, 4), of its objects; see `Sample`.
    """

    series: Tensor
    valid: Tensor
    hr: Tensor
    hr_valid: Tensor
    white: Tensor
    hr_white: Tensor
    first: NDArray[np.int64]
    good: tuple[NDArray[np.bool_], ...]
    days: tuple[NDArray[np.float64], ...]
    day: NDArray[np.float64]
    whole: NDArray[np.bool_]
    old_hr: Tensor | None
    boxes: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Stored:
        """Put places of equal size together, on the CPU."""
        counts = [len(s.series) for s in samples]
        older = [s.old_hr for s in samples if s.old_hr is not None]
        return cls(
            series=_block(np.concatenate([s.series for s in samples])),
            valid=_block(np.concatenate([s.valid for s in samples])),
            hr=_block(np.stack([s.hr for s in samples])),
            hr_valid=_block(np.stack([s.hr_valid for s in samples])),
            white=torch.tensor([s.white for s in samples], dtype=torch.float32),
            hr_white=torch.tensor([s.hr_white for s in samples], dtype=torch.float32),
            first=np.cumsum([0, *counts[:-1]], dtype=np.int64),
            good=tuple(s.good for s in samples),
            days=tuple(s.days for s in samples),
            day=np.array([s.day for s in samples], np.float64),
            whole=np.array([s.hr_valid.all() for s in samples], bool),
            old_hr=_block(np.stack(older)) if older else None,
            boxes=tuple(s.boxes for s in samples),
        )

    @classmethod
    def joined(cls, parts: Sequence[Stored]) -> Stored:
        """Put several together that are on one device."""
        frames = np.cumsum([0, *(len(part.series) for part in parts[:-1])])
        blocks: dict[str, Any] = {name: _joined([getattr(part, name) for part in parts]) for name in _TENSORS}
        return cls(
            **blocks,
            first=np.concatenate([part.first + before for part, before in zip(parts, frames, strict=True)]),
            good=tuple(good for part in parts for good in part.good),
            days=tuple(days for part in parts for days in part.days),
            day=np.concatenate([part.day for part in parts]),
            whole=np.concatenate([part.whole for part in parts]),
            boxes=tuple(boxes for part in parts for boxes in part.boxes),
        )

    def to(self, device: torch.device) -> Stored:
        """Return the same with its images on a device."""
        there: dict[str, Any] = {name: _moved(getattr(self, name), device) for name in _TENSORS}
        return replace(self, **there)

    @property
    def lr_px(self) -> tuple[int, int]:
        """Height and width of LR."""
        height, width = self.valid.shape[1:]
        return height, width

    def dt_days(self, places: Sequence[int], chosen: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return each chosen frame's date minus that of HR, (N, T)."""
        found = [self.days[place][list(frames)] - self.day[place] for place, frames in zip(places, chosen, strict=True)]
        return np.stack(found).astype(np.float32)

    def images(self, places: Sequence[int], chosen: Sequence[Sequence[int]], window: Window | None = None) -> Images:
        """Return chosen frames and HR of some places, scaled to [0, 1], on the device.

        Args:
            places: N numbers below P.
            chosen: T frames of each.
            window: the crops to take; None takes whole images. HR shows the ground of LR, so that it starts on a
                multiple of the scale.
        """
        device, scale = self.hr.device, self.hr.shape[2] // self.series.shape[2]
        frames = moved(torch.from_numpy(self.first[list(places), None] + np.array(chosen)), device)  # (N, T)
        rows = moved(torch.tensor(places), device)
        low = None if window is None else _pixels(window, 1, device)
        high = None if window is None else _pixels(window, scale, device)
        white, hr_white = self.white[rows], self.hr_white[rows]
        return Images(
            lr=_to_unit(_taken(self.series, frames, low), white),
            lr_valid=_taken(self.valid, frames, low),
            hr=_to_unit(_taken(self.hr, rows, high), hr_white).contiguous(),
            hr_valid=_taken(self.hr_valid, rows, high),
            old_hr=None if self.old_hr is None else _to_unit(_taken(self.old_hr, rows, high), hr_white).contiguous(),
        )

    def drawn_boxes(
        self, places: Sequence[int], count: int, draws: Sequence[np.random.Generator], window: Window | None = None
    ) -> NDArray[np.float32]:
        """Draw some boxes of objects of every place, cut to its crop.

        Args:
            places: N numbers below P.
            count: K boxes of each.
            draws: N generators.
            window: the crops; None takes whole images.

        Returns:
            (N, K, 4), x1, y1, x2 and y2 in HR px of the crop; NaN where a place has fewer with `LEAST_BOX_PX` in it.
        """
        height, width = self.hr.shape[1:3]
        scale = height // self.series.shape[1]
        found = np.full((len(places), count, 4), np.nan, np.float32)
        for row, (place, rng) in enumerate(zip(places, draws, strict=True)):
            if window is None:
                top, left, high, wide = 0, 0, height, width
            else:
                top, left = scale * window.corners[row]
                high = wide = scale * window.size
            inside = (self.boxes[place] - [left, top, left, top]).clip(0, [wide, high, wide, high])
            inside = inside[((inside[:, 2:] - inside[:, :2]) >= LEAST_BOX_PX).all(axis=1)]
            chosen = rng.permutation(len(inside))[:count]
            found[row, : len(chosen)] = inside[chosen]
        return found


_TENSORS = tuple(own.name for own in fields(Stored) if str(own.type).startswith("Tensor"))


def _moved(block: Tensor | None, device: torch.device) -> Tensor | None:
    return None if block is None else moved(block, device)


def _joined(blocks: Sequence[Tensor | None]) -> Tensor | None:
    there = [block for block in blocks if block is not None]
    return torch.cat(there) if there else None


def _block(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))  # some readers' images have their bands first in memory


def _pixels(window: Window, factor: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return numbers of the rows and of the columns of every crop, both (N, size * factor)."""
    numbers = window.corners[:, :, None] * factor + np.arange(window.size * factor)  # (N, 2, size * factor)
    rows, columns = moved(torch.from_numpy(numbers), device).unbind(1)
    return rows, columns


def _taken(block: Tensor, numbers: Tensor, pixels: tuple[Tensor, Tensor] | None) -> Tensor:
    """Return images of a block by their numbers (N,) or (N, T), each cut at the rows and columns of its place."""
    plain = block.view(_SIGNED.get(block.dtype, block.dtype))
    if pixels is None:
        found = plain.index_select(0, numbers.flatten()).unflatten(0, numbers.shape)
    else:
        dates = (1,) * (numbers.ndim - 1)
        rows, columns = (part.view(len(part), *dates, -1) for part in pixels)
        found = plain[numbers[..., None, None], rows[..., :, None], columns[..., None, :]]
    return found.view(block.dtype)


def _to_unit(images: Tensor, white: Tensor) -> Tensor:
    """Return stored values (N, ..., H, W, C) as float32 (N, ..., C, H, W) in [0, 1]; white and what is brighter is 1.

    Divided by a tensor: by a number, a GPU multiplies by its reciprocal and rounds otherwise than a CPU.
    """
    divisor = white.view(-1, *(1,) * (images.ndim - 1))
    return images.float().div_(divisor).clamp_(0, 1).movedim(-1, -3)
