"""The smallest difference between two methods that the rule for a verdict shows, and how often it errs.

The model: difference of a chip = claim + region + image + seed + seed in a region + seed on an image, all of them
independent and, in the simulation, normal. Regions are crossed with seeds, because every seed scores the same chips;
images lie in regions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satsr.evaluation.intervals import draw_counts

POWER = 0.8
SIMULATIONS = 1000
EXACT_REGIONS = 50  # up to here the signed-rank test is exact, as in SciPy

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """Variances of the difference of two methods, in the square of the scores' unit; at least 0.

    Attributes:
        region: of regions, which both methods and all seeds share.
        image: of images within a region; 0 with one chip per region, where it is part of `region`.
        seed: of a training, over all regions alike.
        seed_region: of a training in a region.
        seed_image: of a training on an image; 0 with one chip per region, where it is part of `seed_region`.
    """

    region: float
    image: float
    seed: float
    seed_region: float
    seed_image: float


@dataclass(frozen=True)
class Design:
    """How much is scored: test regions, chips of each, training seeds."""

    regions: int
    chips: float
    seeds: int


@dataclass(frozen=True)
class Power:
    """What the rule can show, and how often it errs.

    Attributes:
        smallest: the difference that is shown with the wanted power, in the unit of the scores; infinite where none is.
        false_alarms: how often two methods that are equal over all regions and trainings would be told apart.
    """

    smallest: float
    false_alarms: float


def components(differences: pd.DataFrame) -> Components:
    """Estimate the variance components by the method of moments (Searle, Casella and McCulloch, 1992, chapter 4).

    Mean squares of the regions' means, crossed with seeds without repetition, and of chips within their region. A
    negative estimate becomes 0. Regions of unequal size count alike, with the harmonic mean of their chips.

    Args:
        differences: of two methods' scores, a row per chip, with a level `region` in the index, a column per seed.

    Raises:
        ValueError: fewer than two regions or two seeds.
    """
    regions, seeds = differences.index.get_level_values("region").nunique(), differences.shape[1]
    if min(regions, seeds) < 2:
        raise ValueError(f"got {regions} regions and {seeds} seeds, expected at least 2 of each: their spread is asked")
    groups = differences.groupby(level="region")
    chips = float(regions / (1 / groups.size()).sum())
    of_region, of_seed, of_both = _crossed(groups.mean().to_numpy(np.float64))
    within, seed_image = _within(differences)
    image = max(0.0, within - seed_image / seeds)
    return Components(
        region=max(0.0, of_region - of_both / seeds - image / chips),
        image=image,
        seed=max(0.0, of_seed - of_both / regions),
        seed_region=max(0.0, of_both - seed_image / chips),
        seed_image=seed_image,
    )


def power(found: Components, design: Design, alpha: float, level: float = 0.95, wanted: float = POWER) -> Power:
    """Return what the rule of `satsr.evaluation.verdicts.verdict` can show, from simulated scores.

    Adding a difference moves every region alike, so each simulation has one smallest difference that passes: the one
    that lifts the bootstrap interval's lower end and the signed-rank test's own lower limit above 0.

    Args:
        found: from `components`.
        design: how much is scored.
        alpha: level of the test. Of several claims, adjusted after Holm, take the share of each: then a difference is
            shown whatever the others say.
        level: of the interval.
        wanted: the power.
    """
    rng = np.random.default_rng(0)
    noise = _simulated(found, design, rng)  # (N, R, S)
    passes = np.maximum(-_interval_low(noise, level, rng), -_signed_rank_low(noise.mean(axis=2), alpha))
    return Power(
        smallest=float(np.quantile(passes, wanted, method="inverted_cdf")),
        false_alarms=float(min(1.0, 2 * (passes <= 0).mean())),  # both sides alike
    )


def _crossed(cells: Floats) -> tuple[float, float, float]:
    """Return the variances of regions' means and of seeds' means, and the mean square of what both leave (R, S)."""
    regions, seeds = cells.shape
    of_region, of_seed = cells.mean(axis=1), cells.mean(axis=0)
    left = cells - of_region[:, None] - of_seed + cells.mean()
    both = float((left**2).sum() / ((regions - 1) * (seeds - 1)))
    return float(of_region.var(ddof=1)), float(of_seed.var(ddof=1)), both


def _within(differences: pd.DataFrame) -> tuple[float, float]:
    """Return the variance of chips' means within their region, and of seeds on a chip; 0 with one chip per region."""
    inside = differences - differences.groupby(level="region").transform("mean")
    degrees = len(inside) - differences.index.get_level_values("region").nunique()
    if not degrees:
        return 0.0, 0.0
    values = inside.to_numpy(np.float64)
    own = values.mean(axis=1)
    left = ((values - own[:, None]) ** 2).sum() / (degrees * (values.shape[1] - 1))
    return float((own**2).sum() / degrees), float(left)


def _simulated(found: Components, design: Design, rng: np.random.Generator) -> Floats:
    """Return regions' mean differences of methods that are equal over all regions and trainings: (N, R, S)."""
    of_region = found.region + found.image / design.chips
    of_both = found.seed_region + found.seed_image / design.chips
    drawn = (
        rng.normal(0, np.sqrt(variance), (SIMULATIONS, *shape))
        for variance, shape in (
            (of_region, (design.regions, 1)),
            (found.seed, (1, design.seeds)),
            (of_both, (design.regions, design.seeds)),
        )
    )
    return np.asarray(sum(drawn))


def _interval_low(noise: Floats, level: float, rng: np.random.Generator) -> Floats:
    """Return the lower end of the bootstrap interval of every simulation (N,): regions are drawn, then seeds."""
    _, regions, seeds = noise.shape
    region_draws, seed_draws = (draw_counts(n, SIMULATIONS, rng) / n for n in (regions, seeds))
    of_seeds = [region_draws @ noise[:, :, seed].T for seed in range(seeds)]  # each (resamples, N)
    means = sum(draws[:, None] * part for draws, part in zip(seed_draws.T, of_seeds, strict=True))
    return np.asarray(np.quantile(means, (1 - level) / 2, axis=0))


def _signed_rank_low(means: Floats, alpha: float) -> Floats:
    """Return what may at most be subtracted from each simulation's regions (N, R) so that the test still passes (N,).

    The signed-rank statistic counts the averages of two regions, or of one with itself, that are below 0 (Tukey, 1949).
    """
    regions = means.shape[1]
    if regions > EXACT_REGIONS:
        from scipy.stats import norm

        # Its normal limit: the test is as good as Student's on 3 of pi regions (Lehmann, 1975).
        width = -norm.ppf(alpha / 2) * means.std(axis=1, ddof=1) * np.sqrt(np.pi / 3 / regions)
        return np.asarray(means.mean(axis=1) - width)
    allowed = _allowed_below(regions, alpha)
    if allowed < 0:
        return np.full(len(means), -np.inf)
    first, second = np.triu_indices(regions)
    averages = (means[:, first] + means[:, second]) / 2
    return np.asarray(np.partition(averages, allowed, axis=1)[:, allowed])


def _allowed_below(regions: int, alpha: float) -> int:
    """Return the largest rank sum against a difference with a two-sided p below alpha; -1 where there is none."""
    ways = np.ones(1)
    for rank in range(1, regions + 1):
        more = np.zeros(len(ways) + rank)
        more[: len(ways)] += ways
        more[rank:] += ways
        ways = more
    p = 2 * np.cumsum(ways) / 2.0**regions
    return int((p < alpha).sum()) - 1
