from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from satsr.pipeline.compare_results import differences

CELL = {"method": "srcnn", "dataset": "s2naip", "metric": "psnr", "protocol": "corrected"}


def table(path: Path, **values: float | str) -> Path:
    counts = {"images": 112, "regions": 7, "seeds": 1}
    pd.DataFrame([{**CELL, "mean": 20.0, "low": 19.0, "high": 21.0, **counts, **values}]).to_csv(path, index=False)
    return path


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    return table(tmp_path / "committed.csv")


def test_equal_tables_have_no_difference(committed: Path) -> None:
    assert differences(committed, committed) == ([], True)


@pytest.mark.parametrize(("mean", "good"), [(20.001, True), (25.9, True), (26.1, False), (13.9, False)])
def test_a_mean_may_move_three_widths_and_is_printed(committed: Path, tmp_path: Path, mean: float, good: bool) -> None:
    lines, passes = differences(committed, table(tmp_path / "fresh.csv", mean=mean))
    assert passes is good
    assert len(lines) == 1
    assert "srcnn s2naip psnr corrected mean: 20 ->" in lines[0]


@pytest.mark.parametrize("name", ["mean", "low", "high"])
def test_a_value_that_is_not_finite_fails(committed: Path, tmp_path: Path, name: str) -> None:
    assert differences(committed, table(tmp_path / "fresh.csv", **{name: float("nan")}))[1] is False


@pytest.mark.parametrize(
    ("changed", "good"), [({"low": 18.0}, True), ({"high": 30.0}, False), ({"images": 111}, False)]
)
def test_interval_ends_and_counts_are_compared_too(committed: Path, tmp_path: Path, changed: dict, good: bool) -> None:
    lines, passes = differences(committed, table(tmp_path / "fresh.csv", **changed))
    assert passes is good
    assert next(iter(changed)) in lines[0]


def test_a_score_by_the_studys_own_network_may_move_but_not_vanish(tmp_path: Path) -> None:
    committed = table(tmp_path / "committed.csv", metric="lpips:judge")
    lines, passes = differences(committed, table(tmp_path / "fresh.csv", metric="lpips:judge", mean=90.0))
    assert passes
    assert len(lines) == 1
    assert not differences(committed, table(tmp_path / "lost.csv", metric="lpips:judge", mean=float("nan")))[1]


def test_a_missing_cell_fails_on_either_side(committed: Path, tmp_path: Path) -> None:
    other = table(tmp_path / "fresh.csv", metric="ssim")
    lines, passes = differences(committed, other)
    assert not passes
    assert [line.rsplit(":", 1)[1] for line in lines] == [" only in the committed table", " only in the fresh table"]
