"""Outputs of pairs in agreement with their inputs, as `satsr super-resolve` brings a scene's into agreement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.tile_grid import HR_GSD_M, SCALE
from satsr.data.dates import median_of_valid
from satsr.data.pairs import Batch, Pairs
from satsr.data.true_colour import BAND_WHITE, TCI_WHITE
from satsr.models.consistent import SensorModel, make_consistent
from satsr.scenes.noise import tolerance

LR_GSD_M = HR_GSD_M * SCALE  # of the training grid
RGB = ("red", "green", "blue")
NEAR_WHITE = 1e-6


@dataclass(frozen=True)
class InAgreement:
    """What the inputs of a data set's pairs show of an output.

    Attributes:
        bands: numbers of the output's bands among the input's.
        sensor: what sees them.
        whites: reflectance of white for each band.
    """

    bands: tuple[int, ...]
    sensor: SensorModel
    whites: NDArray[np.float32]

    @classmethod
    def of(cls, pairs: Pairs) -> InAgreement:
        """Take the bands and the scale of pairs."""
        bands = tuple(pairs.bands_in.index(name) for name in pairs.bands_out)
        sensor = SensorModel.of(pairs.bands_out, pairs.scale, LR_GSD_M)
        white = np.array([TCI_WHITE if name in RGB else BAND_WHITE for name in pairs.bands_out], np.float32)
        return cls(bands, sensor, white)

    def reference(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the median of the dates (N, C, h, w), and where it says what the sensor saw: not clipped, ground."""
        shown = median_of_valid(batch.lr * batch.lr_valid[:, :, None])[:, list(self.bands)]
        return shown, (shown > NEAR_WHITE) & (shown < 1 - NEAR_WHITE)

    def apply(self, images: Tensor, batch: Batch) -> Tensor:
        """Return images (N, C, H, W) in agreement with the inputs of their places, not clipped."""
        reference, known = self.reference(batch)
        dates = batch.lr_valid.sum(dim=1).to(torch.uint8).numpy()
        noise = [
            tolerance(image, count, self.sensor.bands, self.whites)
            for image, count in zip(reference.numpy(), dates, strict=True)
        ]
        return make_consistent(images, reference, self.sensor, known, tolerance=torch.from_numpy(np.stack(noise)))
