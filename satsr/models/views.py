"""Several outputs of one input: where they differ, the model does not know.

A sampling method starts each from other noise; any other model is shown the input turned, and its output is turned
back. The first is always the plain output.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from satsr.models.superresolver import SuperResolver

MOST = 8  # symmetries of the square
FAR_PX = 1_000_003  # between places whose noise is taken: further than any scene, so that no two views share any


def views(
    model: SuperResolver,
    lr: Tensor,
    dt_days: Tensor | None = None,
    place: Tensor | None = None,
    day: Tensor | None = None,
    count: int = 4,
) -> Iterator[Tensor]:
    """Yield outputs of the same input, the plain one first.

    Args:
        model: any.
        lr: (N, T, C_in, h, w), as `SuperResolver.forward` takes it; so are dt_days, place and day.
        dt_days: (N, T).
        place: (N, 2).
        day: (N,).
        count: how many, 1 to 8.

    Yields:
        (N, C_out, scale * h, scale * w), not clipped.

    Raises:
        ValueError: a count that there is not.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"got {count} views, expected 1 to {MOST}: a square has no more symmetries")
    for number in range(count):
        if model.method.denoises:
            start = torch.zeros(len(lr), 2, dtype=torch.int64, device=lr.device) if place is None else place
            yield model(lr, dt_days, start + number * FAR_PX, day)
        else:
            turned = model(_turned(lr, number).contiguous(), dt_days, place, day)
            yield _turned_back(turned, number)


def _turned(image: Tensor, number: int) -> Tensor:
    image = image.flip(-1) if number >= MOST // 2 else image
    return image.rot90(number % (MOST // 2), (-2, -1))


def _turned_back(image: Tensor, number: int) -> Tensor:
    image = image.rot90(-(number % (MOST // 2)), (-2, -1))
    return image.flip(-1) if number >= MOST // 2 else image
