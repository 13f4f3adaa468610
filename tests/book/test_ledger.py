"""The ledger: a word by one rule, numbers from tables, and an error where either cannot be had."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satsr.book.ledger.evidence import EVIDENCE
from satsr.book.ledger.figure import gains_figure
from satsr.book.ledger.page import (
    THIS,
    gains,
    ledger_page,
    limits,
    lines_of,
    read_ledger,
    sentences,
    tables_to_copy,
)
from satsr.book.ledger.table import CLAIMS, read_claims
from satsr.book.ledger.words import MEANS, Part, word, word_of_all
from satsr.common.paths import Workspace
from satsr.perception.roles import save_judges
from satsr.pipeline.stages import read_stages
from tests.conftest import ROOT

MADE = {path for stage in read_stages(ROOT).values() for path in stage.makes("tiny")}
NO = math.nan


def write(results: Path, name: str, **columns: list[object]) -> None:
    """Write a table of a run where its stage does."""
    path = results / name
    assert any(f"results/tiny/{name}".startswith(made) for made in MADE), f"no stage makes {name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Part("", 0.5, 0.2, 0.8), "reproduced"),  # no size is known: the side is all
        (Part("", 0.5, 0.2, 0.8, published=0.7), "reproduced"),
        (Part("", 0.5, 0.2, 0.8, published=0.1), "reproduced"),
        (Part("", 0.5, 0.2, 0.8, published=0.9), "trend"),
        (Part("", 0.1, -0.2, 0.4, published=0.3), "cannot be decided"),
        (
            Part("", 0.1, -0.2, 0.4, published=0.5),
            "not reproduced",
        ),  # nothing is in it, the size is not
        (Part("", 0.1, -0.2, 0.4), "cannot be decided"),
        (Part("", -0.3, -0.4, -0.2), "not reproduced"),
        (Part("", 0.5, 0.2, 0.8, wanting="one seed"), "cannot be decided"),
        (Part("", 0.5), "cannot be decided"),  # no interval
        (Part(""), "not run"),
        (Part("", 2.0, 1.5, 3.0, "x", 18.0), "trend"),
        (Part("", 2.0, 1.0, 3.0, "x", 18.0), "not reproduced"),
        (Part("", 0.1, -0.1, 0.3, kind="no more"), "cannot be decided"),
        (Part("", -0.1, -0.2, -0.05, kind="no more"), "reproduced"),
        (Part("", 0.1, 0.05, 0.3, kind="no more"), "not reproduced"),
        (Part("", -0.01, -0.05, 0.03, published=0.1, kind="no worse"), "reproduced"),
        (Part("", -0.01, -0.15, 0.03, published=0.1, kind="no worse"), "cannot be decided"),
        (Part("", -0.3, -0.4, -0.2, published=0.1, kind="no worse"), "not reproduced"),
        (Part("", 12.0, unit="x", published=200.0, kind="exact"), "trend"),
        (Part("", 300.0, unit="x", published=200.0, kind="exact"), "reproduced"),
        (Part("", 0.9, unit="x", kind="exact"), "not reproduced"),
        (Part("", 0.5, 0.2, 0.8, own=True), "shown"),
        (Part("", 0.5, -0.2, 0.8, own=True), "not shown"),
        (Part("", 0.93, 0.91, 0.95, "share", own=True, least=0.9), "shown"),
        (Part("", 0.92, 0.89, 0.95, "share", own=True, least=0.9), "not shown"),
    ],
)
def test_one_rule_gives_the_word(part: Part, expected: str) -> None:
    assert word(part) == expected


def test_a_claim_is_as_strong_as_its_weakest_part() -> None:
    strong, trend, weak = Part("", 1.0, 0.5, 1.5), Part("", 0.5, 0.2, 0.8, published=2.0), Part("", 0.1, -1.0, 1.0)
    assert word_of_all([strong, trend]) == "trend"
    assert word_of_all([strong, trend, weak]) == "cannot be decided"
    assert word_of_all([strong, weak, Part("", -1.0, -2.0, -0.5)]) == "not reproduced"
    assert word_of_all([strong, Part("")]) == "reproduced", "what was not run says nothing"
    assert word_of_all([]) == word_of_all([Part("")]) == "not run"


def test_numbers_are_written_with_sign_interval_and_unit() -> None:
    assert Part("of pairs", -0.067, -0.12, -0.004, "%").text() == "-6.7 [-12.0, -0.4] points of pairs"
    assert Part("covered", 0.959, 0.952, 0.965, "share").text() == "95.9 [95.2, 96.5] % covered"
    assert Part("fewer steps", 2.83, 2.0, 4.0, "x").text() == "2.83 [2, 4] times fewer steps"
    assert Part("operations", 5049.3, unit="x").text() == "5,049 times operations"
    assert Part("LPIPS", 0.376, 0.219, 0.533).text() == "+0.376 [+0.219, +0.533] LPIPS"
    assert Part("nothing").text() == ""


@pytest.mark.parametrize("rule", sorted(EVIDENCE))
def test_without_a_run_nothing_is_said(rule: str, tmp_path: Path) -> None:
    assert word_of_all(EVIDENCE[rule](tmp_path)) == "not run"


def test_every_claim_has_a_rule_or_a_reason_a_page_and_rows_that_a_stage_makes() -> None:
    claims = read_claims(ROOT)
    assert {claim.rule for claim in claims} - {""} == set(EVIDENCE)
    shown = re.findall(r"file: (\S+)", (ROOT / "book" / "_toc.yml").read_text())
    for claim in claims:
        assert claim.page in shown, claim.claim
        assert not claim.table or any(f"results/tiny/{claim.table}".startswith(made) for made in MADE), claim.table


def row(a: str, b: str, difference: float, verdict: str, metric: str = "lpips:judge") -> dict[str, object]:
    ends = {"low": difference - 0.1, "high": difference + 0.1}
    return {
        "metric": metric,
        "protocol": "corrected",
        "a": a,
        "b": b,
        "difference": difference,
        **ends,
        "verdict": verdict,
    }


def test_a_comparison_is_turned_so_that_more_is_what_is_claimed(tmp_path: Path) -> None:
    rows = [
        row("satdiffmoe", "controlnet", -0.4, "a beats b"),  # less LPIPS is better
        row("srcnn", "satdiffmoe", -0.3, "a beats b"),
        row("esrgan", "srcnn", 0.3, "a beats b", "clipscore:judge"),
        row("esrgan", "highresnet", 0.2, "one seed: not said", "clipscore:judge"),
    ]
    folder = tmp_path / "data" / "s2naip"
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "comparisons.csv", index=False)
    fused = {part.of: part for part in EVIDENCE["fusion_against_others"](tmp_path)}
    assert fused["LPIPS better than controlnet"].estimate == pytest.approx(0.4)
    assert fused["LPIPS better than controlnet"].low == pytest.approx(0.3)
    assert fused["LPIPS better than srcnn"].estimate == pytest.approx(-0.3)
    assert word_of_all(list(fused.values())) == "not reproduced"
    sharper = EVIDENCE["sharper_than_regression"](tmp_path)
    assert [word(part) for part in sharper] == ["reproduced", "cannot be decided"]
    assert sharper[1].wanting == "one seed"


def test_an_interval_that_the_tables_own_rule_does_not_show_is_not_enough(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "s2naip"
    folder.mkdir(parents=True)
    pd.DataFrame([row("satdiffmoe", "controlnet", -0.4, "not shown")]).to_csv(folder / "comparisons.csv", index=False)
    (part,) = EVIDENCE["fusion_against_others"](tmp_path)
    assert (word(part), part.wanting) == ("cannot be decided", "p after Holm")


def test_agreement_is_compared_by_the_judge_that_was_chosen_and_with_the_widest_interval(tmp_path: Path) -> None:
    here = Workspace(tmp_path, "tiny")
    kinds = {"psnr": 0.6, "ssim": 0.5, "cpsnr": 0.55, "clipscore:resnet": 0.9, "clipscore:other": 0.1}
    low, high = ([value + by for value in kinds.values()] for by in (-0.05, 0.05))
    same = {"kind": ["macro average"] * 5, "protocol": ["corrected"] * 5}
    write(
        here.results, "studies/agreement/agreement.csv",
        metric=list(kinds), agreement=list(kinds.values()), low=low, high=high, **same,
    )  # fmt: skip
    save_judges(here, {"clip": "resnet", "trunk": "judge"}, {})
    first = EVIDENCE["metric_agreement"](here.results)[0]
    assert first.estimate == pytest.approx(0.3)
    assert (first.low, first.high) == (pytest.approx(0.2), pytest.approx(0.4))
    some = pd.read_csv(here.results / "studies/agreement/agreement.csv")
    some[some.metric != "ssim"].to_csv(here.results / "studies/agreement/agreement.csv", index=False)
    assert [part.of for part in EVIDENCE["metric_agreement"](here.results)] == [
        "of pairs against psnr",
        "of pairs against cpsnr",
    ]


def test_a_study_whose_baseline_failed_cannot_be_decided(tmp_path: Path) -> None:
    write(
        tmp_path, "studies/clip_loss/claims.csv",
        metric=["clipscore:judge"], protocol=["corrected"], a=["from scratch"], b=["without"], difference=[0.1],
        low=[0.05], high=[0.15], verdict=["a beats b"],
    )  # fmt: skip
    write(
        tmp_path, "studies/clip_loss/speed_up.csv",
        variant=["from scratch"] * 2 + ["cosine"], seed=[0, 1, 0], ratio=[2.0, 8.0, 100.0],
        censored=[False] * 3, at_first=[False, False, True],
    )  # fmt: skip
    decision = tmp_path / "studies/clip_loss/decision.json"
    decision.write_text(json.dumps({"decision": "", "hidden": {}}))
    gained, faster = EVIDENCE["clip_loss"](tmp_path)
    assert (gained.estimate, gained.published) == (0.1, 0.09)
    assert (faster.estimate, faster.low, faster.high) == (pytest.approx(4.0), 2.0, 8.0)
    assert (word(gained), word(faster)) == ("reproduced", "trend")
    decision.write_text(json.dumps({"decision": "", "hidden": {"without": "without is not better than bicubic"}}))
    assert word(EVIDENCE["clip_loss"](tmp_path)[0]) == "cannot be decided"


@pytest.mark.parametrize(
    ("limit", "said"),
    [("censored", "never reached: at most"), ("at_first", "reached at the first look: at least")],
)
def test_a_speed_up_that_is_only_a_limit_decides_nothing(limit: str, said: str, tmp_path: Path) -> None:
    columns = {"seed": [0, 1], "ratio": [6.0, 9.0], "censored": [False] * 2, "at_first": [False] * 2}
    write(tmp_path, "studies/convergence/convergence.csv", **columns)
    (part,) = EVIDENCE["convergence"](tmp_path)
    assert word(part) == "reproduced"
    write(tmp_path, "studies/convergence/convergence.csv", **{**columns, limit: [False, True]})
    (part,) = EVIDENCE["convergence"](tmp_path)
    assert (word(part), part.wanting) == ("cannot be decided", said)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with its claims and one run."""
    (tmp_path / CLAIMS).parent.mkdir(parents=True)
    shutil.copy(ROOT / CLAIMS, tmp_path / CLAIMS)
    results = tmp_path / "results" / "default"
    rows = [row("bicubic", "esrgan", -0.2, "exploratory", metric) for metric in ("psnr", "cpsnr", "clipscore:judge")]
    rows[0] |= {"difference": -4.0, "low": -5.0, "high": -3.0}
    (results / "data" / "s2naip").mkdir(parents=True)
    pd.DataFrame(rows).to_csv(results / "data" / "s2naip" / "comparisons.csv", index=False)
    write(results, "studies/speed/costs.csv", method=["esrgan", "sr3"], gflop=[1.0, 20.0])
    return tmp_path


