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


def repeated_kernel_distances(
    features_a: Features, features_b: Features, times: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Estimate `kernel_distance` of many bootstrap resamples of two sets, whose kernels are computed once.

    Args:
        features_a: one row per image (n, d), n at least 2.
        features_b: of the same images' other versions (n, d).
        times: how often each resample has each image (resamples, n); at least two images in every one.

    Returns:
        One estimate per resample (resamples,).

    Raises:
        ValueError: from `check_features`.
    """
    a, b = check_features(features_a, features_b)
    size = times.sum(axis=1)
    within = [(_drawn_sum(x, x, times) - times @ _diagonal(x)) / (size * (size - 1)) for x in (a, b)]
    return within[0] + within[1] - 2 * _drawn_sum(a, b, times) / size**2


def _drawn_sum(x: NDArray[np.float64], y: NDArray[np.float64], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sum the kernel over all pairs of every resample: (resamples,)."""
    total = np.zeros(len(times))
    for start in range(0, len(x), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        total += ((times[:, rows] @ _cubic(x[rows] @ y.T, x.shape[1])) * times).sum(axis=1)
    return total


def _diagonal(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the kernel of every row with itself (n,)."""
    return _cubic(np.square(x).sum(axis=1), x.shape[1])


def _mean_within(x: NDArray[np.float64]) -> float:
    """Average the kernel over pairs of different rows."""
    diagonal = float(_diagonal(x).sum())
    return (_kernel_sum(x, x) - diagonal) / (len(x) * (len(x) - 1))


def _kernel_sum(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    starts = range(0, len(x), CHUNK_ROWS)
    return sum(float(_cubic(x[start : start + CHUNK_ROWS] @ y.T, x.shape[1]).sum()) for start in starts)


def _cubic(products: NDArray[np.float64], columns: int) -> NDArray[np.float64]:
    return (products / columns + 1) ** 3
