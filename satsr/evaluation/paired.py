"""How two methods' scores of the same chips differ: regions are drawn with all their chips, then seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satsr.evaluation.intervals import check_level, draw_counts, drawn_means, percentile_interval
from satsr.metrics.facts import Better

# Sums of the same scores in another order differ by rounding, which is no difference between methods.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Comparison:
    """How method a differs from method b on the same chips.

    Attributes:
        difference: mean of a - b over chips and seeds, each chip counting equally, in the unit of the scores.
        low: lower end of the difference's interval; NaN with one region.
        high: upper end; NaN with one region.
        p: of the Wilcoxon signed-rank test over regions, two-sided; NaN with one region.
        cliffs_delta: from -1 to 1, positive where a is better.
        n_images: chips per seed.
        n_regions: regions that the chips come from.
        n_seeds: training seeds of the learning method with fewer of them; 0 where neither learns.
    """

    difference: float
    low: float
    high: float
    p: float
    cliffs_delta: float
    n_images: int
    n_regions: int
    n_seeds: int


def compare(
    a: pd.DataFrame,
    b: pd.DataFrame,
    better: Better,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    learns: tuple[bool, bool] = (True, True),
    names: tuple[str, str] = ("a", "b"),
) -> Comparison:
    """Compare two methods' scores of the same chips.

    The interval is a paired percentile bootstrap (Efron and Tibshirani, 1993, section 13.3): regions are drawn with
    all their chips, then seeds, the same for both methods; methods with different seeds draw their own. The test is
    Wilcoxon's signed-rank test (1945) on the regions' mean differences, averaged over seeds, because chips of one
    region are pseudo-replicates. It is exact up to 50 regions (13 where differences tie); p < 0.05 takes at least 6.

    Args:
        a: one row per chip and seed, columns tile, region, seed and value.
        b: the same for the other method.
        better: whether a higher or a lower score is better.
        level: coverage of the interval, between 0 and 1.
        resamples: number of bootstrap resamples.
        seed: of the resampling.
        learns: whether a and b have training seeds; one that has none stands against every seed of the other.
        names: of a and b, for error messages.

    Returns:
        The comparison.

    Raises:
        ValueError: without scores; for a chip that a method or seed did not score, scored twice or did not score with
            a finite value; for a level outside (0, 1).
    """
    check_level(level)
    chips_a, chips_b = by_chip(a, names[0]), by_chip(b, names[1])
    _check_same_chips(chips_a, chips_b, names)
    mean_a, mean_b = chips_a.mean(axis=1), chips_b.mean(axis=1)
    low, high = _paired_interval(chips_a, chips_b, level, resamples, np.random.default_rng(seed))
    delta = cliffs_delta(mean_a.to_numpy(), mean_b.to_numpy())
    return Comparison(
        difference=float((mean_a - mean_b).mean()),
        low=low,
        high=high,
        p=_p_of_chips(mean_a, mean_b),
        cliffs_delta=delta if better == "higher" else -delta,
        n_images=len(mean_a),
        n_regions=mean_a.index.get_level_values("region").nunique(),
        n_seeds=min((c.shape[1] for c, learn in zip((chips_a, chips_b), learns, strict=True) if learn), default=0),
    )


def cliffs_delta(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the share of pairs in which a is higher less the share in which b is (Cliff, 1993).

    Args:
        a: values (n,).
        b: values (m,).

    Returns:
        From -1 to 1.
    """
    ordered = np.sort(b)
    lower = np.searchsorted(ordered, a, side="left")
    higher = len(b) - np.searchsorted(ordered, a, side="right")
    return float((lower - higher).mean() / len(b))


def signed_rank_p(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test (1945); 1 where no region differs by more than rounding.

    Args:
        a: one value per region (R,).
        b: the other side's (R,).
    """
    from scipy.stats import wilcoxon

    differs = ~np.isclose(a, b, rtol=ROUNDING, atol=0)
    return float(wilcoxon((a - b)[differs]).pvalue) if differs.any() else 1.0


def by_chip(scores: pd.DataFrame, name: str) -> pd.DataFrame:
    """Lay scores out with a row per chip, indexed by region and tile, and a column per seed.

    Args:
        scores: one row per chip and seed, columns tile, region, seed and value.
        name: of the method, for error messages.

    Raises:
        ValueError: without scores; for a chip that is scored twice, or not by every seed with a finite value.
    """
    if scores.empty:
        raise ValueError(f"{name}: got no scores, expected one row per chip and seed: evaluate first")
    twice = scores[scores.duplicated(["region", "tile", "seed"])]
    if len(twice):
        tile, seed = twice[["tile", "seed"]].iloc[0]
        raise ValueError(f"{name}: got two scores of {tile} with seed {seed}, expected one: drop repeated rows")
    chips = scores.pivot(index=["region", "tile"], columns="seed", values="value").astype(np.float64)
    lost = np.argwhere(~np.isfinite(chips.to_numpy()))
    if len(lost):
        (_, tile), seed = chips.index[lost[0, 0]], chips.columns[lost[0, 1]]
        raise ValueError(
            f"{name}: got no finite score of {tile} with seed {seed}, expected the same chips from every seed: "
            "score it, or leave it out everywhere"
        )
    return chips


def chip_differences(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of two methods' scores, chip by chip: seed by seed, where both have the same seeds.

    A method with one column stands against every seed of the other; where the seeds differ otherwise, the first ones of
    both stand against each other, as a training's number means nothing.

    Args:
        a: from `by_chip`.
        b: the other method's.
    """
    count = max(a.shape[1], b.shape[1]) if 1 in (a.shape[1], b.shape[1]) else min(a.shape[1], b.shape[1])
    first, second = (np.broadcast_to(t.to_numpy()[:, :count], (len(t), count)) for t in (a, b.loc[a.index]))
    return pd.DataFrame(first - second, index=a.index)


def _check_same_chips(chips_a: pd.DataFrame, chips_b: pd.DataFrame, names: tuple[str, str]) -> None:
    for has, lacks, name in ((chips_a, chips_b, names[1]), (chips_b, chips_a, names[0])):
        lost = has.index.difference(lacks.index)
        if len(lost):
            region, tile = lost[0]
            raise ValueError(
                f"{name}: got no score of {tile} (region {region}), expected the same chips from {names[0]} and "
                f"{names[1]}: evaluate both on one set"
            )


def _paired_interval(
    chips_a: pd.DataFrame, chips_b: pd.DataFrame, level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    counts = np.asarray(chips_a.groupby(level="region").size(), np.int64)
    if len(counts) < 2:
        return np.nan, np.nan
    region_draws = draw_counts(len(counts), resamples, rng)
    seeds_a = draw_counts(chips_a.shape[1], resamples, rng)
    seeds_b = seeds_a if chips_a.columns.equals(chips_b.columns) else draw_counts(chips_b.shape[1], resamples, rng)
    means_a, means_b = (
        drawn_means(chips.groupby(level="region").sum().to_numpy(), counts, region_draws, seed_draws)
        for chips, seed_draws in ((chips_a, seeds_a), (chips_b, seeds_b))
    )
    return percentile_interval(means_a - means_b, level)


def _p_of_chips(mean_a: pd.Series, mean_b: pd.Series) -> float:
    region_a, region_b = (mean.groupby(level="region").mean().to_numpy() for mean in (mean_a, mean_b))
    return signed_rank_p(region_a, region_b) if len(region_a) > 1 else np.nan
