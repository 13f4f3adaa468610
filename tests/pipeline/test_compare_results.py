from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest

from satsr.common.paths import MAIN, Workspace
from satsr.pipeline.compare_results import basis, differences, interchangeable, read_main, swapped
from satsr.pipeline.seen_runs import CELL, COLUMNS, SeenRuns

CELLS = {"method": "srcnn", "dataset": "s2naip", "metric": "psnr", "protocol": "corrected"}
ONE, OTHER, NEW = "one, AVX2", "another, AVX512", "a new one"

UNNOTICED: list[tuple[str, str]] = []  # pairs of methods of the committed table that the check cannot tell apart


def table(path: Path, **values: float | str) -> Path:
    counts = {"images": 112, "regions": 7, "seeds": 1}
    pd.DataFrame([{**CELLS, "mean": 20.0, "low": 19.0, "high": 21.0, **counts, **values}]).to_csv(path, index=False)
    return path


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    return table(tmp_path / "committed.csv")


@pytest.fixture
def seen(committed: Path) -> SeenRuns:
    """Two processors that are 0.5 dB apart, so that a third may be 1.5 dB from the committed table."""
    main = pd.read_csv(committed)
    other = main.assign(mean=20.5, low=19.5, high=21.5)
    runs = [main.assign(run="a", processor=ONE), other.assign(run="b", processor=OTHER)]
    return SeenRuns(pd.concat(runs).assign(series="s", commit="abc")[COLUMNS])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text + text.splitlines()[1] + "\n", "got two lines of srcnn s2naip psnr corrected, expected one"),
        (lambda text: text + text, "got what cannot be read"),
        (lambda text: text.replace("protocol", "protocols"), "got no column protocol"),
        (lambda text: text.replace(",low", ",lows"), "got no column low"),
        (lambda text: text.replace("regions", "places"), "got no column regions"),
        (lambda text: text.replace(",", ";"), "got no column method"),
        (lambda text: text.replace("20.0", "twenty"), "got what cannot be read .*twenty"),
    ],
)
def test_a_damaged_table_is_named_on_either_side(
    committed: Path, seen: SeenRuns, tmp_path: Path, change: Callable[[str], str], said: str
) -> None:
    damaged = tmp_path / "damaged.csv"
    damaged.write_text(change(committed.read_text()))
    for pair in ((committed, damaged), (damaged, committed)):
        with pytest.raises(ValueError, match=rf"damaged\.csv: {said}.*: name the main\.csv of a run"):
            differences(*pair, NEW, seen)


def test_equal_tables_have_no_difference(committed: Path, seen: SeenRuns) -> None:
    assert differences(committed, committed, NEW, seen) == ([], True)


@pytest.mark.parametrize(("mean", "good"), [(20.001, True), (21.4, True), (21.6, False), (18.4, False)])
def test_a_mean_may_move_three_spreads_and_is_printed(
    committed: Path, seen: SeenRuns, tmp_path: Path, mean: float, good: bool
) -> None:
    lines, passes = differences(committed, table(tmp_path / "fresh.csv", mean=mean), NEW, seen)
    assert passes is good
    assert len(lines) == 1
    assert "srcnn s2naip psnr corrected mean: 20 ->" in lines[0]


@pytest.mark.parametrize(("mean", "good"), [(20.0001, True), (20.001, False)])
def test_on_the_processor_of_the_committed_table_only_the_last_digit_may_move(
    committed: Path, seen: SeenRuns, tmp_path: Path, mean: float, good: bool
) -> None:
    assert differences(committed, table(tmp_path / "fresh.csv", mean=mean), ONE, seen)[1] is good
    assert differences(committed, table(tmp_path / "fresh.csv", mean=mean), OTHER, seen)[1]


@pytest.mark.parametrize(("mean", "good"), [(19.1042, True), (19.105, False)])
def test_what_moved_on_no_processor_may_move_by_its_last_digit(tmp_path: Path, mean: float, good: bool) -> None:
    path = table(tmp_path / "committed.csv", method="bicubic", mean=19.1041)
    main = pd.read_csv(path)
    runs = [main.assign(run=name, processor=name) for name in (ONE, OTHER)]
    seen = SeenRuns(pd.concat(runs).assign(series="s", commit="abc")[COLUMNS])
    fresh = table(tmp_path / "fresh.csv", method="bicubic", mean=mean)
    assert differences(path, fresh, NEW, seen)[1] is good


@pytest.mark.parametrize("processor", [ONE, NEW])
@pytest.mark.parametrize("name", ["mean", "low", "high"])
def test_a_value_that_is_not_finite_fails(
    committed: Path, seen: SeenRuns, tmp_path: Path, name: str, processor: str
) -> None:
    fresh = table(tmp_path / "fresh.csv", **{name: float("nan")})
    assert differences(committed, fresh, processor, seen)[1] is False


