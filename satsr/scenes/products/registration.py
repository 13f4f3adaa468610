"""How far one date lies beside another, in parts of a pixel.

Products of one relative orbit lie within a few metres of each other. The shift is found by phase correlation
and given to the resampling, so that pixels are interpolated once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEPS_PER_PX = 20
MOST_PX = 1024  # the middle of a larger window is enough
LEAST_SHARED = 0.5  # share of pixels that both dates must show


def find_shift(
    fixed: NDArray[np.uint8], moved: NDArray[np.uint8], shared: NDArray[np.bool_]
) -> tuple[float, float] | None:
    """Return how far (down, right) in pixels the content of `moved` lies from that of `fixed`.

    Args:
        fixed: (h, w, C).
        moved: (h, w, C).
        shared: bool (h, w), pixels that both show.

    Returns:
        The displacement; None where the dates share too little, or have no texture.
    """
    from skimage.registration import phase_cross_correlation

    middle = tuple(slice(max(0, (n - MOST_PX) // 2), max(0, (n - MOST_PX) // 2) + MOST_PX) for n in shared.shape)
    shown = shared[middle]
    if shown.mean() < LEAST_SHARED:
        return None
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in shown.shape)) * shown
    a, b = (_deviation(image[middle], shown) * window for image in (fixed, moved))
    if min(np.ptp(a), np.ptp(b)) < 1e-6:
        return None
    # The function returns what moves its second image onto its first.
    down, right = -phase_cross_correlation(a, b, upsample_factor=STEPS_PER_PX, normalization=None)[0]
    return float(down), float(right)


def _deviation(image: NDArray[np.uint8], shown: NDArray[np.bool_]) -> NDArray[np.float64]:
    gray = image.mean(axis=-1)
    return np.asarray(gray - gray[shown].mean())
