"""Variance components, and what the rule can show: against simulated scores of known components."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from satsr.evaluation.paired import compare, signed_rank_p
from satsr.evaluation.power import Components, Design, components, power
from satsr.evaluation.power import _allowed_below as allowed_below
from satsr.evaluation.power import _signed_rank_low as signed_rank_low
from satsr.evaluation.verdicts import SIGNIFICANCE, verdict

KNOWN = Components(region=0.9, image=1.6, seed=0.25, seed_region=0.4, seed_image=0.8)


def simulated(known: Components, design: Design, rng: np.random.Generator, claim: float = 0.0) -> pd.DataFrame:
    """Differences of chips (a row each) for every seed (a column each), from the model's own words."""
    regions, chips, seeds = design.regions, int(design.chips), design.seeds
    total = (
        claim
        + rng.normal(0, known.region**0.5, (regions, 1, 1))
        + rng.normal(0, known.image**0.5, (regions, chips, 1))
        + rng.normal(0, known.seed**0.5, (1, 1, seeds))
        + rng.normal(0, known.seed_region**0.5, (regions, 1, seeds))
        + rng.normal(0, known.seed_image**0.5, (regions, chips, seeds))
    )
    places = [(f"r{region:03}", f"{region}_{chip}") for region in range(regions) for chip in range(chips)]
    index = pd.MultiIndex.from_tuples(places, names=["region", "tile"])
    return pd.DataFrame(total.reshape(-1, seeds), index=index)


def as_scores(differences: pd.DataFrame) -> pd.DataFrame:
    return differences.rename_axis(columns="seed").stack().rename("value").reset_index()


@pytest.mark.parametrize("design", [Design(12, 4, 2), Design(20, 3, 3)])
def test_components_are_right_on_average(design: Design) -> None:
    rng, studies = np.random.default_rng(0), 200
    found = [vars(components(simulated(KNOWN, design, rng))) for _ in range(studies)]
    means = pd.DataFrame(found)
    for name, value in vars(KNOWN).items():
        # One-sided by the cut at 0, which two seeds often meet: their variance has one degree of freedom.
        error = 4 * means[name].std() / studies**0.5
        cut = 0.15 * value if name == "seed" else 0.05 * value
        assert abs(means[name].mean() - value) < error + cut, name


def test_components_of_a_worked_example() -> None:
    """Two regions of two chips, two seeds; each mean square by hand."""
    index = pd.MultiIndex.from_tuples([("a", "1"), ("a", "2"), ("b", "1"), ("b", "2")], names=["region", "tile"])
    found = components(pd.DataFrame([[10.0, 13.0], [12.0, 15.0], [2.0, 5.0], [8.0, 11.0]], index=index))
    # Chips' means 11.5, 13.5 | 3.5, 9.5: within (2 + 18) / 2. Regions' means 12.5, 6.5: variance 18, less 10 / 2.
    # Every chip differs by 3 between the seeds: variance of their means 4.5, and nothing is left.
    assert vars(found) == pytest.approx(
        {"image": 10.0, "region": 13.0, "seed": 4.5, "seed_region": 0.0, "seed_image": 0.0}, abs=1e-12
    )


def test_single_chips_of_regions_leave_images_in_regions() -> None:
    found = components(simulated(KNOWN, Design(30, 1, 2), np.random.default_rng(1)))
    assert (found.image, found.seed_image) == (0, 0)
    assert found.region > 0


@pytest.mark.parametrize("shape", [(1, 2), (5, 1)])
def test_components_need_regions_and_seeds(shape: tuple[int, int]) -> None:
    made = simulated(KNOWN, Design(shape[0], 3, shape[1]), np.random.default_rng(0))
    with pytest.raises(ValueError, match=rf"got {shape[0]} regions and {shape[1]} seeds, expected at least 2 of each"):
        components(made)


@pytest.mark.parametrize(("design", "tests"), [(Design(28, 2, 2), 9), (Design(60, 1, 3), 5)])
def test_the_smallest_difference_is_shown_with_the_power_that_is_promised(design: Design, tests: int) -> None:
    """The rule itself, on scores that are made from the same components; both sides are Monte Carlo."""
    alpha, studies = SIGNIFICANCE / tests, 100
    able = power(KNOWN, design, alpha)
    rng = np.random.default_rng(2)

    def passes(claim: float) -> list[str]:
        found = []
        for _ in range(studies):
            a = as_scores(simulated(KNOWN, design, rng, claim))
            duel = compare(a, a.assign(value=0.0), "higher", resamples=300)
            found.append(verdict(duel.p * tests, duel.low, duel.high, duel.n_seeds, "higher"))
        return found

    shown = np.mean([said == "a beats b" for said in passes(able.smallest)])
    assert shown == pytest.approx(0.8, abs=4 * (0.16 / studies + 0.16 / 1000) ** 0.5)
    wrong = np.mean([said in ("a beats b", "b beats a") for said in passes(0.0)])
    spread = able.false_alarms * (2 - able.false_alarms)
    assert wrong == pytest.approx(able.false_alarms, abs=4 * (spread / studies + spread / 1000) ** 0.5 + 1 / studies)


@pytest.mark.parametrize("name", ["region", "image", "seed", "seed_region", "seed_image"])
def test_more_of_any_spread_hides_more(name: str) -> None:
    quiet = Components(0.01, 0.01, 0.01, 0.01, 0.01)
    loud = Components(**{**vars(quiet), name: 4.0})
    design = Design(28, 4, 2)
    assert power(loud, design, 0.01).smallest > 1.5 * power(quiet, design, 0.01).smallest


def test_more_regions_of_fewer_chips_show_more() -> None:
    few, many = (power(KNOWN, design, 0.01).smallest for design in (Design(12, 9, 2), Design(27, 4, 2)))
    assert many < few


def test_no_regions_at_all_can_show_what_the_test_cannot_reach() -> None:
    """Seven regions give p = 1/64 at best: enough for three claims, not for four."""
    able = [power(KNOWN, Design(7, 16, 2), SIGNIFICANCE / tests).smallest for tests in (3, 4)]
    assert np.isfinite(able).tolist() == [True, False]


def all_rank_sums(regions: int) -> NDArray[np.int64]:
    signs = itertools.product((0, 1), repeat=regions)
    return np.array([sum(rank for rank, sign in enumerate(chosen, 1) if sign) for chosen in signs])


@pytest.mark.parametrize(("regions", "alpha"), [(5, 0.05), (6, 0.05), (8, 0.05 / 6), (10, 0.01), (12, 0.002)])
def test_allowed_rank_sums_agree_with_all_signs(regions: int, alpha: float) -> None:
    sums = all_rank_sums(regions)
    passing = [w for w in range(regions * (regions + 1) // 2 + 1) if 2 * (sums <= w).mean() < alpha]
    assert allowed_below(regions, alpha) == max(passing, default=-1)


@pytest.mark.parametrize("regions", [8, 20, 50])
def test_the_tests_own_limit_is_where_it_stops_passing(regions: int) -> None:
    means = np.random.default_rng(3).normal(1, 1, (20, regions))
    limits = signed_rank_low(means, 0.02)
    for values, limit in zip(means, limits, strict=True):
        below, above = (signed_rank_p(values - limit + step, np.zeros(regions)) for step in (1e-6, -1e-6))
        assert below < 0.02 <= above
