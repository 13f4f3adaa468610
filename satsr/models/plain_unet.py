"""A plain U-Net for labels per pixel (Ronneberger et al., 2015), with batch normalization."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainUNet(nn.Module):
    """Maps images (N, channels, H, W) to logits (N, classes, H, W).

    Args:
        widths: channels of each level; every level but the first halves height and width.
        classes: of a pixel.
        channels: of the images.
    """

    def __init__(self, widths: Sequence[int], classes: int, channels: int = 3) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            _block(below, width) for below, width in zip((channels, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(_block(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits; height and width must be divisible by 2 to the number of levels less one."""
        levels = [self.down[0](images)]
        for block in self.down[1:]:
            levels.append(block(F.max_pool2d(levels[-1], 2)))
        found = levels.pop()
        for block, beside in zip(reversed(self.up), reversed(levels), strict=True):
            found = block(torch.cat((beside, F.interpolate(found, scale_factor=2)), dim=1))
        return self.head(found)


def _block(channels_in: int, channels_out: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (channels_in, channels_out):
        convolution = nn.Conv2d(channels, channels_out, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
