"""The baseline without a network: the median of the dates, enlarged by bicubic interpolation."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


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


def median_of_valid(lr: Tensor) -> Tensor:
    """Return the median over the dates that are not black at a pixel: (N, T, C, h, w) -> (N, C, h, w).

    The lower of the two middle values for an even number of dates; 0 where every date is black.
    """
    invalid = (lr == 0).all(dim=2, keepdim=True)
    return lr.masked_fill(invalid, float("nan")).nanmedian(dim=1).values.nan_to_num(0.0)
