"""Honest intervals: chips of one region are correlated, so regions are resampled, then seeds."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ONE_SEED = "images only"  # what an interval covers


@dataclass(frozen=True)
class Interval:
    """A mean with its percentile interval.

    Attributes:
        mean: mean over all chips and seeds, each chip counting equally, in the unit of the scores.
        low: lower end; NaN where there is no interval.
        high: upper end; NaN where there is no interval.
        n_images: chips per seed.
        n_regions: regions that the chips come from.
        n_seeds: training seeds.
        note: what the interval does not cover, for the table; "" if nothing.
    """

    mean: float
    low: float
    high: float
    n_images: int
    n_regions: int
    n_seeds: int
    note: str


def mean_interval(scores: pd.DataFrame, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
    """Bootstrap the mean score over regions and seeds (Efron and Tibshirani, 1993, sections 8.3 and 13.3).

    Each resample draws regions with replacement, with all their chips, then seeds with replacement, and
    averages the drawn seeds' scores of the drawn regions. With one seed only regions are drawn and the note
    says "images only"; with one region there is no interval.

    Args:
        scores: one row per chip and seed, columns region, seed and value.
        level: coverage of the interval, between 0 and 1.
        resamples: number of bootstrap resamples.
        seed: of the resampling.

    Returns:
        The mean and its interval.

    Raises:
        ValueError: without rows, for values that are not finite, for seeds that did not score the same
            number of chips in every region, or for a level outside (0, 1).
    """
    check_level(level)
    totals, counts = _sums_and_counts(scores)
    n_regions, n_seeds = totals.shape
    low, high = np.nan, np.nan
    if n_regions > 1:
        rng = np.random.default_rng(seed)
        region_draws, seed_draws = draw_counts(n_regions, resamples, rng), draw_counts(n_seeds, resamples, rng)
        low, high = percentile_interval(drawn_means(totals, counts, region_draws, seed_draws), level)
    return Interval(
        mean=float(totals.sum() / (counts.sum() * n_seeds)),
        low=low,
        high=high,
        n_images=int(counts.sum()),
        n_regions=n_regions,
        n_seeds=n_seeds,
        note=_note(n_regions, n_seeds),
    )


def check_level(level: float) -> None:
    """Check the coverage that an interval is asked to have.

    Raises:
        ValueError: for a level outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"got level {level}, expected between 0 and 1: for example 0.95")


def draw_counts(n: int, resamples: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw n of n units with replacement, and return how often each is drawn: (resamples, n).

    The counts stand for the draws themselves: a mean does not depend on their order.
    """
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples)


def drawn_sums(
    totals: NDArray[np.float64], region_draws: NDArray[np.int64], seed_draws: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Sum the drawn seeds' totals of the drawn regions.

    Args:
        totals: of each region and seed (R, S).
        region_draws: from `draw_counts` (resamples, R).
        seed_draws: from `draw_counts` (resamples, S).

    Returns:
        One sum per resample (resamples,).
    """
    return np.asarray(np.einsum("br,rs,bs->b", region_draws, totals, seed_draws, optimize=True))


def drawn_means(
    totals: NDArray[np.float64],
    counts: NDArray[np.int64],
    region_draws: NDArray[np.int64],
    seed_draws: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Average the drawn seeds' scores of the drawn regions, each chip counting equally.

    Args:
        totals: sum of the scores of each region and seed (R, S).
        counts: chips of each region (R,).
        region_draws: from `draw_counts` (resamples, R).
        seed_draws: from `draw_counts` (resamples, S).

    Returns:
        One mean per resample (resamples,), in the unit of the scores.
    """
    return drawn_sums(totals, region_draws, seed_draws) / (region_draws @ counts * totals.shape[1])


def percentile_interval(samples: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Return the ends between which the middle `level` of the samples (resamples,) lies."""
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _sums_and_counts(scores: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum scores to (regions, seeds), and counts the chips of each region (regions,)."""
    if scores.empty:
        raise ValueError("got no scores, expected one row per chip and seed: evaluate first")
    bad = int((~np.isfinite(scores["value"])).sum())
    if bad:
        raise ValueError(f"got {bad} non-finite of {len(scores)} scores, expected none: exclude those chips first")
    cells = scores.groupby(["region", "seed"])["value"]
    counts = cells.size().unstack("seed", fill_value=0)
    uneven = counts.index[counts.nunique(axis=1) > 1]
    if len(uneven):
        raise ValueError(
            f"got {counts.loc[uneven[0]].tolist()} chips per seed in region {uneven[0]!r}, "
            "expected equal numbers: score the same chips with every seed"
        )
    totals = cells.sum().unstack("seed")
    return totals.to_numpy(np.float64), counts.iloc[:, 0].to_numpy(np.int64)


def _note(n_regions: int, n_seeds: int) -> str:
    if n_regions == 1:
        return "one region: no interval"
    return ONE_SEED if n_seeds == 1 else ""