@pytest.mark.parametrize(
    ("changed", "good"), [({"low": 18.0}, True), ({"high": 30.0}, False), ({"images": 111}, False)]
)
def test_interval_ends_and_counts_are_compared_too(
    committed: Path, seen: SeenRuns, tmp_path: Path, changed: dict, good: bool
) -> None:
    lines, passes = differences(committed, table(tmp_path / "fresh.csv", **changed), NEW, seen)
    assert passes is good
    assert next(iter(changed)) in lines[0]


@pytest.mark.parametrize(("mean", "good"), [(25.9, True), (26.1, False)])
def test_a_metric_of_one_processor_may_move_three_widths_of_its_interval(
    seen: SeenRuns, tmp_path: Path, mean: float, good: bool
) -> None:
    committed = table(tmp_path / "committed.csv", metric="lpips:judge")
    fresh = table(tmp_path / "fresh.csv", metric="lpips:judge", mean=mean)
    assert differences(committed, fresh, NEW, seen)[1] is good


def test_a_missing_cell_fails_on_either_side(committed: Path, seen: SeenRuns, tmp_path: Path) -> None:
    other = table(tmp_path / "fresh.csv", metric="ssim")
    lines, passes = differences(committed, other, NEW, seen)
    assert not passes
    assert [line.rsplit(":", 1)[1] for line in lines] == [" only in the committed table", " only in the fresh table"]


def test_methods_in_another_order_fail_though_every_value_is_near(seen: SeenRuns, tmp_path: Path) -> None:
    def ranked(name: str, *means: float) -> Path:
        methods = ("srcnn", "highresnet", "esrgan")
        tables = [
            pd.read_csv(table(tmp_path / name, method=method, mean=mean))
            for method, mean in zip(methods, means, strict=True)
        ]
        pd.concat(tables).to_csv(tmp_path / name, index=False)
        return tmp_path / name

    old = ranked("old.csv", 20.0, 20.1, 20.2)
    assert differences(old, ranked("same.csv", 20.3, 20.4, 20.5), NEW, seen)[1]
    lines, passes = differences(old, ranked("turned.csv", 20.2, 20.1, 20.0), NEW, seen)
    assert not passes
    assert "rank correlation of the methods is -1.00, expected at least 0.8" in lines[-1]


@pytest.fixture(scope="module")
def real() -> SeenRuns:
    return SeenRuns.load()


@pytest.fixture(scope="module")
def main() -> Path:
    return Workspace.of("default").data_set(MAIN).results / "main.csv"


def test_the_committed_table_is_a_run_that_was_seen(main: Path, real: SeenRuns) -> None:
    run = set(real.runs_of(pd.read_csv(main)).run)
    assert run, "results moved: satsr compare-results TABLE TABLE --add NAME, TABLE being results' main.csv"


@pytest.mark.parametrize("known", [True, False])
def test_the_committed_table_passes(main: Path, real: SeenRuns, known: bool) -> None:
    processors = real.processors_of(pd.read_csv(main)) if known else {NEW}
    assert all(differences(main, main, processor, real) == ([], True) for processor in processors)


def test_each_seen_run_passes_against_each_other_of_its_series(real: SeenRuns, tmp_path: Path) -> None:
    runs = {name: run for name, run in real.table.groupby("run")}
    compared = 0
    for old, new in ((a, b) for a in runs for b in runs if a != b and set(runs[a].series) == set(runs[b].series)):
        shared = runs[old][CELL].merge(runs[new][CELL])  # one may have fewer methods
        for name, run in (("old", runs[old]), ("new", runs[new])):
            counts = {"dataset": "s2naip", "images": 1, "regions": 1, "seeds": 1}
            run.merge(shared).assign(**counts).to_csv(tmp_path / f"{name}.csv", index=False)
        lines, passes = differences(tmp_path / "old.csv", tmp_path / "new.csv", runs[new].processor.iloc[0], real)
        assert passes, (old, new, lines)
        compared += 1
    assert compared


def test_swapped_methods_are_noticed(main: Path, real: SeenRuns, tmp_path: Path) -> None:
    """Of all pairs at least two in three, and bicubic from every trained method; the others stand in `UNNOTICED`."""
    before = read_main(main)
    pairs = list(combinations(before.index.get_level_values("method").unique(), 2))
    unnoticed = []
    for pair in pairs:
        swapped(before, *pair).reset_index().to_csv(tmp_path / "swapped.csv", index=False)
        if differences(main, tmp_path / "swapped.csv", NEW, real)[1]:
            unnoticed.append(pair)
    assert unnoticed == UNNOTICED == interchangeable(before, NEW, real)
    assert not [pair for pair in unnoticed if "bicubic" in pair]
    assert 3 * len(unnoticed) <= len(pairs)
    assert basis(main, NEW, real)[1].endswith(", ".join(" with ".join(pair) for pair in unnoticed) or "none")
