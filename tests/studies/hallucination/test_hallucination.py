"""Invented buildings: known counts, the floor of HR, and which places are shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from satsr.common.settings import check
from satsr.evaluation.settings import TableSettings
from satsr.studies.hallucination.report import HR, as_text, invented_table, more_invented, most_invented
from satsr.studies.hallucination.settings import HallucinationSettings

BOOTSTRAP = TableSettings(resamples=400)


def rows(counts: dict[str, list[tuple[int, int]]], seeds: int = 1) -> pd.DataFrame:
    """Return rows of one chip a region: (counted, right) of each."""
    return pd.DataFrame(
        [
            {"method": name, "seed": seed, "tile": f"{n}_{n}", "region": f"r{n}", "counted": counted, "right": found}
            for name, chips in counts.items()
            for seed in range(1 if name == HR else seeds)
            for n, (counted, found) in enumerate(chips)
        ]
    )


def test_a_share_is_a_ratio_of_sums_above_that_of_hr() -> None:
    table = invented_table(rows({HR: [(10, 9), (10, 9)], "esrgan": [(8, 6), (4, 3)]}), BOOTSTRAP).set_index("method")
    assert table.share[HR] == pytest.approx(0.1)
    assert table.share["esrgan"] == pytest.approx(0.25)
    assert table.above_hr["esrgan"] == pytest.approx(0.15)
    # both regions have the same shares, so no resample differs
    assert (table.low["esrgan"], table.high["esrgan"]) == pytest.approx((0.25, 0.25))
    assert table.above_low["esrgan"] == pytest.approx(0.15)
    assert table.counted["esrgan"] == 12


def test_seeds_count_alike_and_widen_the_interval() -> None:
    both = rows({HR: [(10, 10)] * 3, "esrgan": [(10, 8)] * 3}, seeds=2)
    both.loc[(both.method == "esrgan") & (both.seed == 1), "right"] = 6
    table = invented_table(both, BOOTSTRAP).set_index("method")
    assert table.share["esrgan"] == pytest.approx(0.3)
    assert (table.counted["esrgan"], table.seeds["esrgan"]) == (30, 2)
    assert (table.low["esrgan"], table.high["esrgan"]) == pytest.approx((0.2, 0.4))  # regions do not differ, seeds do


def test_no_building_counted_and_one_region_have_no_interval() -> None:
    table = invented_table(rows({HR: [(2, 1)], "bicubic": [(0, 0)]}), BOOTSTRAP)
    assert table[["low", "high"]].isna().all(axis=None)
    assert as_text(table.assign(kind="buildings")).invented.tolist() == ["50.0 %", "none counted"]
    assert more_invented(rows({HR: [(2, 1)]}), "sr3", "esrgan", BOOTSTRAP) == (
        "sr3 and esrgan are not both in this profile"
    )


def test_a_difference_in_every_region_is_a_result_with_two_trainings() -> None:
    counts = {HR: [(10, 10)] * 8, "sr3": [(10, 4 + n % 3) for n in range(8)], "esrgan": [(10, 9)] * 8}
    assert more_invented(rows(counts, 2), "sr3", "esrgan", BOOTSTRAP).endswith("sr3 invents more")
    assert more_invented(rows(counts, 1), "sr3", "esrgan", BOOTSTRAP).endswith("one seed: not said")
    assert more_invented(rows(counts, 2), "esrgan", "sr3", BOOTSTRAP).endswith("sr3 invents more")
    same = {**counts, "sr3": counts["esrgan"]}
    assert more_invented(rows(same, 2), "sr3", "esrgan", BOOTSTRAP).endswith("not shown")


def test_the_interval_agrees_with_a_plain_bootstrap() -> None:
    rng = np.random.default_rng(0)
    chips = [(int(c), int(rng.integers(0, c + 1))) for c in rng.integers(1, 20, 15)]
    table = invented_table(rows({HR: [(5, 5)] * 15, "esrgan": chips}), TableSettings(resamples=4000)).set_index(
        "method"
    )
    counted, found = np.array(chips).T
    draws = rng.integers(0, 15, (4000, 15))
    shares = 1 - found[draws].sum(axis=1) / counted[draws].sum(axis=1)
    expected = np.quantile(shares, [0.025, 0.975])
    np.testing.assert_allclose([table.low["esrgan"], table.high["esrgan"]], expected, atol=0.02)


def test_places_are_chosen_by_what_is_invented_above_hr_one_of_a_region() -> None:
    counts = {HR: [(9, 0), (5, 5), (5, 5), (5, 5)], "a": [(10, 0), (8, 4), (6, 5), (5, 5)]}
    some = rows(counts)
    assert most_invented(some, ["a"], 2) == ["1_1", "0_0"]  # 4 more than HR, 1 more (as 2_2, which comes later)
    some.loc[some.tile == "0_0", "region"] = "r1"
    assert most_invented(some, ["a"], 2) == ["1_1", "2_2"]


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(ValueError, match="halucination"):
        check(HallucinationSettings, {"metrics": ["halucination"]}, "hallucination")
