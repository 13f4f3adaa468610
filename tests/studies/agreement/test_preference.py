"""Agreement of metrics with known preferences, and strengths from preferences."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from satsr.studies.agreement.preference import MACRO, agreement_table, bradley_terry, bradley_terry_interval, outcomes

METHODS = ["bicubic", "srcnn", "esrgan", "sr3"]
STRENGTHS = np.array([-1.2, -0.3, 1.0, 0.5])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.booleans()), min_size=1), st.booleans())
def test_outcomes_are_those_of_a_plain_loop(pairs: list[tuple[int, int, bool]], higher: bool) -> None:
    expected = []
    for a, b, better_is_a in pairs:
        if a == b:
            expected.append(0.5)
        else:
            expected.append(float(((a > b) if higher else (a < b)) == better_is_a))
    assert outcomes(*zip(*pairs, strict=True), "higher" if higher else "lower").tolist() == expected


def test_scores_that_differ_by_rounding_tie() -> None:
    a = [1.0, 1.0, 1e-20, np.inf, np.inf, 0.0]
    b = [1 + 1e-7, 1 + 1e-5, 2e-20, np.inf, 40.0, -0.0]
    assert outcomes(a, b, [False] * 6, "higher").tolist() == [0.5, 1.0, 1.0, 0.5, 0.0, 0.5]
    assert outcomes(b, a, [True] * 6, "higher").tolist() == [0.5, 1.0, 1.0, 0.5, 0.0, 0.5]


def test_outcomes_refuse_what_is_no_score() -> None:
    with pytest.raises(ValueError, match=r"^pair 1: got nan and 2\.0"):
        outcomes([1.0, np.nan], [1.0, 2.0], [True, True], "higher")
    with pytest.raises(ValueError, match=r"got \(2,\), \(1,\) and \(2,\), expected one shape"):
        outcomes([1.0, 2.0], [1.0], [True, True], "higher")


def judged(rng: np.random.Generator, kinds: dict[str, float], regions: int, pairs: int) -> pd.DataFrame:
    """Outcomes of one metric; the share that agrees has a spread between regions."""
    rows = [
        ("cpsnr", f"{kind} {region} {i}", kind, f"r{region}", float(rng.random() < share))
        for kind, mean in kinds.items()
        for region in range(regions)
        for share in [np.clip(mean + rng.normal(0, 0.15), 0, 1)]
        for i in range(pairs)
    ]
    return pd.DataFrame(rows, columns=["metric", "pair", "kind", "region", "outcome"])


def loop_intervals(table: pd.DataFrame, resamples: int) -> dict[str, tuple[float, float]]:
    """The definition, one draw after another."""
    rng = np.random.default_rng(9)
    by_region = {region: part for region, part in table.groupby("region")}
    drawn: dict[str, list[float]] = {}
    for _ in range(resamples):
        sample = pd.concat([by_region[region] for region in rng.choice(sorted(by_region), len(by_region))])
        means = sample.groupby("kind")["outcome"].mean()
        for kind, mean in {**means.to_dict(), MACRO: means.mean()}.items():
            drawn.setdefault(str(kind), []).append(mean)
    return {kind: tuple(np.percentile(means, [5, 95])) for kind, means in drawn.items()}


def test_intervals_agree_with_a_plain_loop_even_where_a_kind_is_rare() -> None:
    table = judged(np.random.default_rng(0), {"blur": 0.9, "shift": 0.4, "rare": 0.6}, regions=9, pairs=5)
    few_shifts = (table["kind"] == "shift") & ~table["pair"].str.endswith("0")
    table = table[~few_shifts & ((table["kind"] != "rare") | table["region"].isin(["r1", "r2"]))]
    found = agreement_table(table, level=0.9, resamples=20_000).set_index("kind")
    for kind, (low, high) in loop_intervals(table, 1_000).items():
        # Monte Carlo error of a 5 % quantile of 1,000 draws, of means that take few values where a kind is rare.
        assert found.loc[kind, "low"] == pytest.approx(low, abs=0.025)
        assert found.loc[kind, "high"] == pytest.approx(high, abs=0.025)


def test_the_macro_average_weighs_kinds_equally() -> None:
    rng = np.random.default_rng(1)
    many, few = judged(rng, {"blur": 0.9}, regions=6, pairs=30), judged(rng, {"shift": 0.2}, regions=3, pairs=2)
    other = pd.concat([many, few]).assign(metric="lpips", outcome=1.0)
    table = agreement_table(pd.concat([many, few, other], ignore_index=True), resamples=200)
    assert table["metric"].tolist() == ["cpsnr"] * 3 + ["lpips"] * 3
    assert table["kind"].tolist() == ["blur", "shift", MACRO] * 2
    blur, shift, macro = table["agreement"][:3]
    assert blur == pytest.approx(many["outcome"].mean())
    assert shift == pytest.approx(few["outcome"].mean())
    assert macro == pytest.approx((blur + shift) / 2)
    assert table["pairs"].tolist() == [180, 6, 186] * 2
    assert table["regions"].tolist() == [6, 3, 6] * 2
    assert (table.iloc[3:][["agreement", "low", "high"]] == 1).all(axis=None)


def test_agreement_does_not_depend_on_the_order_of_rows() -> None:
    table = judged(np.random.default_rng(2), {"blur": 0.9, "shift": 0.4}, regions=5, pairs=4)
    shuffled = table.sample(frac=1, random_state=0)
    found = agreement_table(shuffled).sort_values("kind", ignore_index=True)
    pd.testing.assert_frame_equal(found, agreement_table(table).sort_values("kind", ignore_index=True))


def test_the_interval_covers_what_a_metric_does_in_other_regions() -> None:
    rng = np.random.default_rng(3)
    tables = [agreement_table(judged(rng, {"blur": 0.6}, 25, 6), resamples=300).iloc[0] for _ in range(150)]
    # 95 % nominal, a little less for a percentile bootstrap of 25 regions.
    assert 0.87 <= np.mean([t.low <= 0.6 <= t.high for t in tables]) <= 0.99


def test_one_region_has_no_interval() -> None:
    table = judged(np.random.default_rng(4), {"blur": 0.9, "rare": 0.5}, regions=4, pairs=3)
    found = agreement_table(table[(table["kind"] != "rare") | (table["region"] == "r1")], resamples=200)
    assert found["low"].isna().tolist() == found["high"].isna().tolist() == [False, True, False]
    assert agreement_table(table[table["region"] == "r1"], resamples=200)["low"].isna().all()


def test_agreement_errors_name_the_pair() -> None:
    table = judged(np.random.default_rng(5), {"blur": 0.9}, regions=2, pairs=2)
    with pytest.raises(ValueError, match=r"^pair blur 0 0: got two outcomes of cpsnr in blur"):
        agreement_table(pd.concat([table, table[:1]]))
    with pytest.raises(ValueError, match=r"^row 3: got no outcome, expected"):
        agreement_table(table.assign(outcome=[0.0, 1.0, 0.5, np.nan]))
    with pytest.raises(ValueError, match=r"^row 0: got no region, expected"):
        agreement_table(table.assign(region=[None, *table["region"][1:]]))
    with pytest.raises(ValueError, match="got level 95"):
        agreement_table(table, level=95)


def contest(rng: np.random.Generator, n: int, regions: int = 10, ties: float = 0.0) -> pd.DataFrame:
    """Comparisons of random pairs of METHODS with strengths STRENGTHS."""
    rows = []
    for k in range(n):
        i, j = rng.choice(len(METHODS), 2, replace=False)
        if rng.random() > 1 / (1 + np.exp(STRENGTHS[j] - STRENGTHS[i])):
            i, j = j, i
        region = f"r{k % regions}"
        if rng.random() < ties:
            rows += [(METHODS[i], METHODS[j], 0.5, region), (METHODS[j], METHODS[i], 0.5, region)]
        else:
            rows.append((METHODS[i], METHODS[j], 1.0, region))
    return pd.DataFrame(rows, columns=["winner", "loser", "weight", "region"])


def logistic_fit(wins: pd.DataFrame) -> np.ndarray:
    """Logistic regression on differences, with half a win and a loss of each method against one more player."""
    n = len(METHODS)
    games = [
        (METHODS.index(w), METHODS.index(x), k) for w, x, k in zip(wins.winner, wins.loser, wins.weight, strict=True)
    ]
    games += [game for i in range(n) for game in ((i, n, 0.5), (n, i, 0.5))]
    winner, loser, weight = (np.array(column) for column in zip(*games, strict=True))
    contrast = np.eye(n + 1)[winner] - np.eye(n + 1)[loser]

    def loss(strengths: np.ndarray) -> tuple[float, np.ndarray]:
        margin = contrast @ strengths
        return weight @ np.logaddexp(0, -margin), -contrast.T @ (weight / (1 + np.exp(margin)))

    fitted = minimize(loss, np.zeros(n + 1), jac=True, method="BFGS", options={"gtol": 1e-8}).x[:n]
    return fitted - fitted.mean()


@pytest.mark.parametrize(("n", "ties"), [(9, 0.0), (40, 0.5), (600, 0.1)])
def test_strengths_are_those_of_a_logistic_regression(n: int, ties: float) -> None:
    wins = contest(np.random.default_rng(n), n, ties=ties)
    found = bradley_terry(wins, METHODS)
    assert list(found.index) == METHODS
    assert found.to_numpy() == pytest.approx(logistic_fit(wins), abs=1e-6)
    assert found.sum() == pytest.approx(0, abs=1e-12)


def minorized(wins: pd.DataFrame, methods: list[str]) -> np.ndarray:
    """The same maximum by the MM algorithm (Hunter, 2004, equation 3), one table after another and slowly."""
    n = len(methods)
    table = np.zeros((n + 1, n + 1))
    for winner, loser, weight in zip(wins.winner, wins.loser, wins.weight, strict=True):
        table[methods.index(winner), methods.index(loser)] += weight
    table[n, :n] = table[:n, n] = 0.5
    strengths = np.ones(n + 1)
    for _ in range(100_000):
        before = strengths
        strengths = table.sum(axis=1) / ((table + table.T) / (before[:, None] + before)).sum(axis=1)
        strengths /= np.exp(np.log(strengths[:n]).mean())
        if np.allclose(strengths, before, rtol=1e-12, atol=0):
            break
    return np.log(strengths[:n])


@pytest.mark.parametrize("weight", [0.5, 3.0])
def test_strengths_are_those_of_the_mm_algorithm_even_of_the_always_and_the_never_beaten(weight: float) -> None:
    wins = contest(np.random.default_rng(5), 60)
    wins = wins[(wins.winner != "bicubic") & (wins.loser != "esrgan")].assign(weight=weight)
    assert set(wins.winner) | set(wins.loser) == set(METHODS)
    assert bradley_terry(wins, METHODS).to_numpy() == pytest.approx(minorized(wins, METHODS), abs=1e-8)


def test_very_many_comparisons_are_fitted_exactly() -> None:
    # Of two methods that lie even about the virtual opponent: wins by chance, less those of the opponent, balance.
    found = bradley_terry(pd.DataFrame({"winner": ["a"], "loser": ["b"], "weight": [1e9]}), ["a", "b"])
    half = found["a"]
    assert found["b"] == pytest.approx(-half)
    assert 1e9 / (1 + math.exp(2 * half)) == pytest.approx(1 / (1 + math.exp(-half)) - 0.5, rel=1e-6)


def test_known_strengths_are_recovered() -> None:
    found = bradley_terry(contest(np.random.default_rng(0), 20_000), METHODS)
    # Standard error of about 0.02.
    assert found.to_numpy() == pytest.approx(STRENGTHS - STRENGTHS.mean(), abs=0.07)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.integers(1, 9)), max_size=12))
def test_turning_all_results_turns_the_strengths(games: list[tuple[int, int, int]]) -> None:
    ring = [(i, 1, 1) for i in range(4)]  # links all methods
    rows = [(METHODS[i], METHODS[(i + step) % 4], float(k)) for i, step, k in ring + games]
    wins = pd.DataFrame(rows, columns=["winner", "loser", "weight"])
    found = bradley_terry(wins, METHODS)
    turned = bradley_terry(wins.rename(columns={"winner": "loser", "loser": "winner"}), METHODS[::-1])
    assert turned[METHODS].to_numpy() == pytest.approx(-found.to_numpy(), abs=1e-7)
    more = pd.concat([wins, pd.DataFrame({"winner": ["esrgan"], "loser": ["srcnn"], "weight": [1.0]})])
    assert bradley_terry(more, METHODS)["esrgan"] > found["esrgan"]


def test_an_undefeated_method_has_a_finite_strength() -> None:
    wins = pd.DataFrame({"winner": ["esrgan"] * 2, "loser": ["srcnn", "bicubic"], "weight": [10.0, 10.0]})
    found = bradley_terry(wins, METHODS[:3])
    assert np.isfinite(found).all()
    assert found["esrgan"] > 1 > found["srcnn"]
    assert found["srcnn"] == pytest.approx(found["bicubic"])


def test_only_ties_make_all_equal() -> None:
    wins = pd.DataFrame({"winner": ["srcnn", "esrgan"], "loser": ["esrgan", "srcnn"], "weight": 0.5})
    assert bradley_terry(wins, ["srcnn", "esrgan"]).tolist() == pytest.approx([0, 0])


def test_strength_intervals_agree_with_a_plain_loop() -> None:
    wins = contest(np.random.default_rng(1), 240, regions=12)
    found = bradley_terry_interval(wins, METHODS, resamples=4_000)
    assert found["method"].tolist() == METHODS
    assert found["strength"].tolist() == bradley_terry(wins, METHODS).tolist()
    rng = np.random.default_rng(2)
    by_region = {region: part for region, part in wins.groupby("region")}
    draws = [rng.choice(sorted(by_region), len(by_region)) for _ in range(400)]
    fits = [bradley_terry(pd.concat([by_region[region] for region in draw]), METHODS) for draw in draws]
    low, high = np.percentile(fits, [2.5, 97.5], axis=0)
    # Monte Carlo error of a 2.5 % quantile of 400 draws is about 4 % of the interval's width.
    assert found["low"].to_numpy() == pytest.approx(low, abs=0.15 * (high - low).max())
    assert found["high"].to_numpy() == pytest.approx(high, abs=0.15 * (high - low).max())


def test_strengths_of_one_region_have_no_interval() -> None:
    found = bradley_terry_interval(contest(np.random.default_rng(3), 60, regions=1), METHODS)
    assert found["low"].isna().all()
    assert found["high"].isna().all()
    assert not math.isnan(found["strength"][0])


def test_strength_errors_name_the_methods() -> None:
    wins = contest(np.random.default_rng(4), 60)
    with pytest.raises(ValueError, match=r"got comparisons of \['bicubic', 'esrgan', 'sr3', 'srcnn'\]"):
        bradley_terry(wins, METHODS[:3])
    with pytest.raises(ValueError, match=r"expected each of .*'new'"):
        bradley_terry(wins, [*METHODS, "new"])
    with pytest.raises(ValueError, match="got weight 0"):
        bradley_terry(wins.assign(weight=0.0), METHODS)
    with pytest.raises(ValueError, match="sr3 against sr3: got weight 1"):
        bradley_terry(pd.concat([wins, pd.DataFrame({"winner": ["sr3"], "loser": ["sr3"], "weight": [1.0]})]), METHODS)
    apart = pd.DataFrame({"winner": ["bicubic", "esrgan"], "loser": ["srcnn", "sr3"], "weight": 1.0})
    with pytest.raises(ValueError, match=r"no comparison of bicubic with \['esrgan', 'sr3'\], not even through others"):
        bradley_terry(apart, METHODS)
    with pytest.raises(ValueError, match=r"^row 0: got no region, expected \['region'\]"):
        bradley_terry_interval(wins.assign(region=[None, *wins["region"][1:]]), METHODS)
