"""Verdicts follow from tables."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from satsr.book.claims import RULES, status
from satsr.common.paths import Workspace
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN, UNDATED
from satsr.evaluation.verdicts import EXPLORATORY
from satsr.perception.roles import save_judges
from satsr.pipeline.stages import read_stages
from satsr.studies.agreement.preference import MACRO
from satsr.studies.buildings.shares import share_table
from satsr.studies.fusion.report import NO_DATES
from satsr.training.counting.matches import NOTHING
from tests.conftest import ROOT

MADE = {path for stage in read_stages(ROOT).values() for path in stage.makes("tiny")}


def write(results: Path, name: str, table: pd.DataFrame) -> None:
    """Write a table of a run where its stage does; `name` is a path below the run's results."""
    path = results / f"{name}.csv"
    assert f"results/tiny/{name}.csv" in MADE, "no stage makes such a table"
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


def write_columns(results: Path, name: str, **columns: list[object]) -> None:
    write(results, name, pd.DataFrame(columns))


@pytest.mark.parametrize("rule", sorted(RULES))
def test_without_a_run_nothing_is_claimed(rule: str, tmp_path: Path) -> None:
    assert status(rule, "", tmp_path) == NOT_RUN


def test_every_rule_of_the_list_exists() -> None:
    claims = pd.read_csv(ROOT / "book" / "published" / "claims.csv", keep_default_na=False)
    assert set(claims["rule"]) >= set(RULES)
    with pytest.raises(ValueError, match="unknown rule 'no such'"):
        status("no such", "", Path())


def test_metrics_agree_as_the_table_says_and_by_the_judge_that_was_chosen(tmp_path: Path) -> None:
    here = Workspace(tmp_path, "tiny")
    kinds = {"psnr": 0.6, "ssim": 0.5, "cpsnr": 0.55, "clipscore:resnet": 0.9, "clipscore:other": 0.1}
    corrected = pd.DataFrame({"metric": list(kinds), "agreement": list(kinds.values()), "kind": MACRO})
    corrected = corrected.assign(low=corrected.agreement - 0.05, high=corrected.agreement + 0.05, protocol="corrected")
    published = corrected.assign(agreement=0.0, low=0.0, high=0.0, protocol="published")
    write(here.results, "studies/agreement/agreement", pd.concat([published, corrected]).assign(source="stand-in"))
    save_judges(here, {"clip": "resnet", "trunk": "judge"}, {})
    said = status("metric_agreement", "", here.results)
    assert said.startswith("CLIPScore by the judge (resnet) agrees in 90 % [85, 95], above the best of PSNR, SSIM and")
    assert "(psnr, 60 % [55, 65]); their intervals do not overlap" in said
    assert "**consistent with**" in said


def test_images_that_psnr_and_ssim_rank_the_wrong_way_are_counted(tmp_path: Path) -> None:
    write_columns(tmp_path, "studies/agreement/figure2", against=[4, 3, 2, 1])
    said = "consistent: over four images on 25 %, over two on 75 % of the test chips (stand-in)"
    assert status("opposite_ranking", "", tmp_path) == said
    write_columns(tmp_path, "studies/agreement/figure2", against=[1, 1])
    assert status("opposite_ranking", "", tmp_path).startswith("not found: over four images on 0 %")


