"""The baseline without a network: the median of the dates, enlarged by bicubic interpolation."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from satsr.data.dates import median_of_valid


class BicubicMedian(nn.Module):
    """Bicubic enlargement of the per-pixel median over the valid dates.

    Args:
        out_channels: the first bands of the input that are kept.
        scale: enlargement.
    """

    def __init__(self, out_channels: int, scale: int) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.scale = scale

    def forward(self, lr: Tensor) -> Tensor:
        """Map (N, T, C, h, w) in [0, 1] to (N, out_channels, scale * h, scale * w), not clipped."""
        middle = median_of_valid(lr)[:, : self.out_channels]
        return F.interpolate(middle, scale_factor=self.scale, mode="bicubic", align_corners=False, antialias=False)
