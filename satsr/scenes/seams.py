"""Whether borders of windows can be seen: how far neighbours differ across them, and how far elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from satsr.scenes.apply import Applied, Block


def seam_ratio(image: NDArray[np.floating], rows: Sequence[int], columns: Sequence[int], scale: int = 1) -> float:
    """Return the mean step across borders over the mean step elsewhere; 1 where borders cannot be told.

    Args:
        image: (C, H, W).
        rows: numbers of the first rows after a border that runs from left to right.
        columns: of the first columns after one that runs from top to bottom.
        scale: output pixels per input pixel: networks make other steps between input pixels than inside of them, so
            borders, which lie between, are compared with other places between.

    Raises:
        ValueError: no border inside the image, or nothing but borders.
    """
    across, elsewhere = [], []
    for axis, borders in ((1, rows), (2, columns)):
        steps = np.abs(np.diff(image, axis=axis)).mean(axis=(0, 3 - axis))
        at = np.zeros(len(steps), bool)
        between = np.arange(1, len(steps) + 1) % scale == 0
        at[[border - 1 for border in borders if 0 < border < image.shape[axis]]] = True
        across.append(steps[at])
        elsewhere.append(steps[~at & between])
    if not sum(map(len, across)) or not sum(map(len, elsewhere)):
        raise ValueError("got no border between pixels of the image, expected at least one, and pixels beside it")
    return float(np.concatenate(across).mean() / max(np.concatenate(elsewhere).mean(), np.finfo(np.float32).tiny))


def borders(applied: Applied, block: Block) -> tuple[list[int], list[int]]:
    """Return the rows and columns of a block's output at which a window begins, ends, or begins or ends to fade."""
    scale, tiling = applied.model.card.scale, applied.tiling
    found = []
    for pixels, axis in zip(block, applied.lattice(block), strict=True):
        cells = [number * tiling.stride + axis.by - pixels.start for number in axis.windows]
        at = {cell + fade for cell in cells for fade in {0, tiling.overlap}}
        found.append(sorted(scale * n for n in at if 0 < n < len(pixels)))
    return found[0], found[1]


def borders_of_blocks(applied: Applied, side: int) -> tuple[list[int], list[int]]:
    """Return the rows and columns of a whole scene's output at which blocks, or windows inside of them, begin or end.

    Args:
        applied: the model on the scene.
        side: of a block in low-resolution pixels.
    """
    scene, scale = applied.scene, applied.model.card.scale
    found: tuple[set[int], set[int]] = (set(), set())
    for first in range(0, max(len(scene.rows), len(scene.columns)), side):
        axes = [axis[first : first + side] for axis in (scene.rows, scene.columns)]
        for number, pixels in enumerate(axes):
            if pixels:
                inside = borders(applied, Block(pixels, pixels))[number]
                found[number].update(scale * first + n for n in (0, *inside) if first + n > 0)
    return sorted(found[0]), sorted(found[1])
