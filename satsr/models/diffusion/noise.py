"""Gaussian noise that belongs to a place: the same there whatever the batch, the window or the device.

Every value is a function of a seed, the number of the draw, the channel and the position: a counter-based generator
(Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", 2011) with SplitMix64's mixing (Steele et al., 2014).
So overlapping windows of a scene see one field of noise, and no result depends on batching.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# SplitMix64's increment and multipliers, as signed 64-bit numbers; products wrap around.
INCREMENT = 0x9E3779B97F4A7C15 - 2**64
MULTIPLIERS = ((30, 0xBF58476D1CE4E5B9 - 2**64), (27, 0x94D049BB133111EB - 2**64))
LAST_SHIFT = 31
BITS = 52  # of a uniform number; half a step away from 0 and 1, so that the normal number is finite


def place_noise(place: Tensor, shape: tuple[int, int, int], draw: int, seed: int = 0) -> Tensor:
    """Return standard normal noise of some windows of an endless field.

    Args:
        place: int64 (N, 2), row and column of each window's first pixel in the field.
        shape: (C, H, W) of a window.
        draw: which field; every step of a sampler and every trajectory takes another.
        seed: of all fields.

    Returns:
        float32 (N, C, H, W) on the device of `place`.
    """
    channels, height, width = (torch.arange(size, device=place.device) for size in shape)
    rows, columns = place[:, :1] + height, place[:, 1:] + width  # (N, H), (N, W)
    field = _mixed(_mixed(torch.tensor(seed, device=place.device)) + draw)
    counter = _mixed(field + channels)[None, :, None] + rows[:, None, :]  # (N, C, H)
    bits = _mixed(_mixed(counter)[..., None] + columns[:, None, None, :])
    uniform = (_shifted(bits, 64 - BITS).double() + 0.5) / 2**BITS
    return (math.sqrt(2) * torch.erfinv(2 * uniform - 1)).float()


def _mixed(counter: Tensor) -> Tensor:
    """Scramble 64-bit counters, one to one."""
    value = (counter + 1) * INCREMENT
    for shift, multiplier in MULTIPLIERS:
        value = (value ^ _shifted(value, shift)) * multiplier
    return value ^ _shifted(value, LAST_SHIFT)


def _shifted(value: Tensor, bits: int) -> Tensor:
    """Shift right and fill with zeros, as on unsigned numbers."""
    return (value >> bits) & ((1 << (64 - bits)) - 1)
