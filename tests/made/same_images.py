"""Outputs of one network in two layouts of memory: equal but for the order of sums."""

from __future__ import annotations

import torch
from torch import Tensor


def assert_same(one: Tensor, other: Tensor) -> None:
    """Compare images that a model gives, loaded and as it was made."""
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
