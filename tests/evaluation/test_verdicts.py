"""Which differences are called results, and in which words."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsr.evaluation.verdicts import COLUMNS, comparisons, comparisons_as_text, holm, sentences
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


def verdict(scores: pd.DataFrame, untrained: set[str] | None = None) -> str:
    table = comparisons(scores, BETTER, resamples=500, untrained=untrained or set())
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


def test_every_pair_of_every_metric_and_protocol_has_a_row() -> None:
    means = {"bicubic": 0.0, "srcnn": 0.1, "esrgan": 1.0}
    families = [study(means, {"bicubic": 1}, m, p) for m in BETTER for p in ("published", "corrected")]
    table = comparisons(pd.concat(families), BETTER, resamples=200, untrained={"bicubic"})
    assert list(table) == COLUMNS
    pairs = list(itertools.combinations(means, 2))
    assert list(zip(table["a"], table["b"], strict=True)) == pairs * 4
    assert (table["images"] == 32).all()
    assert (table["regions"] == 8).all()
    assert (table["seeds"] == 3).all()
    for _, family in table.groupby(["metric", "protocol"]):
        assert family["p_holm"].tolist() == holm(family["p"]).tolist()


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
    table = comparisons(seeds_disagree.assign(value=seeds_disagree["value"] + spread), BETTER)
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


def test_more_pairs_take_stronger_evidence() -> None:
    # Eight regions give p = 1/128 at best: enough for six pairs, not for ten.
    four, five = ({f"m{i}": float(i) for i in range(n)} for n in (4, 5))
    assert set(comparisons(study(four, {}), BETTER, resamples=200)["verdict"]) == {"b beats a"}
    assert "not shown" in set(comparisons(study(five, {}), BETTER, resamples=200)["verdict"])


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


def row(verdict: str, **changes: object) -> pd.DataFrame:
    values = ["cpsnr", "corrected", "bicubic", "esrgan", -0.4, -0.61, -0.2, 0.01, 0.02, -0.31, 32, 8, 3, verdict]
    return pd.DataFrame([{**dict(zip(COLUMNS, values, strict=True)), **changes}])


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            row("b beats a"),
            "esrgan beats bicubic in cpsnr (corrected): +0.40 dB [0.20, 0.61], p = 0.02 (Holm), Cliff's delta 0.31.",
        ),
        (
            row("a beats b", p_holm=0.0001, cliffs_delta=0.31),
            "bicubic beats esrgan in cpsnr (corrected): -0.40 dB [-0.61, -0.20], p < 0.001 (Holm), Cliff's delta 0.31.",
        ),
        (
            row("one seed: not said"),
            "bicubic against esrgan in cpsnr (corrected): one training seed, nothing is said "
            "(-0.40 dB [-0.61, -0.20], p = 0.02 (Holm), Cliff's delta -0.31).",
        ),
        (
            row("not shown", high=0.1),
            "bicubic against esrgan in cpsnr (corrected): no difference shown "
            "(-0.40 dB [-0.61, 0.10], p = 0.02 (Holm), Cliff's delta -0.31).",
        ),
        (
            row("not shown", low=np.nan, high=np.nan, p=np.nan, p_holm=np.nan),
            "bicubic against esrgan in cpsnr (corrected): no difference shown "
            "(-0.40 dB, one region: neither interval nor test).",
        ),
    ],
)
def test_a_sentence_says_the_verdict(table: pd.DataFrame, expected: str) -> None:
    assert sentences(table, "cpsnr", "corrected", "dB") == expected


def test_the_table_names_the_better_method() -> None:
    table = pd.concat([row("b beats a"), row("not shown", a="srcnn"), row("a beats b", metric="ssim")])
    text = comparisons_as_text(table, "cpsnr", "corrected")
    assert text.verdict.tolist() == ["esrgan beats bicubic", "not shown"]
    assert text.pair.tolist() == ["bicubic - esrgan", "srcnn - esrgan"]
    assert text.difference.str.fullmatch(r"[+-]\d+\.\d\d \[-?\d+\.\d\d, -?\d+\.\d\d\]").all()


def test_sentences_are_of_one_metric_and_protocol() -> None:
    table = pd.concat([row("b beats a"), row("not shown", metric="ssim"), row("b beats a", a="srcnn")])
    assert [line.split(" in ")[0] for line in sentences(table, "cpsnr", "corrected").splitlines()] == [
        "esrgan beats bicubic",
        "esrgan beats srcnn",
    ]
    assert "-0.4000 [" in sentences(table, "ssim", "corrected", digits=4)
    with pytest.raises(ValueError, match=r"got ssim \(published\), expected one of \[cpsnr \(corrected\), ssim"):
        sentences(table, "ssim", "published")
