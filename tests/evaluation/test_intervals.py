"""Bootstrap intervals over regions and seeds."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsr.evaluation.intervals import Interval, mean_interval


def simulated(
    rng: np.random.Generator, chips_per_region: list[int], seeds: int, region_sd: float, seed_sd: float
) -> pd.DataFrame:
    """Scores 20 + region effect + seed effect + chip noise of standard deviation 1."""
    seed_effect = rng.normal(0, seed_sd, seeds)
    rows = []
    for region, chips in enumerate(chips_per_region):
        region_effect = rng.normal(0, region_sd)
        for _ in range(chips):
            chip = 20 + region_effect + rng.normal()
            rows += [(f"r{region}", s, chip + seed_effect[s]) for s in range(seeds)]
    return pd.DataFrame(rows, columns=["region", "seed", "value"])


def loop_bootstrap(scores: pd.DataFrame, resamples: int, rng: np.random.Generator) -> tuple[float, float]:
    """The definition, one draw after another."""
    cells = {key: group.to_numpy() for key, group in scores.groupby(["region", "seed"])["value"]}
    regions, seeds = sorted(set(scores["region"])), sorted(set(scores["seed"]))
    means = []
    for _ in range(resamples):
        drawn_regions = rng.choice(regions, len(regions))
        drawn_seeds = rng.choice(seeds, len(seeds))
        means.append(np.concatenate([cells[r, s] for r in drawn_regions for s in drawn_seeds]).mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


@pytest.mark.parametrize("seeds", [1, 3])
def test_agrees_with_plain_loop(seeds: int) -> None:
    scores = simulated(np.random.default_rng(1), [3, 8, 1, 5, 12, 4, 6], seeds, region_sd=2, seed_sd=1)
    interval = mean_interval(scores, resamples=20_000)
    low, high = loop_bootstrap(scores, 5_000, np.random.default_rng(2))
    # Monte Carlo error of a 2.5 % quantile of 5,000 draws is about 1 % of the interval's width.
    assert interval.low == pytest.approx(low, abs=0.05 * (high - low))
    assert interval.high == pytest.approx(high, abs=0.05 * (high - low))


def test_covers_the_true_mean_when_regions_differ() -> None:
    rng = np.random.default_rng(3)
    intervals = [mean_interval(simulated(rng, [6] * 25, 1, 1.0, 0.0), resamples=400) for _ in range(200)]
    covered = np.mean([i.low <= 20 <= i.high for i in intervals])
    # 95 % nominal, a little less for a percentile bootstrap of 25 regions. Resampling chips gives about 70 %.
    assert 0.87 <= covered <= 0.99


def test_seed_effect_widens_the_interval() -> None:
    quiet = mean_interval(simulated(np.random.default_rng(4), [5] * 12, 4, 0.3, seed_sd=0.0))
    noisy = mean_interval(simulated(np.random.default_rng(4), [5] * 12, 4, 0.3, seed_sd=3.0))
    assert noisy.high - noisy.low > 3 * (quiet.high - quiet.low)


def test_each_chip_counts_equally() -> None:
    scores = pd.DataFrame({"region": ["a", "a", "a", "b"], "seed": 0, "value": [1.0, 1.0, 1.0, 5.0]})
    assert mean_interval(scores).mean == 2.0


@settings(max_examples=25, deadline=None)
@given(
    chips=st.lists(st.integers(1, 6), min_size=2, max_size=6),
    seeds=st.integers(1, 3),
    root=st.integers(0, 99),
)
def test_mean_lies_in_the_interval_within_the_data(chips: list[int], seeds: int, root: int) -> None:
    scores = simulated(np.random.default_rng(root), chips, seeds, 1.0, 0.5)
    interval = mean_interval(scores, resamples=300)
    assert scores["value"].min() <= interval.low <= interval.high <= scores["value"].max()
    assert interval.mean == pytest.approx(scores["value"].mean())
    assert (interval.n_images, interval.n_regions, interval.n_seeds) == (sum(chips), len(chips), seeds)
    shuffled = mean_interval(scores.sample(frac=1, random_state=root), resamples=300)
    assert (shuffled.low, shuffled.high) == pytest.approx((interval.low, interval.high))


def test_shifting_and_scaling_scores_does_the_same_to_the_interval() -> None:
    scores = simulated(np.random.default_rng(5), [4] * 8, 2, 1.0, 0.5)
    interval = mean_interval(scores)
    changed = mean_interval(scores.assign(value=3 * scores["value"] - 7))
    assert changed.low == pytest.approx(3 * interval.low - 7)
    assert changed.high == pytest.approx(3 * interval.high - 7)


def test_higher_level_is_wider() -> None:
    scores = simulated(np.random.default_rng(6), [4] * 8, 2, 1.0, 0.5)
    narrow, wide = mean_interval(scores, level=0.5), mean_interval(scores, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize(
    ("regions", "seeds", "note"),
    [(5, 1, "images only"), (5, 2, ""), (1, 1, "one region: no interval"), (1, 3, "one region: no interval")],
)
def test_note_says_what_is_not_covered(regions: int, seeds: int, note: str) -> None:
    interval = mean_interval(simulated(np.random.default_rng(7), [3] * regions, seeds, 1.0, 1.0))
    assert isinstance(interval, Interval)
    assert interval.note == note
    assert math.isnan(interval.low) == math.isnan(interval.high) == (regions == 1)


def test_errors_name_the_problem() -> None:
    scores = simulated(np.random.default_rng(8), [3, 3], 2, 1.0, 1.0)
    with pytest.raises(ValueError, match="got 2 non-finite of 12"):
        mean_interval(scores.assign(value=[np.inf, np.nan, *scores["value"][2:]]))
    with pytest.raises(ValueError, match=r"got \[2, 3\] chips per seed in region 'r0'"):
        mean_interval(scores.iloc[1:])
    with pytest.raises(ValueError, match="got no scores"):
        mean_interval(scores.iloc[:0])
    with pytest.raises(ValueError, match="got level 95"):
        mean_interval(scores, level=95)
