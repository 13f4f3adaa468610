"""Verdicts follow from tables."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from satsr.book.claims import RULES, status
from satsr.evaluation.tables import NOT_RUN, UNDATED
from satsr.studies.fusion.report import NO_DATES


def write(folder: Path, name: str, **columns: list[object]) -> None:
    pd.DataFrame(columns).to_csv(folder / f"{name}.csv", index=False)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_without_a_run_nothing_is_claimed(rule: str, tmp_path: Path) -> None:
    assert status(rule, "", tmp_path) == NOT_RUN


def test_every_rule_of_the_list_exists() -> None:
    claims = pd.read_csv(Path(__file__).parents[2] / "book" / "published" / "claims.csv", keep_default_na=False)
    assert set(claims["rule"]) - {""} == set(RULES)
    with pytest.raises(ValueError, match="unknown rule 'no such'"):
        status("no such", "", Path())


def duels(folder: Path, **outcomes: tuple[float, str]) -> None:
    rows = [
        ("lpips:judge", "corrected", other, "satdiffmoe", difference, verdict)
        for other, (difference, verdict) in outcomes.items()
    ]
    columns = ["metric", "protocol", "a", "b", "difference", "verdict"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "comparisons.csv", index=False)


def test_a_comparison_is_read_in_the_right_direction(tmp_path: Path) -> None:
    """LPIPS is better when lower: sr3 - satdiffmoe > 0 is good for satdiffmoe."""
    duels(tmp_path, sr3=(0.2, "b beats a"), esrgan=(-0.1, "a beats b"), srcnn=(0.1, "not shown"))
    said = status("fusion_against_others", "", tmp_path)
    assert "beats sr3" in said
    assert "beaten by esrgan" in said
    assert "better than, but not shown to beat, srcnn" in said


@pytest.mark.parametrize(
    ("low", "high", "seeds", "said"),
    [(-0.3, 0.05, 3, "enough"), (-0.3, 0.2, 3, "not shown to be enough"), (-0.3, 0.05, 1, "one seed or one region")],
)
def test_relative_time_is_enough_where_little_is_lost(
    low: float, high: float, seeds: int, said: str, tmp_path: Path
) -> None:
    """The margin is a tenth of the score."""
    parts = {"metric": "lpips:judge", "protocol": "corrected"}
    names = {"a": "satdiffmoe_absolute", "b": "satdiffmoe"}
    duel = pd.DataFrame([{**parts, **names, "difference": 0.1, "low": -high, "high": -low, "seeds": seeds}])
    duel.to_csv(tmp_path / "comparisons.csv", index=False)
    pd.DataFrame([{**parts, "method": "satdiffmoe", "mean": 1.0, "note": ""}]).to_csv(
        tmp_path / "main.csv", index=False
    )
    verdict = status("relative_time_enough", "", tmp_path)
    assert f"-0.100, at worst {high:+.3f} (margin 0.100): {said}" in verdict


def test_nothing_is_said_of_time_without_dates(tmp_path: Path) -> None:
    row = {"metric": "lpips:judge", "protocol": "corrected", "method": "satdiffmoe", "mean": 1.0}
    pd.DataFrame([{**row, "note": f"images only; {UNDATED}"}]).to_csv(tmp_path / "main.csv", index=False)
    names = {"a": "satdiffmoe", "b": "satdiffmoe_absolute", "difference": -0.5, "low": -0.6, "high": -0.4, "seeds": 3}
    pd.DataFrame([{**row, **names}]).to_csv(tmp_path / "comparisons.csv", index=False)
    write(tmp_path, "time", option=[], choice=[], metric=[])
    assert {status(rule, "", tmp_path) for rule in ("time_matters", "relative_time_enough")} == {NO_DATES}


def test_ratios_are_computed(tmp_path: Path) -> None:
    write(tmp_path, "costs", method=["esrgan", "sr3"], gflop=[2.0, 50.0])
    assert status("speed_ratio", "", tmp_path) == "25 times fewer operations with this run's networks and steps"
    write(tmp_path, "published_costs", method=["esrgan", "sr3"], gflop=[10.0, 50000.0])
    assert "; 5,000 times with the published networks" in status("speed_ratio", "", tmp_path)
    counts: dict[str, list[object]] = {"method": ["satdiffmoe", "controlnet"], "that learn": [50, 25]}
    write(tmp_path, "training_costs", parameters=[60, 100], **counts)
    said = status("fewer_parameters", "", tmp_path)
    assert said.startswith("consistent: 0.60 of ControlNet's")
    assert said.endswith("of those that learn, 2.00")
    write(tmp_path, "training_costs", parameters=[120, 100], **counts)
    assert status("fewer_parameters", "", tmp_path).startswith("not found")


def test_convergence_says_what_was_not_reached(tmp_path: Path) -> None:
    flags: dict[str, list[object]] = {"at_first": [False], "improving": [False]}
    write(tmp_path, "convergence", censored=[True], ratio=[0.8], **flags)
    said = "in steps: not reached in 1 seed: below 0.8 times; 0 of 1 within the paper's 5 to 15"
    assert status("convergence", "", tmp_path) == said
    write(tmp_path, "convergence", censored=[False], ratio=[8.0], **flags)
    assert status("convergence", "", tmp_path) == "in steps: 8 times, 1 seed; 1 of 1 within the paper's 5 to 15"


def test_buildings_come_with_the_counter_s_own_error(tmp_path: Path) -> None:
    columns = {
        "method": ["HR", "HR", "esrgan", "sr3"],
        "share": ["recall", "kept", "kept", "kept"],
        "value": [0.25, 1.0, 0.5, 0.4],
        "low": [0.2, 1.0, 0.4, 0.3],
        "high": [0.3, 1.0, 0.6, 0.5],
    }
    write(tmp_path, "buildings", **columns)
    assert status("buildings_kept", "", tmp_path) == (
        "kept: esrgan 50.0 % [40.0, 60.0], sr3 40.0 % [30.0, 50.0]; the counter itself finds 25.0 % on HR"
    )


def test_a_counter_that_finds_nothing_says_so(tmp_path: Path) -> None:
    columns = {"method": ["HR", "esrgan", "sr3"], "share": ["recall", "kept", "kept"], "value": [0.0, None, None]}
    write(tmp_path, "buildings", **columns, low=[None] * 3, high=[None] * 3)
    assert status("buildings_kept", "", tmp_path) == "no verdict: the counter finds no building on HR"


def test_an_empty_table_claims_nothing(tmp_path: Path) -> None:
    write(tmp_path, "buildings", method=[], share=[], value=[], low=[], high=[])
    assert status("buildings_kept", "", tmp_path) == NOT_RUN
    (tmp_path / "judges.json").write_text(json.dumps({"judges": {}}))
