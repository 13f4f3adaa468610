"""Where water would run: a branching network of channels down a regional slope."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from satsr.world.random_fields import Field, fractal

_COARSE = 2  # drawn on pixels twice as large: channels are wider than one HR pixel


def _catchments(rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Upstream area of every cell of a (rows, rows) slope that falls from the first row to the last.

    Every cell drains into one of the three cells below it (Scheidegger 1967, "A stochastic model for drainage
    patterns"), here not at random but down a fractal surface, so that channels keep a course and join.
    """
    slope = fractal(rows, rng, 2.0, 70) + 0.4 * rng.standard_normal((rows, rows), dtype=np.float32)
    target = np.clip(np.arange(rows) + np.clip(np.rint(0.9 * slope), -1, 1).astype(int), 0, rows - 1)
    area = np.ones((rows, rows))
    for row in range(1, rows):
        area[row] += np.bincount(target[row - 1], area[row - 1], rows)
    return area


def channels(size: int, rng: np.random.Generator) -> Field:
    """Strength of drainage lines: 0 between them, about 1 in the largest channels.

    Returns:
        (size, size) field in [0, 1], branching upstream and widening downstream, in a random direction.
    """
    rows = int(1.45 * size / _COARSE)
    # Water also comes from above the region, so the first rows are run in and left out.
    run_in = rows // 3
    area = _catchments(rows + run_in, rng)[run_in:, run_in // 2 : run_in // 2 + rows]
    thin = 0.75 * np.clip(np.log(area / 14) / np.log(12), 0, 1)
    wide = ndimage.gaussian_filter(np.clip(np.log(area / 260) / np.log(6), 0, 1), 0.8)
    strength = ndimage.gaussian_filter(np.maximum(thin, np.minimum(1.9 * wide, 1.3)).astype(np.float32), 0.55)
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) / _COARSE
    offset = np.full(2, rows / 2) - rotation @ np.full(2, size / 2)
    turned = ndimage.affine_transform(strength, rotation, offset, (size, size), order=1, mode="nearest")
    return np.clip(1.3 * turned, 0, 1)
