"""Label maps that tests make up."""

from __future__ import annotations

import numpy as np

from satsr.data.making.footprints import Labels


def squares(*corners: tuple[int, int], side: int = 6, size: int = 32) -> Labels:
    labels = np.zeros((size, size), np.int32)
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + side, x : x + side] = number
    return labels
