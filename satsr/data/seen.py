"""What a model is given of some places."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Seen(NamedTuple):
    """Low-resolution series, and where and when the wanted images are.

    Attributes:
        lr: float32 (N, T, C_in, h, w) in [0, 1].
        dt_days: float32 (N, T), each date minus the wanted one.
        place: int64 (N, 2), row and column of the first LR pixel in the scene; a sampling method's noise belongs to it.
        day: float64 (N,), the wanted date in days since 1970.
    """

    lr: Tensor
    dt_days: Tensor
    place: Tensor
    day: Tensor

    def to(self, device: torch.device) -> Seen:
        """Return the same on a device."""
        return Seen(*(part.to(device) for part in self))
