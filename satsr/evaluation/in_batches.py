"""Something made of every place of a split, a few places at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from satsr.data.pairs import Batch, Pairs
from satsr.evaluation.evaluate import super_resolve
from satsr.models.superresolver import SuperResolver

AT_ONCE = 16  # places


def of_every_place(pairs: Pairs, make: Callable[[Batch], Tensor]) -> Tensor:
    """Return what is made of every place, (N, ...)."""
    return torch.cat([make(batch) for _, batch in pairs.batches(AT_ONCE)])


def outputs(model: SuperResolver, pairs: Pairs) -> Tensor:
    """Return a model's outputs for every place, (N, C, H, W) in [0, 1]."""
    return of_every_place(pairs, lambda batch: super_resolve(model, batch)[0])


def series(pairs: Pairs) -> Tensor:
    """Return the low-resolution series of every place with their dates as channels, (N, T * C, h, w)."""
    return of_every_place(pairs, lambda batch: batch.lr.flatten(1, 2))
