"""The discriminator of objects: one real/fake logit for what lies in a box (Zooming Out, A.5.1)."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

SIDE_PX = 32  # of the square that every box is resized to
LEAKY_SLOPE = 0.2


class ObjectDiscriminator(nn.Module):
    """Convolutions and two layers of self-attention over an object, down to one logit.

    Args:
        num_feat: channels after the first convolution; doubled twice.
        positive: end in a ReLU, as the published branch does: no logit can say *generated*.
    """

    def __init__(self, num_feat: int = 64, positive: bool = False) -> None:
        super().__init__()
        self.positive = positive
        widths = (3, num_feat, 2 * num_feat, 4 * num_feat)
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, kernel_size=4, stride=2, padding=1)) for a, b in pairwise(widths)
        )
        self.attention = nn.Sequential(SelfAttention(widths[-1]), SelfAttention(widths[-1]))
        self.head = nn.Conv2d(widths[-1], 1, kernel_size=SIDE_PX // 8)

    def forward(self, objects: Tensor) -> Tensor:
        """Map objects (N, 3, 32, 32) in [0, 1] to logits (N, 1, 1, 1); positive means real."""
        x = objects
        for convolution in self.down:
            x = F.leaky_relu(convolution(x), LEAKY_SLOPE)
        logits = self.head(self.attention(x))
        return F.relu(logits) if self.positive else logits


class SelfAttention(nn.Module):
    """Self-attention over the pixels of a map, added with a weight that starts at 0 (Zhang et al., SAGAN, 2019, eq. 3).

    Args:
        channels: in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.query, self.key = (spectral_norm(nn.Conv2d(channels, inner, 1)) for _ in range(2))
        self.value = spectral_norm(nn.Conv2d(channels, channels, 1))
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, h, w) to the same shape."""
        query, key, value = (part(x).flatten(2) for part in (self.query, self.key, self.value))  # (N, c, h * w)
        share = torch.softmax(query.transpose(1, 2) @ key, dim=-1)  # (N, of each pixel, to each pixel)
        return x + self.weight * (value @ share.transpose(1, 2)).view_as(x)


def cut_out(images: Tensor, boxes: Tensor) -> Tensor:
    """Return the objects of images, each resized to a square, bilinearly.

    Args:
        images: (N, C, H, W).
        boxes: (N, K, 4), x1, y1, x2 and y2 in pixels; NaN where there is none.

    Returns:
        (M, C, 32, 32), the M boxes that are there, image by image.
    """
    there = boxes.isfinite().all(dim=-1)  # (N, K)
    numbers, found = there.nonzero()[:, 0], boxes[there]
    height, width = images.shape[-2:]
    steps = (torch.arange(SIDE_PX, device=images.device) + 0.5) / SIDE_PX
    x = found[:, :1] + (found[:, 2:3] - found[:, :1]) * steps  # (M, 32), pixel edges at whole numbers
    y = found[:, 1:2] + (found[:, 3:4] - found[:, 1:2]) * steps
    grid = torch.stack(
        [
            (2 * x / width - 1)[:, None, :].expand(-1, SIDE_PX, -1),
            (2 * y / height - 1)[:, :, None].expand(-1, -1, SIDE_PX),
        ],
        dim=-1,
    )
    return F.grid_sample(images[numbers], grid, mode="bilinear", padding_mode="border", align_corners=False)
