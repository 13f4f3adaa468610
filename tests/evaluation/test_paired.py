"""Two methods on the same chips: difference, interval, test and effect."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsr.evaluation.paired import Comparison, by_chip, chip_differences, cliffs_delta, compare
from satsr.metrics.facts import Better
from tests.evaluation.method_scores import method_scores

EFFECTS = np.random.default_rng(0).normal(0, 1, 9).tolist()
CHIPS = [3, 8, 1, 5, 12, 4, 6, 2, 7]


def loop_interval(a: pd.DataFrame, b: pd.DataFrame, same_seeds: bool, resamples: int) -> tuple[float, float]:
    """The definition, one draw after another."""
    rng = np.random.default_rng(99)
    cells = [{key: part.to_numpy() for key, part in s.groupby(["region", "seed"])["value"]} for s in (a, b)]
    regions = sorted(set(a["region"]))
    seeds = [sorted(set(s["seed"])) for s in (a, b)]
    gaps = []
    for _ in range(resamples):
        drawn_regions = rng.choice(regions, len(regions))
        drawn_seeds = [rng.choice(s, len(s)) for s in seeds]
        if same_seeds:
            drawn_seeds[1] = drawn_seeds[0]
        mean_a, mean_b = (
            np.concatenate([cell[r, s] for r in drawn_regions for s in drawn]).mean()
            for cell, drawn in zip(cells, drawn_seeds, strict=True)
        )
        gaps.append(mean_a - mean_b)
    low, high = np.percentile(gaps, [2.5, 97.5])
    return float(low), float(high)


@pytest.mark.parametrize(
    ("seeds_a", "seeds_b"),
    [([0.0], [0.0]), ([0.5, -0.2, 0.1], [0.0]), ([0.5, -0.2, 0.1], [0.7, -0.4, 0.0]), ([0.5, -0.2, 0.1], [0.6, -0.3])],
)
def test_interval_agrees_with_a_plain_loop(seeds_a: list[float], seeds_b: list[float]) -> None:
    a = method_scores(EFFECTS, seeds_a, CHIPS)
    b = method_scores(EFFECTS[::-1], seeds_b, CHIPS, root=1)
    found = compare(a, b, "higher", resamples=20_000)
    low, high = loop_interval(a, b, len(seeds_a) == len(seeds_b), 4_000)
    # Monte Carlo error of a 2.5 % quantile of 4,000 draws is about 1 % of the interval's width.
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.05 * (high - low))


@pytest.mark.parametrize(("seed_sd", "seeds"), [(0.0, 1), (0.05, 4)])
def test_covers_the_true_difference_of_correlated_chips(seed_sd: float, seeds: int) -> None:
    rng = np.random.default_rng(1)
    covered = []
    for root in range(120):
        shared = rng.normal(0, 3, 20)  # hard and easy regions, the same for both methods
        a = method_scores(shared + rng.normal(0.5, 0.3, 20), rng.normal(0, seed_sd, seeds), root=2 * root)
        b = method_scores(shared, rng.normal(0, seed_sd, seeds), root=2 * root + 1)
        found = compare(a, b, "higher", resamples=300)
        covered.append(found.low <= 0.5 <= found.high)
    # 95 % nominal, a little less for a percentile bootstrap of 20 regions; resampling chips gives about 65 %.
    assert 0.87 <= np.mean(covered) <= 0.99


def test_what_both_methods_share_does_not_widen_the_interval() -> None:
    shared_regions, shared_seeds = [0.0, 5.0, -3.0, 8.0, 1.0, -6.0], [0.0, 4.0, -2.0]
    a = method_scores([e + 1 for e in shared_regions], shared_seeds, noise=0.01)
    b = method_scores(shared_regions, shared_seeds, noise=0.01, root=1)
    found = compare(a, b, "higher")
    assert found.low == pytest.approx(1, abs=0.03)
    assert found.high == pytest.approx(1, abs=0.03)


def test_one_seed_stands_against_every_seed_of_the_other() -> None:
    a, b = method_scores(EFFECTS, [0.5, -0.2, 0.1], CHIPS), method_scores(EFFECTS[::-1], [0.0], CHIPS, root=1)
    repeated = pd.concat([b.assign(seed=seed) for seed in range(3)])
    once, thrice = compare(a, b, "higher"), compare(a, repeated, "higher")
    for name in ("difference", "low", "high", "p", "cliffs_delta"):
        assert getattr(once, name) == pytest.approx(getattr(thrice, name), rel=1e-9)


@pytest.mark.parametrize(("learns", "n_seeds"), [((True, False), 3), ((True, True), 1), ((False, False), 0)])
def test_seeds_are_counted_where_methods_learn(learns: tuple[bool, bool], n_seeds: int) -> None:
    a, b = method_scores(EFFECTS, [0.5, -0.2, 0.1], CHIPS), method_scores(EFFECTS, [0.0], CHIPS, root=1)
    found = compare(a, b, "higher", learns=learns)
    assert (found.n_images, found.n_regions, found.n_seeds) == (sum(CHIPS), len(CHIPS), n_seeds)


@settings(max_examples=25, deadline=None)
@given(
    chips=st.lists(st.integers(1, 4), min_size=2, max_size=6),
    seeds=st.integers(1, 3),
    root=st.integers(0, 99),
    better=st.sampled_from(["higher", "lower"]),
)
def test_exchanging_the_methods_changes_signs_only(chips: list[int], seeds: int, root: int, better: Better) -> None:
    effects = np.random.default_rng(root).normal(0, 1, len(chips)).tolist()
    a = method_scores(effects, [0.1 * s for s in range(seeds)], chips, root=root)
    b = method_scores(effects, [0.2 * s for s in range(seeds)], chips, root=root + 100)
    one = compare(a, b.sample(frac=1, random_state=root), better, resamples=200)
    other = compare(b, a.sample(frac=1, random_state=root), better, resamples=200)
    assert one.difference == pytest.approx(a["value"].mean() - b["value"].mean())
    assert one.low <= one.high
    signed = [other.difference, other.high, other.low, other.cliffs_delta]
    assert [one.difference, one.low, one.high, one.cliffs_delta] == pytest.approx([-x for x in signed])
    assert one.p == pytest.approx(other.p)


def test_positive_effect_means_a_is_better() -> None:
    a, b = method_scores([1.0] * 6), method_scores([0.0] * 6, root=1)
    assert compare(a, b, "higher").cliffs_delta == 1
    assert compare(a, b, "lower").cliffs_delta == -1
    assert compare(a, b, "lower").difference > 0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=12),
    st.lists(st.integers(0, 9), min_size=1, max_size=12),
)
def test_cliffs_delta_counts_pairs(a: list[int], b: list[int]) -> None:
    counted = sum((x > y) - (x < y) for x, y in itertools.product(a, b)) / (len(a) * len(b))
    assert cliffs_delta(np.array(a, float), np.array(b, float)) == pytest.approx(counted)


@pytest.mark.parametrize(
    "differences",
    [[0.3, 0.1, 0.4, -0.2, 0.5, 0.7, 0.6], [0.5, 0.5, -0.5, 1.0, 1.0, 2.0], [1.0, 2.0, 0.0, 3.0, 4.0, -0.5, 6.0]],
    ids=["distinct", "ties", "a zero"],
)
def test_p_is_that_of_all_sign_flips_of_the_regions_ranks(differences: list[float]) -> None:
    kept = np.array([d for d in differences if d])
    ranks = np.array([(np.abs(kept) < abs(d)).sum() + ((np.abs(kept) == abs(d)).sum() + 1) / 2 for d in kept])
    flips = [ranks @ np.array(signs) for signs in itertools.product([0, 1], repeat=len(kept))]
    observed = ranks @ (kept > 0)
    one_sided = min(np.mean(flips >= observed), np.mean(flips <= observed))
    a, b = method_scores(differences, noise=0), method_scores([0.0] * len(differences), noise=0)
    # Scores near 20 blur which differences tie, so 20 is taken away.
    shift = {"value": lambda s: s["value"] - 20}
    assert compare(a.assign(**shift), b.assign(**shift), "higher").p == pytest.approx(min(1, 2 * one_sided))


def test_regions_are_tested_not_chips() -> None:
    few = compare(method_scores([1.0] * 4, chips=50), method_scores([0.0] * 4, chips=50, root=1), "higher")
    assert few.p == pytest.approx(2 / 2**4)
    assert compare(method_scores([1.0] * 60), method_scores([0.0] * 60, root=1), "higher").p < 1e-6


@pytest.mark.parametrize("seeds", [1, 5])
def test_equal_methods_do_not_differ(seeds: int) -> None:
    b = method_scores(EFFECTS, chips=CHIPS)
    a = pd.concat([b.assign(seed=seed) for seed in range(seeds)])
    found = compare(a, b, "higher")
    assert (found.p, found.cliffs_delta) == (1.0, 0.0)
    assert (found.difference, found.low, found.high) == pytest.approx((0, 0, 0), abs=1e-12)


def test_rounding_is_no_difference() -> None:
    one = method_scores(EFFECTS, chips=CHIPS)
    three = pd.concat([one.assign(seed=seed, value=one["value"] + e) for seed, e in enumerate((0.1, -0.3, 0.2))])
    assert (three.groupby("tile")["value"].mean() - one.set_index("tile")["value"]).abs().max() > 0
    assert compare(three, one, "higher").p == 1


def test_one_region_has_neither_interval_nor_test() -> None:
    found = compare(method_scores([1.0]), method_scores([0.0], root=1), "higher")
    assert isinstance(found, Comparison)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert math.isnan(found.p)
    assert found.difference == pytest.approx(1, abs=0.5)


def test_errors_name_method_and_chip() -> None:
    a, b = method_scores([0.0, 1.0], [0.0, 0.0]), method_scores([0.0, 1.0], [0.0, 0.0], root=1)
    names = ("esrgan", "srcnn")
    with pytest.raises(ValueError, match=r"^srcnn: got no score of 1_3 \(region r01\), expected the same chips"):
        compare(a, b[b["tile"] != "1_3"], "higher", names=names)
    with pytest.raises(ValueError, match=r"^esrgan: got no score of 0_0 \(region r00\)"):
        compare(a[a["tile"] != "0_0"], b, "higher", names=names)
    with pytest.raises(ValueError, match=r"got no score of 0_0 \(region r"):
        compare(a, b.assign(region=b["region"].mask(b["tile"] == "0_0", "r01")), "higher")
    with pytest.raises(ValueError, match=r"^a: got no finite score of 0_0 with seed 1, expected the same chips"):
        compare(a[(a["tile"] != "0_0") | (a["seed"] != 1)], b, "higher")
    with pytest.raises(ValueError, match=r"^b: got no finite score of 0_0 with seed 0"):
        compare(a, b.assign(value=[np.inf, *b["value"][1:]]), "higher")
    with pytest.raises(ValueError, match=r"^a: got two scores of 0_0 with seed 0"):
        compare(pd.concat([a, a[:1]]), b, "higher")
    with pytest.raises(ValueError, match=r"^b: got no scores"):
        compare(a, b[:0], "higher")
    with pytest.raises(ValueError, match="got level 95"):
        compare(a, b, "higher", level=95)


@pytest.mark.parametrize(
    ("seeds_a", "seeds_b", "expected"),
    [([0.0, 4.0], [0.0, 1.0], [1.0, 4.0]), ([2.0], [0.0, 1.0], [3.0, 2.0]), ([0.0, 4.0, 9.0], [0.0, 1.0], [1.0, 4.0])],
)
def test_differences_of_chips_are_taken_seed_by_seed(
    seeds_a: list[float], seeds_b: list[float], expected: list[float]
) -> None:
    a = method_scores([e + 1 for e in EFFECTS], seeds_a, CHIPS, noise=0)
    b = method_scores(EFFECTS, seeds_b, CHIPS, noise=0)
    shuffled = b.sample(frac=1, random_state=0)  # chips are matched by name
    found = chip_differences(by_chip(a, "a"), by_chip(shuffled, "b"))
    assert len(found) == sum(CHIPS)
    np.testing.assert_allclose(found.to_numpy(), np.tile(expected, (sum(CHIPS), 1)), atol=1e-9)
