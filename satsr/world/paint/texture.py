"""Textures that both epochs of a region share."""

import numpy as np

from satsr.world.random_fields import fractal, profile

_LINES = 4096
_BOOM_FINE_PX = 20  # sprayers leave wheel tracks every boom width, 24 m


class Texture:
    """Random textures of a region.

    Attributes:
        fine: (n, n) noise on the fine grid, unit deviation: grains, clods, stains.
        lines: (4096,) tillage profile across a field, unit deviation; it wraps.
    """

    def __init__(self, fine_size: int, rng: np.random.Generator) -> None:
        self.fine = fractal(fine_size, rng, 1.1, 60)
        line = profile(_LINES, rng, 0.8) + 1.1 * profile(_LINES, rng, 6.0) + 0.7 * profile(_LINES, rng, 30.0)
        line[::_BOOM_FINE_PX] -= 1.8
        self.lines = (line / line.std()).astype(np.float32)
