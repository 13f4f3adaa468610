"""The designed pairs: committed as made, balanced, and read strictly."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from satsr.evaluation.degradations.faults import DEGRADATIONS
from satsr.studies.agreement.design import BASES, PER_CELL, STRENGTHS, design, read_design, steps
from satsr.studies.agreement.settings import AgreementSettings
from tests.conftest import ROOT

COMMITTED = ROOT / AgreementSettings().design


def test_committed_pairs_are_those_that_the_design_makes() -> None:
    assert COMMITTED.read_text() == design().to_csv(index=False)
    pd.testing.assert_frame_equal(read_design(COMMITTED), design())


@pytest.mark.parametrize("part", PER_CELL)
def test_every_fault_base_and_step_has_equally_many_pairs(part: str) -> None:
    rows = design()
    cells = rows[rows.part == part].groupby(["kind", "base", "low", "high"]).size()
    expected = {(kind, base, low, high) for kind in DEGRADATIONS for base in BASES for low, high in steps(kind)}
    assert set(cells.index) == expected
    assert set(cells) == {PER_CELL[part]}


def test_a_smaller_study_takes_the_first_pairs_of_every_cell() -> None:
    few, seen = [], Counter[tuple[str, str, str, float, float]]()
    for row in design().itertuples():
        cell = (row.part, row.kind, row.base, row.low, row.high)
        seen[cell] += 1
        if seen[cell] <= 3:
            few.append(row.pair)
    assert read_design(COMMITTED, per_cell=3).pair.tolist() == few
    assert len(read_design(COMMITTED, per_cell=1)) == 2 * len(DEGRADATIONS) * len(BASES) * 3


def test_a_step_goes_from_weaker_to_stronger() -> None:
    assert all(0 <= low < high for kind in STRENGTHS for low, high in steps(kind))


def test_another_seed_makes_other_pairs_of_the_same_kinds() -> None:
    one, other = design(1), design(2)
    drawn = ["chip", "seed"]
    pd.testing.assert_frame_equal(one.drop(columns=drawn), other.drop(columns=drawn))
    assert (one[drawn] != other[drawn]).any(axis=1).mean() > 0.9
    assert one.pair.is_unique


def test_a_missing_file_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"pairs\.csv is missing: write it with python -m satsr\.studies\.agreement\.design"
    ):
        read_design(tmp_path / "pairs.csv")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (design().drop(columns="seed"), r"pairs\.csv: got columns \['pair', .*'chip'\], expected .*'seed'\]"),
        (design().assign(more=1), r"pairs\.csv: got columns .*'more'\]"),
        (design().replace("blur", "blurr"), r"pairs\.csv: got kind blurr, expected one of blur, aliasing"),
        (design().replace("rendering", "sketch"), r"pairs\.csv: got base sketch, expected one of target, rendering"),
        (design().replace("report", "test"), r"pairs\.csv: got part test, expected one of selection, report"),
    ],
    ids=["column missing", "column too many", "kind", "base", "part"],
)
def test_another_form_is_refused(tmp_path: Path, changed: pd.DataFrame, message: str) -> None:
    changed.to_csv(tmp_path / "pairs.csv", index=False)
    with pytest.raises(ValueError, match=message):
        read_design(tmp_path / "pairs.csv")
