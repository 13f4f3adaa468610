"""Distances between sets of images (FID, KID), with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satsr.evaluation.intervals import draw_counts, percentile_interval
from satsr.metrics.set_distances import SET_DISTANCES, Features

COLUMNS = ["method", "seed", "metric", "value", "low", "high", "images", "regions", "network"]


def set_distance_table(
    outputs: Mapping[tuple[str, int], Features],
    targets: Features,
    regions: NDArray[np.str_],
    network: str,
    level: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """Compare every method's outputs with the targets, as sets.

    Args:
        outputs: features (N, D) by method and training seed.
        targets: features (N, D) of the HR images, in the same order.
        regions: of the images (N,); the bootstrap draws whole regions.
        network: name of the trunk, a column of the table.
        level: coverage of the intervals.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        Columns method, seed, metric, value, low, high, images, regions, network. A bootstrap repeats images, which
        moves both distances up a little; it shows their spread.
    """
    rows = []
    names, number = np.unique(regions, return_inverse=True)
    draws = draw_counts(len(names), resamples, np.random.default_rng(seed))
    picks = [np.concatenate([np.repeat(np.flatnonzero(number == r), n) for r, n in enumerate(d)]) for d in draws]
    for (method, training_seed), features in outputs.items():
        for metric, distance in SET_DISTANCES.items():
            spread = np.array([distance(features[p], targets[p]) for p in picks])
            low, high = percentile_interval(spread, level)
            value = distance(features, targets)
            rows.append((method, training_seed, metric, value, low, high, len(targets), len(names), network))
    return pd.DataFrame(rows, columns=COLUMNS)
