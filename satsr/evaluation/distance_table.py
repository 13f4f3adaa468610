"""Distances between sets of images (FID, KID), with their intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satsr.evaluation.intervals import draw_counts, percentile_interval
from satsr.metrics.frechet import Gaussian, check_features
from satsr.metrics.kernel_distance import repeated_kernel_distances
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
    times = draw_counts(len(names), resamples, np.random.default_rng(seed))[:, number]
    fid = _frechet_spreads(outputs, targets, number, times)
    for run, features in outputs.items():
        spreads = {"fid": fid[run], "kid": repeated_kernel_distances(features, targets, times)}
        for metric, distance in SET_DISTANCES.items():
            low, high = percentile_interval(spreads[metric], level)
            rows.append((*run, metric, distance(features, targets), low, high, len(targets), len(names), network))
    return pd.DataFrame(rows, columns=COLUMNS)


def _frechet_spreads(
    outputs: Mapping[tuple[str, int], Features], targets: Features, number: NDArray[np.intp], times: NDArray[np.int64]
) -> dict[tuple[str, int], NDArray[np.float64]]:
    """Return the Fréchet distance of every resample (resamples,), by run; targets are fitted once for all runs.

    Args:
        outputs: see `set_distance_table`, as `targets`.
        targets: features (N, D).
        number: of each image's region (N,).
        times: how often each resample has each image (resamples, N).
    """
    checked = {run: check_features(features, targets) for run, features in outputs.items()}
    by_region = np.argsort(number, kind="stable")
    found: dict[tuple[str, int], list[float]] = {run: [] for run in outputs}
    for drawn in times:
        pick = np.repeat(by_region, drawn[by_region])
        target = Gaussian.of(np.asarray(targets[pick], np.float64))
        for run, (features, _) in checked.items():
            found[run].append(Gaussian.of(features[pick]).distance(target))
    return {run: np.array(spread) for run, spread in found.items()}
