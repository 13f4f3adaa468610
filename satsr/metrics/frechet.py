"""Fréchet distance of two sets of features (FID).

Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", NeurIPS
2017, equation 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating[Any]]


def frechet_distance(features_a: Features, features_b: Features) -> float:
    """Compute the Fréchet distance between Gaussians fitted to two sets, with unbiased covariances.

    With covariances A'A and B'B, the trace of the root of their product is the sum of the singular values of
    A B'. That needs no root of a matrix, which is not symmetric and, for fewer rows than columns, singular.

    Args:
        features_a: one row per image (n, d), n at least 2, fewer than d allowed.
        features_b: (m, d), m at least 2.

    Returns:
        The squared distance in squared units of the features, at least 0, lower is better; 0 for equal sets. It is
        biased upwards for small sets, so compare only sets of equal sizes.

    Raises:
        ValueError: from `check_features`.
    """
    a, b = check_features(features_a, features_b)
    return Gaussian.of(a).distance(Gaussian.of(b))


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian fitted to a set of features, for many distances to it.

    Attributes:
        mean: (d,).
        root: R (at most d rows, d) with R'R the unbiased covariance.
    """

    mean: NDArray[np.float64]
    root: NDArray[np.float64]

    @classmethod
    def of(cls, features: NDArray[np.float64]) -> Gaussian:
        """Fit features (n, d), n at least 2."""
        return cls(features.mean(axis=0), _covariance_root(features))

    def distance(self, other: Gaussian) -> float:
        """Return the squared Fréchet distance."""
        means = np.square(self.mean - other.mean).sum()
        traces = np.square(self.root).sum() + np.square(other.root).sum()
        cross = np.linalg.svd(self.root @ other.root.T, compute_uv=False).sum()
        return max(0.0, float(means + traces - 2 * cross))


def check_features(features_a: Features, features_b: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check two sets of features, and return them in float64.

    Args:
        features_a: one row per image (n, d).
        features_b: (m, d).

    Raises:
        ValueError: in one line, for shapes other than that, fewer than 2 rows, or values that are not finite.
    """
    sets = {"features_a": np.asarray(features_a, np.float64), "features_b": np.asarray(features_b, np.float64)}
    for name, features in sets.items():
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"got {name} {features.shape}, expected at least 2 rows (n, d): compare larger sets")
        if not np.isfinite(features).all():
            raise ValueError(f"got NaN or infinity in {name}, expected finite features: leave those images out")
    a, b = sets.values()
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"got {a.shape[1]} and {b.shape[1]} columns, expected equal: use one network for both sets")
    return a, b


def _covariance_root(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return R (at most d rows, d) with R'R the covariance."""
    centered = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    if len(centered) <= centered.shape[1]:
        return centered
    return np.asarray(np.linalg.qr(centered, mode="r"))