def test_the_page_has_a_row_per_claim_with_word_tooltip_and_links(project: Path) -> None:
    ledger = read_ledger(project, project / "results" / "default")
    page = ledger_page(ledger, project / "results" / "real")
    assert page.count("<tr>") == len(read_claims(project)) + 1
    speed = next(line for line in page.splitlines() if "faster than SR3" in line)
    assert f'<span class="verdict trend" title="{MEANS["trend"]}"' in speed
    assert "20 times fewer operations" in speed
    assert 'href="../notebooks/35_speed.html"' in speed
    assert 'href="../_sources/notebooks/35_speed.ipynb"' in speed
    assert 'href="../tables/default/studies/speed/costs.csv"' in speed
    assert "reference run" not in page.split("<table")[1], "there is none"
    assert tables_to_copy(ledger)["tables/default/studies/speed/costs.csv"].is_file()
    (line,) = lines_of(ledger, "notebooks/35_speed")
    assert "20 times fewer operations" in line


def test_how_much_of_a_gain_is_only_tone_is_computed(project: Path) -> None:
    results = project / "results" / "default"
    table = gains(results).set_index("metric")
    assert table["mean"].to_dict() == {"psnr": 4.0, "cpsnr": pytest.approx(0.2), "clipscore:judge": pytest.approx(0.2)}
    (said,) = sentences({"this run": results}, project / "results" / "real")
    assert "change PSNR by +4.0 to +4.0 dB" in said
    assert "of the median gain 95 % is only tone" in said
    assert gains_figure(gains(results)) == gains_figure(gains(results)), "or the book would be built again"
    assert limits(results) == "Not run in this profile.\n"


