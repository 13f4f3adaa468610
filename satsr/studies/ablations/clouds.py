"""Which test places a variant saw under clouds, and its scores with and without.

No layout stores clouds, so a frame counts as cloudy when it is far from the place's median over its dates.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor

from satsr.data.pairs import Pairs
from satsr.studies.ablations.engine import Tried
from satsr.studies.ablations.variants import Variant

FAR = 0.06  # mean difference to the median, of a range of 1; haze and shadows of clouds stay below
AT_ONCE = 32  # places


def cloudy(lr: Tensor) -> Tensor:
    """Return which frames of series (N, T, C, h, w) in [0, 1] are cloudy, bool (N, T); with one or two none is."""
    if lr.shape[1] < 3:
        return torch.zeros(lr.shape[:2], dtype=torch.bool)
    median = lr.median(dim=1, keepdim=True).values
    return (lr - median).abs().mean(dim=(2, 3, 4)) > FAR


def cloudy_frames(pairs: Pairs, most: Pairs) -> dict[str, int]:
    """Return how many of the frames that each place is seen with are cloudy, by its tile.

    Args:
        pairs: as a variant sees them.
        most: the same places with the most frames of any variant, which tell the median; the first of a place's frames
            are those that a variant with fewer sees.
    """
    found: dict[str, int] = {}
    for _, batch in most.batches(AT_ONCE):
        flags = cloudy(batch.lr)[:, : pairs.settings.dates]
        found |= dict(zip(batch.tiles, flags.sum(dim=1).tolist(), strict=True))
    return {tile: found[tile] for tile in pairs.tiles}


def by_clouds(tried: Tried, variants: Mapping[str, Variant], metric: str) -> pd.DataFrame:
    """Return a metric's mean over places that a variant saw without any cloudy frame, and over the others.

    Args:
        tried: from `try_variants`.
        variants: from `variants_of`.
        metric: of the scores.

    Returns:
        One row per variant: variant, clear and cloudy (means; NaN without such places), clear_places, cloudy_places.
    """
    rows = []
    test = {name: variant.data.pairs["test"] for name, variant in variants.items()}
    most = max(test.values(), key=lambda pairs: pairs.settings.dates, default=None)
    for name, pairs in test.items():
        assert most is not None
        counts = cloudy_frames(pairs, most)
        own = tried.scores[tried.scores.method.eq(name) & tried.scores.metric.eq(metric)]
        under = own.tile.map(counts).gt(0)
        places = own.tile.nunique(), own[under].tile.nunique()
        rows.append((name, own[~under].value.mean(), own[under].value.mean(), places[0] - places[1], places[1]))
    return pd.DataFrame(rows, columns=["variant", "clear", "cloudy", "clear_places", "cloudy_places"])
