"""What a degradation is given besides the image and its strength, and the signature that all share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Context:
    """What is fixed while the strength of a degradation grows.

    Attributes:
        seed: the only source of randomness: directions, places and noise are those of the seed whatever the
            strength, so that levels of one seed differ in strength alone.
        objects: boxes (x1, y1, x2, y2) of things in the image, in pixels, right and lower ends excluded.
    """

    seed: int
    objects: tuple[Box, ...] = ()

    def rng(self) -> np.random.Generator:
        """Return a fresh generator of the seed."""
        return np.random.default_rng(self.seed)


Degradation = Callable[[Tensor, float, Context], Tensor]


def degradation(function: Callable[[Array, float, Context], Array]) -> Degradation:
    """Make a degradation of tensors out of one of float64 arrays (C, H, W): check, compute, clip."""

    @wraps(function)
    def degraded(image: Tensor, strength: float, context: Context) -> Tensor:
        check_image(image)
        if not (math.isfinite(strength) and strength >= 0):
            raise ValueError(f"got {function.__name__} of strength {strength}, expected a finite number of at least 0")
        return to_tensor(function(to_array(image), strength, context))

    return degraded


def check_image(image: Tensor) -> None:
    """Check an image.

    Args:
        image: to check.

    Raises:
        ValueError: unless it is float32 (C, H, W) in [0, 1].
    """
    if image.ndim != 3 or image.dtype != torch.float32:
        raise ValueError(f"got an image {image.dtype} {tuple(image.shape)}, expected torch.float32 (C, H, W)")
    if not ((image >= 0) & (image <= 1)).all():
        raise ValueError(f"got an image in [{image.min():g}, {image.max():g}], expected [0, 1]: clip it first")


def to_array(image: Tensor) -> Array:
    """Return a tensor (C, H, W) as a float64 array."""
    return image.numpy().astype(np.float64)


def to_tensor(image: Array) -> Tensor:
    """Return an array (C, H, W) as a float32 tensor, clipped to [0, 1]."""
    return torch.from_numpy(np.clip(image, 0, 1).astype(np.float32))