def test_rows_for_machines_hold_the_same(project: Path) -> None:
    rows = read_ledger(project, project / "results" / "default").table(THIS)
    assert set(rows.profile) == {"default"}
    speed = rows[rows.claim.str.contains("faster than SR3")].iloc[0]
    assert (speed.estimate, speed.published, speed.word, speed.unit) == (20.0, 200.0, "trend", "x")
    assert set(rows.word) <= set(MEANS)
    assert (rows[rows.estimate.isna()].word == "not run").all()


def test_what_cannot_be_judged_stops_the_book_and_is_named(project: Path) -> None:
    results = project / "results" / "default"
    write(results, "studies/speed/costs.csv", method=["esrgan", "sr3"], operations=[1.0, 20.0])
    with pytest.raises(ValueError, match=r"costs\.csv: the rule speed_ratio of .* needs .*gflop"):
        read_ledger(project, results)
    table = pd.read_csv(project / CLAIMS, dtype=str, keep_default_na=False)
    table.assign(rule=np.where(table.rule == "scaling", "scalling", table.rule)).to_csv(project / CLAIMS, index=False)
    with pytest.raises(ValueError, match=r"'Performance scales.*': unknown rule 'scalling', expected one of"):
        read_claims(project)
    table.assign(rule="").to_csv(project / CLAIMS, index=False)
    with pytest.raises(ValueError, match=r"has no rule, expected one, or a status that says why not"):
        read_claims(project)
    table.drop(columns="page").to_csv(project / CLAIMS, index=False)
    with pytest.raises(ValueError, match=r"claims\.csv: no column page"):
        read_claims(project)
