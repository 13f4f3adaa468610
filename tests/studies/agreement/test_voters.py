"""Metrics as voters, and how far they agree with people's votes."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from satsr.studies.agreement.preference import agreement_table, bradley_terry
from satsr.studies.agreement.voters import agreement_with_votes, metric_wins

METHODS = ["bicubic", "srcnn", "esrgan"]


def scores(
    values: dict[str, dict[str, float]], metric: str = "psnr", protocol: str = "corrected", seed: int = 0
) -> pd.DataFrame:
    """One row per place and method; the first letter of a place is its region."""
    return pd.DataFrame(
        {"tile": tile, "region": tile[0], "method": method, "metric": metric, "protocol": protocol, "value": value}
        for tile, by_method in values.items()
        for method, value in by_method.items()
    ).assign(seed=seed)


def wins_by_pair(wins: pd.DataFrame) -> dict[tuple[str, str], float]:
    return wins.groupby(["winner", "loser"]).weight.sum().to_dict()


HAND = {
    "a1": {"bicubic": 20.0, "srcnn": 22.0, "esrgan": 22.0},
    "b1": {"bicubic": 21.0, "srcnn": 20.0, "esrgan": 19.0},
}


@pytest.mark.parametrize("metric", ["psnr", "lpips:judge"])
def test_a_metric_votes_for_the_better_score_and_shares_ties(metric: str) -> None:
    sign = 1 if metric == "psnr" else -1
    values = {tile: {m: sign * v for m, v in by_method.items()} for tile, by_method in HAND.items()}
    wins = metric_wins(pd.concat([scores(values, metric), scores(HAND, "mae")]), metric)
    assert wins_by_pair(wins) == {
        ("srcnn", "bicubic"): 1,
        ("bicubic", "srcnn"): 1,
        ("esrgan", "bicubic"): 1,
        ("bicubic", "esrgan"): 1,
        ("srcnn", "esrgan"): 1.5,
        ("esrgan", "srcnn"): 0.5,
    }
    ties = wins[wins.weight == 0.5]
    assert set(ties.region) == {"a"}


def test_seeds_are_averaged_before_a_metric_votes() -> None:
    one = {"a1": {"srcnn": 20.0, "esrgan": 29.0}}
    other = {"a1": {"srcnn": 30.0, "esrgan": 20.0}}
    wins = metric_wins(pd.concat([scores(one), scores(other, seed=1)]), "psnr")
    assert wins_by_pair(wins) == {("srcnn", "esrgan"): 1}


@given(values=st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_every_pair_of_methods_has_one_vote_at_every_place(values: list[tuple[int, ...]]) -> None:
    table = {f"{n % 2}{n}": dict(zip(METHODS, map(float, row), strict=True)) for n, row in enumerate(values)}
    wins = metric_wins(scores(table), "psnr")
    both_ways = wins_by_pair(wins)
    for a, b in combinations(METHODS, 2):
        assert both_ways.get((a, b), 0) + both_ways.get((b, a), 0) == len(values)
    strengths = bradley_terry(wins, METHODS)
    for a, b in combinations(METHODS, 2):
        if all(row[a] > row[b] for row in table.values()):
            assert strengths[a] > strengths[b]


# Against people


def decided(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["place", "model1", "model2", "preferred"])


def test_agreement_with_votes_on_a_hand_example() -> None:
    people = decided(
        ("b1", "esrgan", "srcnn", "esrgan"),
        ("a1", "esrgan", "srcnn", "srcnn"),
        ("a1", "srcnn", "bicubic", "srcnn"),
        ("b1", "srcnn", "bicubic", "srcnn"),
    )
    people = people.set_index(pd.Index([7, 2, 5, 3]))  # some questions were left out
    table = pd.concat([scores(HAND), scores(HAND, "mae", "published")])
    found = agreement_with_votes(people, table)
    by_metric = {metric: part.outcome.tolist() for metric, part in found.groupby("metric")}
    assert by_metric == {"psnr": [0, 0.5, 1, 0], "mae": [1, 0.5, 0, 1]}
    psnr = found[found.metric == "psnr"]
    assert psnr.pair.tolist()[0] == "b1: esrgan, srcnn"
    assert psnr.kind.tolist() == ["esrgan / srcnn"] * 2 + ["srcnn / bicubic"] * 2
    assert psnr.region.tolist() == ["b", "a", "a", "b"]
    assert dict(zip(found.metric, found.protocol, strict=True)) == {"psnr": "corrected", "mae": "published"}
    assert agreement_table(psnr, resamples=100).agreement.tolist() == [0.25, 0.5, 0.375]


def test_seeds_are_averaged_before_votes_are_compared() -> None:
    one, other = ({"a1": {"srcnn": 20.0, "esrgan": 29.0}}, {"a1": {"srcnn": 30.0, "esrgan": 20.0}})
    table = pd.concat([scores(one), scores(other, seed=1)])
    assert agreement_with_votes(decided(("a1", "esrgan", "srcnn", "srcnn")), table).outcome.tolist() == [1]


def test_a_place_without_scores_is_named() -> None:
    with pytest.raises(ValueError, match=r"votes name the place 'c9', which has no scores: vote on this profile's"):
        agreement_with_votes(decided(("c9", "esrgan", "srcnn", "srcnn")), scores(HAND))
