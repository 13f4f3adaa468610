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
from satsr.models.consistent import SensorModel, halo_px, make_consistent
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


class Axis(NamedTuple):
    """Windows along an axis.

    Attributes:
        windows: their numbers.
        by: the pixel from which they are counted.
        wide: pixels that they are blended for: of a block, and what agreement looks at around it.
    """

    windows: range
    by: int
    wide: range

    def first(self, tiling: Tiling) -> int:
        """Return the first pixel that the windows are given."""
        return tiling.span(self.windows).start + self.by


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
        origin: row and column from which windows are counted, so that every area gets the same ones; None counts them
            anew in every block, of a model for which any will do.
        consistent: bring the output into agreement with the composite.
        batch: windows at a time.
        mixed: compute in bfloat16 where the model's layers allow it.
        interval: tell how far the ground may be, from several views of every window.
    """

    model: SuperResolver
    scene: Scene
    tiling: Tiling
    wanted: date
    origin: tuple[int, int] | None = (0, 0)
    consistent: bool = True
    batch: int = 4
    mixed: bool = False
    interval: Interval | None = None

    def windows_of(self, block: Block) -> int:
        """Return how many windows a block takes."""
        rows, columns = (len(axis.windows) for axis in self.lattice(block))
        return rows * columns

    def lattice(self, block: Block) -> tuple[Axis, Axis]:
        """Return the windows along both axes that show a block, and around it what agreement looks at."""
        rows, columns = (self._axis(pixels, number) for number, pixels in enumerate(block))
        return rows, columns

    def read(self, block: Block) -> Part:
        """Read what the windows of a block are given."""
        rows, columns = (_moved(self.tiling.span(axis.windows), axis.by) for axis in self.lattice(block))
        return self.scene.read(rows, columns)

    @torch.inference_mode()
    def make(self, block: Block, part: Part) -> Made:
        """Return the outputs of a block from what `read` gave."""
        all_digits()
        axes = self.lattice(block)
        outputs = self._blended(axes, part)  # (views, C, H, W)
        known = [
            slice(axis.wide.start - axis.first(self.tiling), axis.wide.stop - axis.first(self.tiling)) for axis in axes
        ]
        if self.consistent:
            outputs = self._in_agreement(outputs, part, (known[0], known[1]))
        cut = [
            slice(self._fine(pixels.start - axis.wide.start), self._fine(pixels.stop - axis.wide.start))
            for pixels, axis in zip(block, axes, strict=True)
        ]
        shown = outputs.clamp(0, 1)
        clipped = float((outputs[0] != shown[0])[:, cut[0], cut[1]].float().mean())
        width = None
        if self.interval is not None:
            found = self.interval.calibration.half_width(self.interval.level, spread(list(shown)), detail(shown[:1])[0])
            width = found[:, cut[0], cut[1]].cpu().numpy()
        given = [
            slice(at.start + pixels.start - axis.wide.start, at.start + pixels.stop - axis.wide.start)
            for at, pixels, axis in zip(known, block, axes, strict=True)
        ]
        image = self._with_beyond(shown[0][:, cut[0], cut[1]].cpu(), part, (given[0], given[1]))
        scale = self.model.card.scale
        support = part.clear[given[0], given[1]].repeat(scale, axis=0).repeat(scale, axis=1)
        return Made(image.numpy(), support > 0, support, clipped, width)

    def tolerance(self, part: Part) -> NDArray[np.float32]:
        """Return how far the sensor's view of an output may be from the composite, in shares of white: (C, h, w)."""
        return tolerance(part.composite[self._bands], part.clear, self.model.card.bands_out, self.whites)

    def _axis(self, pixels: range, number: int) -> Axis:
        around = halo_px(self.sensor) if self.consistent else 0
        wide = range(pixels.start - around, pixels.stop + around)
        by = wide.start if self.origin is None else self.origin[number]
        return Axis(self.tiling.windows(_moved(wide, -by)), by, wide)

    def _blended(self, axes: tuple[Axis, Axis], part: Part) -> Tensor:
        """Return views of what the windows show, blended and cut to the wide block: (views, C, H, W), not clipped."""
        scale, tiling = self.model.card.scale, self.tiling
        inner, views_there = (tiling.side - 2 * tiling.halo) * scale, 1 if self.interval is None else VIEWS
        weights = torch.from_numpy(np.outer(*2 * [tiling.weights(scale)])).to(self._device)
        size = [(len(axis.windows) * tiling.stride + tiling.overlap) * scale for axis in axes]
        sums = torch.zeros(views_there, len(self.model.card.bands_out), *size, device=self._device)
        every = [(row, column) for row in range(len(axes[0].windows)) for column in range(len(axes[1].windows))]
        for first in range(0, len(every), self.batch):
            places = every[first : first + self.batch]
            for number, images in enumerate(self._super_resolve(axes, places, part, views_there)):
                for (row, column), image in zip(places, images, strict=True):
                    top, left = row * tiling.stride * scale, column * tiling.stride * scale
                    sums[number, :, top : top + inner, left : left + inner] += image * weights
        starts = [axis.wide.start - axis.windows[0] * tiling.stride - axis.by for axis in axes]
        down, across = (
            slice(self._fine(n), self._fine(n + len(axis.wide))) for n, axis in zip(starts, axes, strict=True)
        )
        return sums[..., down, across]

    def _super_resolve(
        self, axes: tuple[Axis, Axis], places: list[tuple[int, int]], part: Part, count: int
    ) -> Iterator[Tensor]:
        """Yield views of some windows, (N, C, H, W) without their halo."""
        tiling, card = self.tiling, self.model.card
        at = [tuple(slice(n * tiling.stride, n * tiling.stride + tiling.side) for n in place) for place in places]
        corners = [axis.first(tiling) for axis in axes]
        first = [[c + n * tiling.stride for c, n in zip(corners, place, strict=True)] for place in places]
        lr = torch.from_numpy(np.stack([part.lr[:, :, r, c] for r, c in at])).to(self._device)
        dates = self._dates.expand(len(places), -1)
        day = torch.full((len(places),), float((self.wanted - EPOCH).days), device=self._device)
        given = (lr[:, self._order], dates, torch.tensor(first, device=self._device), day)
        halo = tiling.halo * card.scale
        with self._precision:
            for image in views(self.model, *given, count):
                yield image.float()[..., halo : image.shape[-2] - halo, halo : image.shape[-1] - halo]

    def _in_agreement(self, outputs: Tensor, part: Part, at: tuple[slice, slice]) -> Tensor:
        """Return outputs (views, C, H, W) that agree with a part of the composite."""
        reference = torch.from_numpy(part.composite[self._bands][:, at[0], at[1]])[None].to(self._device)
        clear = torch.from_numpy(part.clear[at])[None, None].to(self._device) > 0
        inside = clear & (reference > CUT) & (reference < 1 - CUT)
        noise = torch.from_numpy(self.tolerance(part)[:, at[0], at[1]])[None].to(self._device)
        # one by one: a block is large
        agreeing = [make_consistent(one[None], reference, self.sensor, inside, tolerance=noise) for one in outputs]
        return torch.cat(agreeing)

    def _with_beyond(self, image: Tensor, part: Part, at: tuple[slice, slice]) -> Tensor:
        """Return an image (C, H, W) with what the model's range does not hold."""
        composite = torch.from_numpy(part.composite[self._bands])
        beyond = composite - composite.clamp(0, 1)
        if not beyond.any():
            return image
        scale = self.model.card.scale
        larger = F.interpolate(beyond[None], scale_factor=scale, mode="bilinear", align_corners=False)[0]
        down, across = (slice(scale * pixels.start, scale * pixels.stop) for pixels in at)
        return image + larger[:, down, across]

    def _fine(self, pixels: int) -> int:
        return self.model.card.scale * pixels

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