def duels(**outcomes: tuple[float, str]) -> pd.DataFrame:
    """Comparisons of methods, each with its difference to SatDiffMoE and its verdict."""
    rows = [
        ("lpips:judge", "corrected", other, "satdiffmoe", difference, verdict)
        for other, (difference, verdict) in outcomes.items()
    ]
    columns = ["metric", "protocol", "a", "b", "difference", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def test_a_comparison_is_read_in_the_right_direction(tmp_path: Path) -> None:
    """LPIPS is better when lower: sr3 - satdiffmoe > 0 is good for satdiffmoe."""
    made = duels(sr3=(0.2, "b beats a"), esrgan=(-0.1, "a beats b"), srcnn=(0.1, "not shown"))
    write(tmp_path, "data/s2naip/comparisons", made)
    said = status("fusion_against_others", "", tmp_path)
    assert "beats sr3" in said
    assert "beaten by esrgan" in said
    assert "better than, but not shown to beat, srcnn" in said


def test_pairs_that_nothing_claims_have_no_verdict_and_what_was_not_run_is_left_out(tmp_path: Path) -> None:
    made = duels(sr3=(0.2, EXPLORATORY), esrgan=(-0.1, EXPLORATORY), srcnn=(float("nan"), NOT_RUN))
    write(tmp_path, "data/s2naip/comparisons", made)
    assert status("fusion_against_others", "", tmp_path) == (
        "by lpips:judge: worse than, but not claimed to lose to, esrgan; better than, but not claimed to beat, sr3"
    )
    write(tmp_path, "data/s2naip/comparisons", duels(srcnn=(float("nan"), NOT_RUN)))
    assert status("fusion_against_others", "", tmp_path) == NOT_RUN


def test_relative_time_is_not_judged_where_one_of_the_two_was_not_run(tmp_path: Path) -> None:
    names = {"metric": "lpips:judge", "protocol": "corrected", "a": "satdiffmoe", "b": "satdiffmoe_absolute"}
    numbers = dict.fromkeys(("difference", "low", "high", "seeds"))
    write(tmp_path, "data/s2naip/comparisons", pd.DataFrame([{**names, **numbers, "verdict": NOT_RUN}]))
    write(tmp_path, "data/s2naip/main", pd.DataFrame([{"method": "satdiffmoe", "metric": "lpips:judge", "note": ""}]))
    assert status("relative_time_enough", "", tmp_path) == NOT_RUN


def test_other_data_sets_are_told_apart(tmp_path: Path) -> None:
    """The main data set's own comparisons say nothing of them."""
    write(tmp_path, "data/s2naip/comparisons", duels(sr3=(0.2, "b beats a")))
    assert status("fusion_on_sets", "", tmp_path) == NOT_RUN
    first, second = duels(sr3=(0.2, "b beats a")), duels(sr3=(-0.1, "a beats b"))
    both = pd.concat([first.assign(title="WorldStrat (embedded twin)"), second.assign(title="fMoW (embedded twin)")])
    write(tmp_path, "studies/data_sets/comparisons", both)
    assert status("fusion_on_sets", "", tmp_path) == (
        "WorldStrat (embedded twin): by lpips:judge: beats sr3; fMoW (embedded twin): by lpips:judge: beaten by sr3"
    )


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
    write(tmp_path, "data/s2naip/comparisons", duel)
    main = pd.DataFrame([{**parts, "method": "satdiffmoe", "mean": 1.0, "note": ""}])
    write(tmp_path, "data/s2naip/main", main)
    verdict = status("relative_time_enough", "", tmp_path)
    assert f"-0.100, at worst {high:+.3f} (margin 0.100): {said}" in verdict


def test_nothing_is_said_of_time_without_dates(tmp_path: Path) -> None:
    row = {"metric": "lpips:judge", "protocol": "corrected", "method": "satdiffmoe", "mean": 1.0}
    write(tmp_path, "data/s2naip/main", pd.DataFrame([{**row, "note": f"images only; {UNDATED}"}]))
    names = {"a": "satdiffmoe", "b": "satdiffmoe_absolute", "difference": -0.5, "low": -0.6, "high": -0.4, "seeds": 3}
    write(tmp_path, "data/s2naip/comparisons", pd.DataFrame([{**row, **names}]))
    write_columns(tmp_path, "studies/fusion/time", option=[], choice=[], metric=[])
    assert {status(rule, "", tmp_path) for rule in ("time_matters", "relative_time_enough")} == {NO_DATES}


def test_ratios_are_computed(tmp_path: Path) -> None:
    write_columns(tmp_path, "studies/speed/costs", method=["esrgan", "sr3"], gflop=[2.0, 50.0])
    assert status("speed_ratio", "", tmp_path) == "25 times fewer operations with this run's networks and steps"
    write_columns(tmp_path, "studies/speed/published_costs", method=["esrgan", "sr3"], gflop=[10.0, 50000.0])
    assert "; 5,000 times with the published networks" in status("speed_ratio", "", tmp_path)
    counts: dict[str, list[object]] = {"method": ["satdiffmoe", "controlnet"], "that learn": [50, 25]}
    write_columns(tmp_path, "studies/convergence/training_costs", parameters=[60, 100], **counts)
    said = status("fewer_parameters", "", tmp_path)
    assert said.startswith("consistent: 0.60 of ControlNet's")
    assert said.endswith("of those that learn, 2.00")
    write_columns(tmp_path, "studies/convergence/training_costs", parameters=[120, 100], **counts)
    assert status("fewer_parameters", "", tmp_path).startswith("not found")


def test_convergence_says_what_was_not_reached(tmp_path: Path) -> None:
    flags: dict[str, list[object]] = {"at_first": [False], "improving": [False]}
    write_columns(tmp_path, "studies/convergence/convergence", censored=[True], ratio=[0.8], **flags)
    said = "in steps: not reached in 1 seed: below 0.8 times; 0 of 1 within the paper's 5 to 15"
    assert status("convergence", "", tmp_path) == said
    write_columns(tmp_path, "studies/convergence/convergence", censored=[False], ratio=[8.0], **flags)
    assert status("convergence", "", tmp_path) == "in steps: 8 times, 1 seed; 1 of 1 within the paper's 5 to 15"


def decided(results: Path, study: str, said: str, hidden: dict[str, str] | None = None) -> None:
    """Write what a study of variants decided, where its stage does."""
    assert f"results/tiny/studies/{study}" in MADE
    folder = results / "studies" / study
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "decision.json").write_text(json.dumps({"decision": said, "hidden": hidden or {}}))


