"""Shares of buildings: ratios of sums, the paper's comparison, and when nothing is said."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from satsr.evaluation.settings import TableSettings
from satsr.studies.buildings.shares import buildings_sentence, difference, share_table, shares_as_text
from satsr.training.counting.matches import NOTHING, scores
from tests.training.counting.maps import squares

BOOTSTRAP = TableSettings(resamples=300)
TABLE: dict[str, Any] = {"bootstrap": BOOTSTRAP, "least": 0.5}
RULES = ["iou 0.5"]


def counted_rows() -> pd.DataFrame:
    known = [squares((2, 2), (2, 20), (20, 2)), squares((2, 2), (20, 20))]
    counts = {
        "HR": [squares((2, 2), (2, 20)), squares((2, 2))],
        "esrgan": [squares((2, 2), (2, 20)), squares((12, 12))],
        "sr3": [squares((2, 2)), squares((20, 20))],
    }
    return scores(["1_1", "2_2"], ["a", "b"], known, {kind: [maps] for kind, maps in counts.items()}, RULES)


def test_shares_are_ratios_of_sums() -> None:
    rows = counted_rows()
    found = share_table(rows, **TABLE).set_index(["method", "share"]).value
    assert found["HR", "recall"] == 3 / 5
    assert found["HR", "kept"] == 1
    assert found["esrgan", "recall"] == 2 / 5
    assert found["esrgan", "precision"] == 2 / 3
    assert found["esrgan", "kept"] == 2 / 3
    assert found["sr3", "kept"] == 1 / 3  # what HR does not show cannot be kept
    assert found["sr3", "count"] == 2 / 5
    assert found["sr3", "miscount"] == 3 / 5


def test_the_paper_s_two_methods_are_compared_on_the_same_regions() -> None:
    value, low, high, p = difference(counted_rows(), "esrgan", "sr3", "kept", BOOTSTRAP)
    assert value == pytest.approx(1 / 3)
    assert low <= value <= high
    assert 0 < p <= 1
    said = buildings_sentence(counted_rows(), **TABLE)
    assert "ESRGAN minus SR3: +33.3" in said
    assert "60.0 % of the known buildings, and 100.0 % of what it counts" in said
    assert said.endswith("not shown.")  # two regions show nothing, whatever the number of trainings


def many_regions(trainings: int, regions: int = 8) -> pd.DataFrame:
    """ESRGAN keeps both buildings of every region, SR3 one of them."""
    known = squares((2, 2), (20, 20))
    runs = {"HR": [known], "esrgan": [known] * trainings, "sr3": [squares((2, 2))] * trainings}
    counts = {kind: [[maps] * regions for maps in own] for kind, own in runs.items()}
    tiles = [f"{n}_{n}" for n in range(regions)]
    return scores(tiles, tiles, [known] * regions, counts, RULES)


def test_a_difference_in_every_region_is_shown_with_two_trainings() -> None:
    assert buildings_sentence(many_regions(2), **TABLE).endswith("p = 0.0078: ESRGAN keeps more.")
    assert buildings_sentence(many_regions(1), **TABLE).endswith("one seed: not said.")
    assert buildings_sentence(many_regions(2, regions=1), **TABLE).endswith("+50.0 points (one region: no interval).")
    found = share_table(many_regions(2), **TABLE).set_index(["method", "share"])
    assert found.seeds["esrgan", "kept"] == 2
    assert found.buildings["esrgan", "recall"] == found.buildings["HR", "recall"] == 16
    assert share_table(many_regions(2, regions=1), **TABLE).low.isna().all()


def test_a_counter_that_finds_less_than_half_on_hr_judges_nothing() -> None:
    known, tiles = squares((2, 2), (2, 20), (20, 2)), [f"{n}_{n}" for n in range(8)]
    runs = {"HR": [squares((2, 2))], "esrgan": [known] * 2, "sr3": [squares((20, 20))] * 2}
    counts = {kind: [[maps] * 8 for maps in own] for kind, own in runs.items()}
    rows = scores(tiles, tiles, [known] * 8, counts, ["centre", "iou 0.5"])
    assert buildings_sentence(rows, **TABLE).endswith("(rule: centre). Below 50 % of either it cannot judge.")
    assert not share_table(rows, **TABLE).judges.any()
    assert "sr3" not in buildings_sentence(rows, **TABLE).lower()
    assert share_table(rows, **{**TABLE, "least": 0.3}).judges.all()


def test_the_first_rule_decides() -> None:
    known, tiles = squares((2, 2), (20, 20)), [f"{n}_{n}" for n in range(8)]
    beside = squares((4, 4), (22, 22))  # the centre lies in the building, the overlap is 16 of 56 px
    counts = {kind: [[maps] * 8] * 2 for kind, maps in {"HR": known, "esrgan": beside, "sr3": beside * 0}.items()}
    counts["HR"] = counts["HR"][:1]
    for rules, kept in ((["centre", "iou 0.5"], 1.0), (["iou 0.5", "centre"], 0.0)):
        rows = scores(tiles, tiles, [known] * 8, counts, rules)
        assert difference(rows, "esrgan", "sr3", "kept", BOOTSTRAP)[0] == kept
        table = share_table(rows, **TABLE)
        assert table[table.decides].rule.unique().tolist() == rules[:1]


def test_trainings_widen_the_interval() -> None:
    known = squares((2, 2), (20, 20))
    runs = {"HR": [known], "esrgan": [known, squares((2, 2))]}
    counts = {kind: [[maps] * 6 for maps in own] for kind, own in runs.items()}
    tiles = [f"{n}_{n}" for n in range(6)]
    found = share_table(scores(tiles, tiles, [known] * 6, counts, RULES), **TABLE).set_index(["method", "share"])
    assert found.value["esrgan", "recall"] == 0.75
    assert (found.low["esrgan", "recall"], found.high["esrgan", "recall"]) == (0.5, 1.0)


def test_no_building_at_all() -> None:
    assert share_table(NOTHING, **TABLE).empty
    assert shares_as_text(share_table(NOTHING, **TABLE)).empty
    assert buildings_sentence(NOTHING, **TABLE) == "No building is known in these data."
