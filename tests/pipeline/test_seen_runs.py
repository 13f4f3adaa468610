from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from satsr.pipeline.seen_runs import COLUMNS, UNKNOWN, VALUES, SeenRuns, add_rows, rounding, this_processor

ONE, OTHER, THIRD = "one, AVX2", "another, AVX512", "a third, AMX"


def run(name: str, processor: str, mean: float, method: str = "srcnn", series: str = "s", metric: str = "psnr") -> dict:
    where = {"run": name, "series": series, "processor": processor, "commit": "abc"}
    cell = {"method": method, "metric": metric, "protocol": "corrected"}
    return {**where, **cell, "mean": mean, "low": mean - 1, "high": mean + 2}


def seen(*runs: dict) -> SeenRuns:
    return SeenRuns(pd.DataFrame(runs, columns=COLUMNS))


def main_table(path: Path, mean: float) -> Path:
    pd.DataFrame([run("", "", mean)]).drop(columns=["run", "series", "processor", "commit"]).to_csv(path, index=False)
    return path


def test_a_cell_may_move_three_times_the_largest_spread_of_its_kind_while_two_kinds_of_processors_are_known() -> None:
    runs = seen(
        *(run("a", ONE, 20.0), run("b", OTHER, 20.1), run("a", ONE, 22.0, "esrgan"), run("b", OTHER, 22.4, "esrgan")),
        *(run("a", ONE, 19.0, "bicubic"), run("b", OTHER, 19.0, "bicubic")),
    )
    assert runs.allowed("srcnn", "psnr", "corrected") == pytest.approx(dict.fromkeys(VALUES, 3 * 0.4))
    assert runs.allowed("bicubic", "psnr", "corrected") == dict.fromkeys(VALUES, 0)


def test_three_kinds_of_processors_are_enough_and_one_without_name_is_none() -> None:
    two = [run("a", ONE, 20.0), run("b", OTHER, 20.2)]
    assert seen(*two, run("c", UNKNOWN, 20.1)).factor == 2 * seen(*two, run("c", THIRD, 20.1)).factor


def test_runs_of_two_series_and_of_one_processor_show_no_spread() -> None:
    assert seen(run("a", ONE, 20.0), run("b", OTHER, 25.0, series="t")).allowed("srcnn", "psnr", "corrected") is None
    assert seen(run("a", ONE, 20.0), run("b", ONE, 25.0)).allowed("srcnn", "psnr", "corrected") is None


def test_a_metric_has_the_spread_of_its_own() -> None:
    runs = seen(run("a", ONE, 20.0), run("b", OTHER, 20.2), run("a", ONE, 0.5, metric="ssim"))
    assert runs.allowed("srcnn", "ssim", "corrected") is None


@pytest.mark.parametrize(("value", "digit"), [(19.1041, 1e-4), (0.590282, 1e-6), (-0.0477169, 1e-7), (112.0, 1e-3)])
def test_rounding_is_worth_the_sixth_digit(value: float, digit: float) -> None:
    assert digit < rounding(value) < 2 * digit


def test_a_table_is_known_by_its_numbers(tmp_path: Path) -> None:
    runs = seen(run("a", ONE, 20.0), run("b", OTHER, 20.2), run("c", UNKNOWN, 20.0))
    assert runs.processors_of(pd.read_csv(main_table(tmp_path / "main.csv", 20.0001))) == {ONE}
    assert runs.processors_of(pd.read_csv(main_table(tmp_path / "main.csv", 20.001))) == set()


def test_a_run_that_is_added_goes_on_with_the_series_of_the_committed_table(tmp_path: Path) -> None:
    path, committed = tmp_path / "seen.csv", main_table(tmp_path / "committed.csv", 20.0)
    path.write_text(f"# said of the runs\n{','.join(COLUMNS)}\n")
    before = seen(run("a", ONE, 20.0))
    add_rows(before.table, path)
    add_rows(before.rows("b", committed, main_table(tmp_path / "fresh.csv", 20.2), OTHER, "def"), path)
    after = SeenRuns.load(path)
    assert after.kinds == [OTHER, ONE]
    assert after.table.series.tolist() == ["s", "s"]
    assert after.allowed("srcnn", "psnr", "corrected") == pytest.approx(dict.fromkeys(VALUES, 3 * 0.2))


def test_a_table_that_code_moved_opens_a_series(tmp_path: Path) -> None:
    moved = main_table(tmp_path / "moved.csv", 25.0)
    assert seen(run("a", ONE, 20.0)).rows("b", moved, moved, ONE, "def").series.tolist() == ["def"]


def test_a_run_is_refused_whose_name_is_taken_or_whose_processor_gave_other_numbers_before(tmp_path: Path) -> None:
    runs, committed = seen(run("a", ONE, 20.0)), main_table(tmp_path / "committed.csv", 20.0)
    with pytest.raises(ValueError, match="choose another name"):
        runs.rows("a", committed, committed, ONE, "def")
    with pytest.raises(ValueError, match="code moved them"):
        runs.rows("b", committed, main_table(tmp_path / "fresh.csv", 20.2), ONE, "def")


def test_this_processor_is_named_with_what_it_multiplies_in() -> None:
    assert this_processor().endswith(("32-true", "bf16-mixed"))
