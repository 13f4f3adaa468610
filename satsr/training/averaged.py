"""Weights averaged over the steps of a training."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn


class Averaged(nn.Module):
    """A copy of a network whose weights follow the original's by an exponential moving average.

    `torch.optim.swa_utils.AveragedModel` gives the same values; it walks over all modules in every step, and asks the
    device how many there were.

    Args:
        original: the network that learns; it keeps its parameters and buffers, whose values change.
        decay: share of the average that stays in a step, in [0, 1).
    """

    def __init__(self, original: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = deepcopy(original)
        self.decay = decay
        self._pairs = _by_type(_tensors(self.module), _tensors(original))

    def forward(self, *given: Any) -> Any:
        """Call the network with the averaged weights."""
        return self.module(*given)

    @torch.no_grad()
    def update(self, first: bool) -> None:
        """Move towards the original's weights; the first time, take them."""
        for average, now in self._pairs:
            if first or not average[0].is_floating_point():  # counts among the buffers
                torch._foreach_copy_(average, now)
            else:
                torch._foreach_lerp_(average, now, 1 - self.decay)


def _tensors(network: nn.Module) -> list[Tensor]:
    return [*network.parameters(), *network.buffers()]


def _by_type(averages: list[Tensor], originals: list[Tensor]) -> list[tuple[list[Tensor], list[Tensor]]]:
    """Return averages and originals in lists of one type each, as calls for many tensors take them."""
    groups: dict[torch.dtype, tuple[list[Tensor], list[Tensor]]] = {}
    for average, original in zip(averages, originals, strict=True):
        averages_of, originals_of = groups.setdefault(average.dtype, ([], []))
        averages_of.append(average)
        originals_of.append(original)
    return list(groups.values())
