"""Which chips can be used, and which of their frames: black pixels, the paper's choice, seeds. Without torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satsr.common.digests import text_number


def black(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where a pixel is black, that is 0 in **all** bands (..., C) -> (...)."""
    return np.asarray((image == 0).all(axis=-1))


def choose_frames(good: NDArray[np.bool_], count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Choose `count` of the frames as the paper's code does, but from a given generator.

    `count` of the good frames at random; when there are too few, all of them and random bad ones. Cloudy frames
    count as good. Source: Zooming Out, reference code of November 2023.

    Raises:
        ValueError: fewer frames than `count`.
    """
    if len(good) < count:
        raise ValueError(f"{len(good)} frames, expected at least {count}: ask for fewer dates (pairs.dates)")
    first = rng.permutation(np.flatnonzero(good))
    rest = rng.permutation(np.flatnonzero(~good))
    return tuple(int(i) for i in np.concatenate([first, rest])[:count])


def frame_rng(seed: int, tile: str, epoch: int) -> np.random.Generator:
    """Return the generator that chooses the frames of a tile in an epoch, the same on every machine."""
    return np.random.default_rng([seed, text_number(tile), epoch])
