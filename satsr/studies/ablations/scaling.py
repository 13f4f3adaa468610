"""Data and size: a grid of variants, how often each place was seen, and what ten times the data gain."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from satsr.evaluation.intervals import draw_counts, drawn_means, percentile_interval
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.studies.ablations.settings import BICUBIC, ScalingSettings, name_of
from satsr.studies.ablations.variants import Variant

LEAST_SEEN = 5  # times that a place was seen in a training; below, more places are only seen more rarely


def times_seen(variants: Mapping[str, Variant], settings: ScalingSettings) -> pd.DataFrame:
    """Return how often each place was seen in a training of each share: size, share, places, times."""
    rows = []
    for size in settings.sizes:
        for share in settings.shares:
            if (variant := variants.get(name_of(size, share))) is not None:
                places = len(variant.data.pairs["train"])
                samples = variant.training.steps * variant.training.accumulate * min(variant.training.batch, places)
                rows.append((size, share, places, samples / places))
    return pd.DataFrame(rows, columns=["size", "share", "places", "times"])


def seen_sentence(seen: pd.DataFrame) -> str:
    """Say how often places were seen, and which shares cannot differ by data."""
    if seen.empty:
        return f"Shares of the data: {NOT_RUN}."
    of_shares = seen.groupby("share", sort=True).times.min()
    said = ", ".join(f"{share:.0%}: {times:.3g} times" for share, times in of_shares.items())
    rare = [share for share, times in of_shares.items() if times < LEAST_SEEN]
    if not rare:
        return f"Each place was seen (share of the data): {said}."
    first = f"{rare[0]:.0%}"
    return (
        f"Each place was seen (share of the data): {said}. From {first} on that is fewer than {LEAST_SEEN} times: "
        f"whether more data than that would help **cannot be decided** by a training of this length."
    )


def slopes(scores: pd.DataFrame, settings: ScalingSettings, bootstrap: TableSettings) -> pd.DataFrame:
    """Return what ten times the data gain: the slope of a straight line through mean scores over log10 of the share.

    Args:
        scores: from `try_variants`.
        settings: of the grid.
        bootstrap: of the intervals, over regions, then seeds; the same regions for every share.

    Returns:
        One row per size and metric: size, metric, gain, low, high, shares (how many).
    """
    rows = []
    learned = scores[scores.method.ne(BICUBIC)]
    for metric, of_metric in learned.groupby("metric", sort=False):
        for size in settings.sizes:
            names = {share: name_of(size, share) for share in settings.shares}
            cells = [of_metric[of_metric.method.eq(name)] for name in names.values()]
            there = [(share, cell) for share, cell in zip(names, cells, strict=True) if len(cell)]
            if len(there) < 2:
                continue
            x = np.log10([share for share, _ in there])
            means = np.array([cell.value.mean() for _, cell in there])
            drawn = np.stack([_drawn(cell, bootstrap) for _, cell in there])  # (shares, resamples)
            gains = np.polyfit(x, np.column_stack([means, drawn]), 1)[0]
            low, high = percentile_interval(gains[1:], bootstrap.level)
            rows.append((size, metric, gains[0], low, high, len(there)))
    return pd.DataFrame(rows, columns=["size", "metric", "gain", "low", "high", "shares"])


def _drawn(cell: pd.DataFrame, bootstrap: TableSettings) -> np.ndarray:
    """Return the mean in every resample of regions and seeds; equal draws for equal numbers of both."""
    rng = np.random.default_rng(bootstrap.seed)
    totals = cell.pivot_table(index="region", columns="seed", values="value", aggfunc="sum").to_numpy()
    chips = cell.groupby("region").tile.nunique().to_numpy().astype(np.int64)
    region_draws = draw_counts(totals.shape[0], bootstrap.resamples, rng)
    seed_draws = draw_counts(totals.shape[1], bootstrap.resamples, rng)
    return drawn_means(totals, chips, region_draws, seed_draws)
