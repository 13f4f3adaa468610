"""Verdicts follow from tables."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from satsr.claims import RULES, status
from satsr.tables import NOT_RUN


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


def test_relative_time_is_set_against_absolute(tmp_path: Path) -> None:
    duels(tmp_path, sr3=(0.2, "b beats a"), satdiffmoe_absolute=(-0.1, "not shown"))
    said = status("relative_time_enough", "", tmp_path)
    assert said == "by lpips:judge: worse than, but not shown to lose to, satdiffmoe_absolute"


def test_ratios_are_computed(tmp_path: Path) -> None:
    write(tmp_path, "costs", method=["esrgan", "sr3"], gflop=[2.0, 50.0])
    assert status("speed_ratio", "", tmp_path).startswith("25 times fewer operations")
    write(tmp_path, "training_costs", method=["satdiffmoe", "controlnet"], parameters=[60, 100])
    assert status("fewer_parameters", "", tmp_path) == "consistent: 0.60 of ControlNet's, from the same prior"
    write(tmp_path, "training_costs", method=["satdiffmoe", "controlnet"], parameters=[120, 100])
    assert status("fewer_parameters", "", tmp_path).startswith("not found")


def test_convergence_says_what_was_not_reached(tmp_path: Path) -> None:
    write(tmp_path, "convergence", censored=[True], ratio=[0.8])
    assert status("convergence", "", tmp_path) == "in steps: not reached: below 0.8 times, in none of 1 seeds"


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
