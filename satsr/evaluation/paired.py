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
    return compare_chips(Chips.of(a, names[0]), Chips.of(b, names[1]), better, level, resamples, seed, learns)


@dataclass(frozen=True)
class Chips:
    """A method's scores laid out for comparisons: made once, however many methods it is compared with.

    Attributes:
        name: of the method, for error messages.
        scores: a row per chip, indexed by region and tile and in their order, a column per seed.
        chip_means: over seeds (N,).
        region_means: of the chips' means (R,).
        region_sums: of the scores, per seed (R, S).
        region_sizes: chips of each region (R,).
    """

    name: str
    scores: pd.DataFrame
    chip_means: pd.Series
    region_means: NDArray[np.float64]
    region_sums: NDArray[np.float64]
    region_sizes: NDArray[np.int64]

    @classmethod
    def of(cls, scores: pd.DataFrame, name: str) -> Chips:
        """Lay out scores, as `compare` takes them.

        Raises:
            ValueError: without scores; for a chip that a seed scored twice, or not, or not with a finite value.
        """
        chips = by_chip(scores, name)
        means, regions = chips.mean(axis=1), chips.groupby(level="region")
        return cls(
            name=name,
            scores=chips,
            chip_means=means,
            region_means=means.groupby(level="region").mean().to_numpy(),
            region_sums=regions.sum().to_numpy(),
            region_sizes=np.asarray(regions.size(), np.int64),
        )


def compare_chips(
    a: Chips, b: Chips, better: Better, level: float, resamples: int, seed: int, learns: tuple[bool, bool]
) -> Comparison:
    """Return what `compare` does, of scores that are laid out already; arguments and errors as there."""
    check_level(level)
    _check_same_chips(a, b)
    low, high = _paired_interval(a, b, level, resamples, np.random.default_rng(seed))
    delta = cliffs_delta(a.chip_means.to_numpy(), b.chip_means.to_numpy())
    return Comparison(
        difference=float((a.chip_means - b.chip_means).mean()),
        low=low,
        high=high,
        p=signed_rank_p(a.region_means, b.region_means) if len(a.region_sizes) > 1 else np.nan,
        cliffs_delta=delta if better == "higher" else -delta,
        n_images=len(a.scores),
        n_regions=len(a.region_sizes),
        n_seeds=min((c.scores.shape[1] for c, learn in zip((a, b), learns, strict=True) if learn), default=0),
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


def _check_same_chips(a: Chips, b: Chips) -> None:
    if a.scores.index.equals(b.scores.index):
        return
    for has, lacks in ((a, b), (b, a)):
        lost = has.scores.index.difference(lacks.scores.index)
        if len(lost):
            region, tile = lost[0]
            raise ValueError(
                f"{lacks.name}: got no score of {tile} (region {region}), expected the same chips from {a.name} and "
                f"{b.name}: evaluate both on one set"
            )


def _paired_interval(a: Chips, b: Chips, level: float, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    if len(a.region_sizes) < 2:
        return np.nan, np.nan
    region_draws = draw_counts(len(a.region_sizes), resamples, rng)
    seeds_a = draw_counts(a.scores.shape[1], resamples, rng)
    same_seeds = a.scores.columns.equals(b.scores.columns)
    seeds_b = seeds_a if same_seeds else draw_counts(b.scores.shape[1], resamples, rng)
    means_a, means_b = (
        drawn_means(chips.region_sums, a.region_sizes, region_draws, seed_draws)
        for chips, seed_draws in ((a, seeds_a), (b, seeds_b))
    )
    return percentile_interval(means_a - means_b, level)
