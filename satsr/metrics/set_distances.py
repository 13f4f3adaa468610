"""Distances between sets of images: FID and KID on the features of a named trunk."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.evaluation.intervals import draw_counts, percentile_interval
from satsr.metrics.frechet import frechet_distance
from satsr.metrics.kernel_distance import kernel_distance
from satsr.metrics.protocol import CHUNK_IMAGES
from satsr.perception.trunk import Trunk

SET_METRICS = {"fid": frechet_distance, "kid": kernel_distance}
Features = NDArray[np.float32]


@torch.inference_mode()
def pooled_features(trunk: Trunk, images: Tensor) -> Features:
    """Return the mean over positions of a trunk's last tap.

    Args:
        trunk: any; the published distances use Inception, so numbers of other networks compare only with each other.
        images: (N, 3, H, W) in [0, 1]; one band is repeated.

    Returns:
        (N, D).
    """
    images = images.expand(-1, 3, -1, -1)
    device = next(trunk.parameters()).device
    last = trunk.taps[-1]
    maps = [trunk(part.float().to(device), (last,))[last] for part in images.split(CHUNK_IMAGES)]
    return torch.cat(maps).mean(dim=(2, 3)).cpu().numpy()


def set_table(
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
        for metric, distance in SET_METRICS.items():
            spread = np.array([distance(features[p], targets[p]) for p in picks])
            low, high = percentile_interval(spread, level)
            value = distance(features, targets)
            rows.append((method, training_seed, metric, value, low, high, len(targets), len(names), network))
    return pd.DataFrame(
        rows, columns=["method", "seed", "metric", "value", "low", "high", "images", "regions", "network"]
    )
