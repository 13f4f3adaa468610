"""Features of target images are computed once and reused by every method that is scored against them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from satsr.common.digests import content_digest

BUDGET_BYTES = 2**29

Features = tuple[Tensor, ...]


@dataclass
class FeatureMemory:
    """Features by the content of the image and the way it was prepared.

    Filled until its budget is spent and never emptied: a data set is gone through in order, once per method, so
    throwing out the oldest would throw out what is needed next.
    """

    known: dict[tuple[str, str], Features] = field(default_factory=dict)
    used_bytes: int = 0

    def features(self, images: Tensor, way: str, compute: Callable[[Tensor], Features]) -> Features:
        """Return the features of a batch, computing those of new images only.

        Args:
            images: (N, C, H, W).
            way: name of the preparation; equal images under another one have other features.
            compute: maps images (M, C, H, W) to a tuple of tensors (M, ...).

        Returns:
            The tuple for all N images.
        """
        keys = [(way, _content(image)) for image in images]
        new = [i for i, key in enumerate(keys) if key not in self.known]
        made = compute(images[new]) if new else ()
        self._keep([keys[i] for i in new], made)
        if len(new) == len(keys):
            return made
        fresh = {keys[i]: _row(made, row) for row, i in enumerate(new)}
        rows = [self.known.get(key) or fresh[key] for key in keys]
        return tuple(torch.stack(parts) for parts in zip(*rows, strict=True))

    def _keep(self, keys: list[tuple[str, str]], features: Features) -> None:
        size = sum(part[0].nbytes for part in features)
        for row, key in enumerate(keys):
            if self.used_bytes + size > BUDGET_BYTES:
                return
            if key not in self.known:
                self.known[key] = tuple(part[row].clone() for part in features)
                self.used_bytes += size


def _row(features: Features, row: int) -> Features:
    return tuple(part[row] for part in features)


def _content(image: Tensor) -> str:
    """Return a digest of shape and values: black images of two shapes have equal bytes."""
    values = image.detach().cpu().contiguous().numpy()
    return content_digest([str(values.shape).encode(), values.tobytes()])
