"""A model on blocks of a scene."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.device import all_digits
from satsr.data.ground import pixel_m
from satsr.models.consistent import SensorModel, make_consistent
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.models.views import views
from satsr.scenes.noise import tolerance
from satsr.scenes.scene import Part, Scene
from satsr.scenes.tiling import Tiling
from satsr.scenes.uncertainty import VIEWS, Calibration, detail, spread

EPOCH = date(1970, 1, 1)
CUT = 1e-6  # a composite this near to black or white is taken for clipped


class Block(NamedTuple):
    """A part of a scene, by the numbers of its low-resolution pixels."""

    rows: range
    columns: range


class Made(NamedTuple):
    """What was made of a block.

    Attributes:
        image: float32 (C, H, W), shares of white; above 1 where the scene is brighter than the model's white.
        valid: bool (H, W), some date shows the ground without cloud.
        support: uint8 (H, W), how many dates do.
        clipped: share of the model's values that left [0, 1].
        half_width: float32 (C, H, W), of intervals around the image, shares of white; None where none was asked for.
    """

    image: NDArray[np.float32]
    valid: NDArray[np.bool_]
    support: NDArray[np.uint8]
    clipped: float
    half_width: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Interval:
    """Intervals that are asked for: their level, and how wide they are."""

    level: float
    calibration: Calibration


@dataclass(frozen=True)
class Applied:
    """A model, and how it is applied to a scene.

    Attributes:
        model: on its device, ready for inference.
        scene: what it is applied to; its channels are the model's bands.
        tiling: how the scene is cut.
        wanted: the date that the output stands for.
        origin: row and column from which windows are counted: of the scene, so that every area gets the same windows.
        consistent: bring the output into agreement with the composite.
        batch: windows at a time.
        mixed: compute in bfloat16 where the model's layers allow it.
        interval: tell how far the ground may be, from several views of every window.
    """

    model: SuperResolver
    scene: Scene
    tiling: Tiling
    wanted: date
    origin: tuple[int, int] = (0, 0)
    consistent: bool = True
    batch: int = 4
    mixed: bool = False
    interval: Interval | None = None

    def windows_of(self, block: Block) -> int:
        """Return how many windows a block takes."""
        rows, columns = self._windows(block)
        return len(rows) * len(columns)

    def read(self, block: Block) -> Part:
        """Read what the windows of a block are given."""
        spans = [self.tiling.span(windows) for windows in self._windows(block)]
        return self.scene.read(*(_moved(span, by) for span, by in zip(spans, self.origin, strict=True)))

    @torch.inference_mode()
    def make(self, block: Block, part: Part) -> Made:
        """Return the outputs of a block from what `read` gave."""
        all_digits()
        scale, tiling = self.model.card.scale, self.tiling
        inner = (tiling.side - 2 * tiling.halo) * scale
        weights = torch.from_numpy(np.outer(*2 * [tiling.weights(scale)])).to(self._device)
        windows = self._windows(block)
        size = [(len(w) * tiling.stride + tiling.overlap) * scale for w in windows]
        bands = len(self.model.card.bands_out)
        sums = torch.zeros(bands * (1 if self.interval is None else 2), *size, device=self._device)
        clipped: list[float] = []
        for places, images in self._outputs(windows, part, self.tolerance(part)):
            own = images[:, :bands]
            clipped.append(float(((own < 0) | (own > 1)).float().mean()))
            for (row, column), image in zip(places, images.clamp(0, 1), strict=True):
                top, left = row * tiling.stride * scale, column * tiling.stride * scale
                sums[:, top : top + inner, left : left + inner] += image * weights
        return self._cut(block, windows, part, sums, float(np.mean(clipped)))

    def tolerance(self, part: Part) -> NDArray[np.float32]:
        """Return how far the sensor's view of an output may be from the composite, in shares of white: (C, h, w)."""
        return tolerance(part.composite[self._bands], part.clear, self.model.card.bands_out, self.whites)

    def _outputs(
        self, windows: list[range], part: Part, allowed: NDArray[np.float32]
    ) -> Iterator[tuple[list[tuple[int, int]], Tensor]]:
        """Yield the places of windows in a block, and the inner parts of their outputs, batch by batch."""
        every = [(row, column) for row in range(len(windows[0])) for column in range(len(windows[1]))]
        for first in range(0, len(every), self.batch):
            places = every[first : first + self.batch]
            yield places, self._super_resolve(windows, places, part, allowed)

    def _super_resolve(
        self, windows: list[range], places: list[tuple[int, int]], part: Part, allowed: NDArray[np.float32]
    ) -> Tensor:
        tiling, card = self.tiling, self.model.card
        at = [tuple(slice(n * tiling.stride, n * tiling.stride + tiling.side) for n in place) for place in places]
        corners = [tiling.span(w)[0] + by for w, by in zip(windows, self.origin, strict=True)]
        first = [[c + n * tiling.stride for c, n in zip(corners, place, strict=True)] for place in places]
        lr = torch.from_numpy(np.stack([part.lr[:, :, r, c] for r, c in at])).to(self._device)
        dates = self._dates.expand(len(places), -1)
        day = torch.full((len(places),), float((self.wanted - EPOCH).days), device=self._device)
        given = (lr[:, self._order], dates, torch.tensor(first, device=self._device), day)
        with self._precision:
            outputs = [image.float() for image in views(self.model, *given, 1 if self.interval is None else VIEWS)]
        if self.consistent:
            outputs = self._in_agreement(outputs, at, part, allowed)
        sr, halo = outputs[0], tiling.halo * card.scale
        if self.interval is not None:
            shown = [image.clamp(0, 1) for image in outputs]
            width = self.interval.calibration.half_width(self.interval.level, spread(shown), detail(shown[0]))
            sr = torch.cat([sr, width], dim=1)
        return sr[..., halo : sr.shape[-2] - halo, halo : sr.shape[-1] - halo]

    def _in_agreement(
        self, outputs: list[Tensor], at: list[tuple[slice, ...]], part: Part, allowed: NDArray[np.float32]
    ) -> list[Tensor]:
        reference = torch.from_numpy(np.stack([part.composite[self._bands, r, c] for r, c in at])).to(self._device)
        known = torch.from_numpy(np.stack([part.clear[r, c] for r, c in at]))[:, None].to(self._device) > 0
        inside = known & (reference > CUT) & (reference < 1 - CUT)
        noise = torch.from_numpy(np.stack([allowed[:, r, c] for r, c in at])).to(self._device)
        return [make_consistent(sr, reference, self.sensor, inside, tolerance=noise) for sr in outputs]

    def _cut(self, block: Block, windows: list[range], part: Part, sums: Tensor, clipped: float) -> Made:
        """Return the pixels of a block alone, with what the model's range does not hold."""
        scale, tiling = self.model.card.scale, self.tiling
        firsts = [w[0] * tiling.stride + by for w, by in zip(windows, self.origin, strict=True)]
        low = [pixels.start - first for pixels, first in zip(block, firsts, strict=True)]
        high = [slice(scale * n, scale * (n + len(pixels))) for n, pixels in zip(low, block, strict=True)]
        given = [slice(n + tiling.halo, n + tiling.halo + len(pixels)) for n, pixels in zip(low, block, strict=True)]
        composite = torch.from_numpy(part.composite[self._bands])
        beyond = composite - composite.clamp(0, 1)
        bands = len(self.model.card.bands_out)
        image, width = sums[:, high[0], high[1]].cpu().split([bands, len(sums) - bands])
        if beyond.any():
            larger = F.interpolate(beyond[None], scale_factor=scale, mode="bilinear", align_corners=False)[0]
            moved = [slice(scale * n.start, scale * n.stop) for n in given]
            image = image + larger[:, moved[0], moved[1]]
        support = part.clear[given[0], given[1]].repeat(scale, axis=0).repeat(scale, axis=1)
        return Made(image.numpy(), support > 0, support, clipped, width.numpy() if len(width) else None)

    def _windows(self, block: Block) -> list[range]:
        return [self.tiling.windows(_moved(axis, -by)) for axis, by in zip(block, self.origin, strict=True)]

    @property
    def _device(self) -> torch.device:
        return next((p.device for p in self.model.parameters()), torch.device("cpu"))

    @property
    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self._device.type, torch.bfloat16) if self.mixed else nullcontext()

    @cached_property
    def _order(self) -> list[int]:
        """Which dates the model is given: all, repeated in turn where it wants more."""
        there = len(self.scene.plan.dates)
        return [n % there for n in range(max(there, self.model.card.dates))]

    @cached_property
    def _dates(self) -> Tensor:
        days = [(self.scene.plan.dates[n].note.day - self.wanted).days for n in self._order]
        return torch.tensor([days], dtype=torch.float32, device=self._device)

    @cached_property
    def _bands(self) -> list[int]:
        return [self.scene.plan.channels.index(name) for name in self.model.card.bands_out]

    @cached_property
    def whites(self) -> NDArray[np.float32]:
        """Reflectance that is 1 in the model's range, by output band."""
        return self.scene.whites[self._bands]

    @cached_property
    def sensor(self) -> SensorModel:
        """What sees the output."""
        return sensor_of(self.model.card, self.scene)


def sensor_of(card: ModelCard, scene: Scene) -> SensorModel:
    """Return what sees a model's output of a scene."""
    sides = pixel_m(scene.plan.grid)
    assert sides is not None, "a scene has a place on earth"
    return SensorModel.of(card.bands_out, card.scale, float(np.sqrt(sides[0] * sides[1])))


def _moved(pixels: range, by: int) -> range:
    return range(pixels.start + by, pixels.stop + by)