def test_studies_of_variants_say_what_they_decided(tmp_path: Path) -> None:
    decided(tmp_path, "scaling", "small, 100% before small, 1%: reproduced in sign: ...")
    assert status("scaling", "", tmp_path) == "small, 100% before small, 1%: reproduced in sign: ..."
    decided(tmp_path, "clip_loss", "from scratch before without: not reproduced: ...", {"fine-tuned": "too short"})
    assert status("clip_loss", "", tmp_path) == "from scratch before without: not reproduced: ..."
    flags = {"at_first": False, "improving": False, "censored": False, "seed": 0}
    faster = pd.DataFrame([{"variant": name, "ratio": 4.0, **flags} for name in ("from scratch", "fine-tuned")])
    faster.to_csv(tmp_path / "studies" / "clip_loss" / "speed_up.csv", index=False)
    assert status("clip_loss", "", tmp_path).endswith(
        "; from scratch, steps to the best score without it: 4 times, 1 seed (published: 18 times)"
    )


def test_where_no_building_is_known_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path, "studies/buildings/buildings", share_table(NOTHING, TableSettings(resamples=100), 0.5))
    assert status("buildings_kept", "", tmp_path) == NOT_RUN


def test_a_counter_that_cannot_judge_gives_no_verdict(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {
        "method": ["HR", "esrgan", "sr3"] * 2,
        "rule": ["centre"] * 3 + ["iou 0.5"] * 3,
        "decides": [True] * 3 + [False] * 3,
        "share": ["recall", "kept", "kept"] * 2,
        "value": [0.4, 0.5, 0.3, 0.1, 0.9, 0.9],
        "low": [0.3, 0.4, 0.2] * 2,
        "high": [0.5, 0.6, 0.4] * 2,
    }
    write_columns(tmp_path, "studies/buildings/buildings", **columns, judges=[True] * 6)
    kept = "kept: esrgan 50.0 % [40.0, 60.0], sr3 30.0 % [20.0, 40.0]; the counter itself finds 40.0 % on HR"
    assert status("buildings_kept", "", tmp_path) == kept
    write_columns(tmp_path, "studies/buildings/buildings", **columns, judges=[False] * 6)
    assert status("buildings_kept", "", tmp_path) == f"cannot judge ({kept})"


def test_buildings_come_with_the_counter_s_own_error(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {
        "method": ["HR", "HR", "esrgan", "sr3"],
        "share": ["recall", "kept", "kept", "kept"],
        "value": [0.25, 1.0, 0.5, 0.4],
        "low": [0.2, 1.0, 0.4, 0.3],
        "high": [0.3, 1.0, 0.6, 0.5],
    }
    write_columns(tmp_path, "studies/buildings/buildings", **columns)
    assert status("buildings_kept", "", tmp_path) == (
        "kept: esrgan 50.0 % [40.0, 60.0], sr3 40.0 % [30.0, 50.0]; the counter itself finds 25.0 % on HR"
    )


def test_a_counter_that_finds_nothing_says_so(tmp_path: Path) -> None:
    columns = {"method": ["HR", "esrgan", "sr3"], "share": ["recall", "kept", "kept"], "value": [0.0, None, None]}
    write_columns(tmp_path, "studies/buildings/buildings", **columns, low=[None] * 3, high=[None] * 3)
    assert status("buildings_kept", "", tmp_path) == "no verdict: the counter finds no building on HR"


def test_an_empty_table_claims_nothing(tmp_path: Path) -> None:
    write_columns(tmp_path, "studies/buildings/buildings", method=[], share=[], value=[], low=[], high=[])
    assert status("buildings_kept", "", tmp_path) == NOT_RUN
