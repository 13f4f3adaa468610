"""Which differences are called results, and in which words."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsr.evaluation.settings import Claim
from satsr.evaluation.tables import NOT_RUN
from satsr.evaluation.verdicts import COLUMNS, EXPLORATORY, comparisons, holm
from satsr.evaluation.verdicts import verdict as verdict_of
from satsr.metrics.facts import Better
from tests.evaluation.method_scores import method_scores

REGIONS = np.random.default_rng(0).normal(0, 1, 8)
BETTER: dict[str, Better] = {"cpsnr": "higher", "lpips": "lower"}


def study(
    means: dict[str, float], seeds: dict[str, int], metric: str = "cpsnr", protocol: str = "corrected"
) -> pd.DataFrame:
    """Scores of methods with these means in eight regions, and this many seeds."""
    parts = [
        method_scores(REGIONS + mean, [0.01 * seed for seed in range(seeds.get(method, 3))], root=root)
        for root, (method, mean) in enumerate(means.items())
    ]
    named = [part.assign(method=method) for method, part in zip(means, parts, strict=True)]
    return pd.concat(named, ignore_index=True).assign(metric=metric, protocol=protocol)


def claim(
    better: str, worse: str, metric: str = "cpsnr", protocol: Literal["published", "corrected"] = "corrected"
) -> Claim:
    # `lpips` alone, without its network, is no metric of the study: what is compared has any name.
    return Claim.model_construct(better=better, worse=worse, metric=metric, protocol=protocol, source="a paper")


def all_pairs(scores: pd.DataFrame) -> list[Claim]:
    """Claims of every pair in the one metric of the scores, the first method before the other."""
    pairs = itertools.combinations(scores["method"].unique(), 2)
    return [claim(a, b, scores["metric"].iloc[0]) for a, b in pairs]


def verdict(scores: pd.DataFrame, untrained: set[str] | None = None) -> str:
    table = comparisons(scores, BETTER, all_pairs(scores), resamples=500, untrained=untrained or set())
    assert len(table) == 1
    return str(table["verdict"][0])


def test_holm_on_a_worked_example() -> None:
    # 4 x 0.005 = 0.02; 3 x 0.01 = 0.03; 2 x 0.03 = 0.06; 1 x 0.04 must not fall below 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.01, np.nan, 0.9, 0.6]) == pytest.approx([0.03, np.nan, 1, 1], nan_ok=True)
    assert holm([0.02]).tolist() == [0.02]
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1) | st.just(float("nan")), max_size=8), st.floats(0.001, 0.999))
def test_holm_rejects_what_the_sequential_test_rejects(p_values: list[float], alpha: float) -> None:
    adjusted = holm(p_values)
    tested = sorted((p, i) for i, p in enumerate(p_values) if not np.isnan(p))
    steps = [p * (len(tested) - k) <= alpha for k, (p, _) in enumerate(tested)]
    rejected = {i for _, i in itertools.compress(tested, itertools.accumulate(steps, lambda a, b: a and b))}
    assert {i for i, p in enumerate(adjusted) if p <= alpha} == rejected
    assert np.isnan(adjusted).tolist() == np.isnan(p_values).tolist()


def families() -> pd.DataFrame:
    means = {"bicubic": 0.0, "srcnn": 0.1, "esrgan": 1.0}
    return pd.concat([study(means, {"bicubic": 1}, m, p) for m in BETTER for p in ("published", "corrected")])


def test_every_pair_of_every_metric_and_protocol_has_a_row() -> None:
    claims = [claim("esrgan", "srcnn"), claim("srcnn", "bicubic", "lpips")]
    table = comparisons(families(), BETTER, claims, resamples=200, untrained={"bicubic"})
    assert list(table) == COLUMNS
    pairs = [(m, p, *sorted(ab)) for m, p, *ab in table[["metric", "protocol", "a", "b"]].itertuples(index=False)]
    every = itertools.combinations(("bicubic", "esrgan", "srcnn"), 2)
    wanted = [
        (m, p, *ab) for (m, p), ab in itertools.product(itertools.product(BETTER, ("published", "corrected")), every)
    ]
    assert sorted(pairs) == sorted(wanted)
    assert (table["images"] == 32).all()
    assert (table["regions"] == 8).all()
    assert (table["seeds"] == 3).all()


def test_only_claims_are_tested_and_all_of_them_together() -> None:
    claims = [claim("esrgan", "srcnn"), claim("srcnn", "bicubic", "lpips"), claim("esrgan", "bicubic", "lpips")]
    table = comparisons(families(), BETTER, claims, resamples=200, untrained={"bicubic"})
    tested, others = table[:3], table[3:]
    assert list(zip(tested["a"], tested["b"], strict=True)) == [(c.better, c.worse) for c in claims]
    assert tested["p_holm"].tolist() == holm(tested["p"]).tolist()
    assert set(tested["claim"]) == {"a paper"}
    assert tested["verdict"].tolist() == ["a beats b", "b beats a", "b beats a"]  # of LPIPS less is better
    assert set(others["verdict"]) == {EXPLORATORY}
    assert set(others["claim"]) == {""}
    assert others["p_holm"].isna().all()
    assert others["p"].notna().all()


def test_a_claim_of_what_was_not_run_is_listed() -> None:
    claims = [claim("esrgan", "sr3"), claim("esrgan", "srcnn", "ssim"), claim("esrgan", "srcnn")]
    table = comparisons(study({"srcnn": 0.0, "esrgan": 1.0}, {}), BETTER, claims, resamples=200)
    assert table["verdict"].tolist() == [NOT_RUN, NOT_RUN, "a beats b"]
    assert table["p_holm"][2] == table["p"][2]  # and takes no part in the adjustment
    assert table.loc[0, ["difference", "p", "images", "seeds", "smallest"]].isna().all()


def test_what_can_be_shown_stands_beside_claims_with_seeds() -> None:
    claims, means = [claim("esrgan", "srcnn")], {"srcnn": 0.0, "esrgan": 1.0, "sr3": 2.0}
    claimed, *others = comparisons(study(means, {}), BETTER, claims, resamples=200).itertuples()
    assert 0 < claimed.smallest < 1
    assert 0 <= claimed.false_alarms <= 1
    assert all(np.isnan(other.smallest) for other in others)
    one_seed = comparisons(study(means, {"esrgan": 1}), BETTER, claims, resamples=200)
    assert one_seed["smallest"].isna().all()
    few_regions = study(means, {}).query("region < 'r05'")
    assert comparisons(few_regions, BETTER, claims, resamples=200)["smallest"][0] == np.inf


def test_the_better_method_beats_the_other() -> None:
    scores = study({"srcnn": 0.0, "esrgan": 1.0}, {})
    assert verdict(scores) == "b beats a"
    assert verdict(scores.assign(metric="lpips")) == "a beats b"


@pytest.mark.parametrize(
    ("seeds", "untrained", "expected"),
    [
        ({"esrgan": 1}, set(), "one seed: not said"),
        ({"bicubic": 1}, set(), "one seed: not said"),
        ({"bicubic": 1}, {"bicubic"}, "b beats a"),
        ({"bicubic": 1, "esrgan": 1}, {"bicubic"}, "one seed: not said"),
        ({"bicubic": 1, "esrgan": 1}, {"bicubic", "esrgan"}, "b beats a"),
    ],
)
def test_one_seed_shows_nothing_about_a_method_that_learns(
    seeds: dict[str, int], untrained: set[str], expected: str
) -> None:
    assert verdict(study({"bicubic": 0.0, "esrgan": 1.0}, seeds), untrained) == expected


def test_what_is_not_shown_is_not_shown_whatever_the_seeds() -> None:
    equal = study({"srcnn": 0.0, "esrgan": 0.0}, {"esrgan": 1})
    assert verdict(equal) == "not shown"
    seeds_disagree = study({"srcnn": 0.0, "esrgan": 0.2}, {})
    spread = seeds_disagree["seed"].map({0: 3.0, 1: -1.0, 2: -2.0}).where(seeds_disagree["method"] == "esrgan", 0)
    seeds_disagree["value"] += spread
    table = comparisons(seeds_disagree, BETTER, all_pairs(seeds_disagree))
    assert table["p_holm"].item() < 0.05
    assert table["verdict"].item() == "not shown"
    five_regions = study({"srcnn": 0.0, "esrgan": 9.0}, {}).query("region < 'r05'")
    assert comparisons(five_regions, BETTER)["low"].item() < comparisons(five_regions, BETTER)["high"].item() < 0
    assert verdict(five_regions) == "not shown"
    one_region = study({"srcnn": 0.0, "esrgan": 9.0}, {}).query("region == 'r00'")
    assert verdict(one_region) == "not shown"


@pytest.mark.parametrize(
    ("better", "ends", "expected"),
    [
        ("higher", (0.1, 0.3), "a beats b"),
        ("lower", (0.1, 0.3), "b beats a"),
        ("higher", (-0.3, -0.1), "b beats a"),
        ("higher", (0.01, 0.3), "not shown"),  # within the rounding
        ("lower", (-0.3, -0.01), "not shown"),
        ("lower", (float("nan"), float("nan")), "not shown"),
    ],
)
def test_an_interval_has_to_leave_rounding_behind(better: Better, ends: tuple[float, float], expected: str) -> None:
    assert verdict_of(0.01, *ends, n_seeds=2, better=better, rounding=0.05) == expected


def test_seeds_take_no_part_where_both_sides_are_the_same_trainings() -> None:
    found = [verdict_of(0.01, 0.1, 0.3, n_seeds, "higher") for n_seeds in (0, 1, 2)]
    assert found == ["a beats b", "one seed: not said", "a beats b"]


def test_more_claims_take_stronger_evidence() -> None:
    # Eight regions give p = 1/128 at best: enough for six claims, not for ten.
    four, five = (study({f"m{i}": float(i) for i in range(n)}, {}) for n in (4, 5))
    assert set(comparisons(four, BETTER, all_pairs(four), resamples=200)["verdict"]) == {"b beats a"}
    assert "not shown" in set(comparisons(five, BETTER, all_pairs(five), resamples=200)["verdict"])


def test_one_method_makes_no_comparison() -> None:
    table = comparisons(study({"srcnn": 0.0}, {}), BETTER)
    assert table.empty
    assert list(table) == COLUMNS


def test_errors_name_metric_method_and_chip() -> None:
    scores = study({"srcnn": 0.0, "esrgan": 1.0}, {})
    with pytest.raises(ValueError, match=r"got metrics \['ssim'\], expected some of \['cpsnr', 'lpips'\]"):
        comparisons(scores.assign(metric="ssim"), BETTER)
    lost = scores[(scores["method"] != "esrgan") | (scores["tile"] != "2_0")]
    with pytest.raises(ValueError, match=r"^esrgan, cpsnr \(corrected\): got no score of 2_0"):
        comparisons(lost, BETTER)
