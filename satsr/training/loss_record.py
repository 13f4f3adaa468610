"""Losses of a training, kept on the device until somebody wants to know them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


class LossRecord:
    """The losses of the steps since they were read last.

    Reading makes a GPU finish what it was given, and the CPU wait; between two readings neither waits for the other.

    Args:
        method: for messages.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self._rows: list[tuple[int, tuple[str, ...], Tensor]] = []

    def add(self, step: int, terms: dict[str, Tensor], loss: Tensor) -> None:
        """Remember the losses of a step and their sum, all of shape ()."""
        self._rows.append((step, tuple(terms), torch.stack([*terms.values(), loss]).detach()))

    def read(self) -> list[dict[str, float]]:
        """Return the losses that were added since the last reading, in their order, and forget them.

        Raises:
            RuntimeError: a sum was not finite; the message names the first such step, so it may come late, by as many
                steps as lie between two readings.
        """
        rows, self._rows = self._rows, []
        if not rows:
            return []
        values = torch.cat([losses for *_, losses in rows]).tolist()
        found, at = [], 0
        for step, names, _ in rows:
            *terms, loss = values[at : at + len(names) + 1]
            at += len(names) + 1
            self._check(step, names, loss)
            found.append(dict(zip(names, terms, strict=True)))
        return found

    def _check(self, step: int, names: Sequence[str], loss: float) -> None:
        if not math.isfinite(loss):
            raise RuntimeError(
                f"{self.method}: the loss is {loss} at step {step}; lower learning_rate or the weight of one of "
                f"{', '.join(names)}"
            )
