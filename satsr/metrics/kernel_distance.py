"""Kernel distance of two sets of features (KID).

Bińkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4.
"""

import numpy as np
from numpy.typing import NDArray

from satsr.metrics.frechet import Features, check_features

# Rows of the kernel matrix that are held at a time.
CHUNK_ROWS = 1024


def kernel_distance(features_a: Features, features_b: Features) -> float:
    """Estimate the squared maximum mean discrepancy under the kernel (x . y / d + 1)^3, without bias.

    Over all pairs of the two sets; the published numbers average over random subsets instead, which adds
    noise and estimates the same quantity.

    Args:
        features_a: one row per image (n, d), n at least 2.
        features_b: (m, d), m at least 2.

    Returns:
        The estimate, lower is better; about 0, and as often negative, for sets of one distribution.

    Raises:
        ValueError: from `check_features`.
    """
    a, b = check_features(features_a, features_b)
    return _mean_within(a) + _mean_within(b) - 2 * _kernel_sum(a, b) / (len(a) * len(b))


def _mean_within(x: NDArray[np.float64]) -> float:
    """Average the kernel over pairs of different rows."""
    diagonal = float(_cubic(np.square(x).sum(axis=1), x.shape[1]).sum())
    return (_kernel_sum(x, x) - diagonal) / (len(x) * (len(x) - 1))


def _kernel_sum(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    starts = range(0, len(x), CHUNK_ROWS)
    return sum(float(_cubic(x[start : start + CHUNK_ROWS] @ y.T, x.shape[1]).sum()) for start in starts)


def _cubic(products: NDArray[np.float64], columns: int) -> NDArray[np.float64]:
    return (products / columns + 1) ** 3
