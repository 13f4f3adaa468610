"""The page of the best larger run in git: nothing without one, and all that it left with one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from satsr.book.best_run import NONE, claims_table, reference_runs_page
from satsr.book.reference import best, facts_of, provenance_of
from satsr.common.paths import MAIN, Workspace
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN, main_table, markdown
from tests.conftest import ROOT
from tests.evaluation.test_tables import scores


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the list of claims, and no results."""
    (tmp_path / "book" / "published").mkdir(parents=True)
    shutil.copy(ROOT / "book" / "published" / "claims.csv", tmp_path / "book" / "published")
    return tmp_path


def write_run(project: Path, profile: str) -> Path:
    """Write what a run leaves in git, each table where its stage writes it."""
    here = Workspace(project, profile)
    folder = here.data_set(MAIN).results
    folder.mkdir(parents=True)
    main = main_table(scores({"esrgan": 22.0, "sr3": 20.0}, seeds=3), TableSettings(resamples=100), "made up", profile)
    main.to_csv(folder / "main.csv", index=False)
    distances = pd.DataFrame({"method": ["esrgan", "sr3"], "metric": "fid", "value": [12.5, 3.0], "seed": 0})
    distances.to_csv(folder / "set_distances.csv", index=False)
    duel = {"metric": "cpsnr", "protocol": "corrected", "a": "esrgan", "b": "sr3", "difference": 2.0, "low": 1.9}
    duel |= {"high": 2.1, "p": 0.01, "p_holm": 0.01, "cliffs_delta": 1.0, "images": 18, "regions": 6, "seeds": 3}
    pd.DataFrame([{**duel, "verdict": "a beats b"}]).to_csv(folder / "comparisons.csv", index=False)
    costs = pd.DataFrame({"method": ["esrgan", "sr3"], "gflop": [1.0, 20.0]})
    costs.to_csv(here.study("speed") / "costs.csv", index=False)
    steps = pd.DataFrame({"method": ["sr3"] * 2, "steps": [1, 8], "metric": "psnr", "mean": [20.0, 21.5]})
    steps.to_csv(here.study("speed") / "steps.csv", index=False)
    facts = {"profile": profile, "date": "2026-01-02", "git commit": "abc123", "GPU": "none", "processor": "a CPU"}
    runs = {"10_data": {"wall_s": 300.0}, "speed": {}}
    (here.results / "run.json").write_text(json.dumps({**facts, "runs": runs}))
    return here.results


def test_a_run_that_is_still_being_made_is_none(project: Path) -> None:
    """Its own book is built in the copy of its profile, before its results come back with their provenance."""
    (write_run(project, "overnight") / "run.json").unlink()
    assert best(project) is None
    assert reference_runs_page(project) == NONE


def test_without_a_run_the_page_says_so(project: Path) -> None:
    assert best(project) is None
    assert reference_runs_page(project) == NONE
    assert list(claims_table(project, project / "results" / "default")) == ["source", "claim", "this run"]


def test_the_page_shows_what_the_run_left(project: Path) -> None:
    write_run(project, "overnight")
    text = reference_runs_page(project)
    for fact in ("**overnight**, of 2026-01-02", "`abc123`", "on a CPU", "took 5 minutes", "18 images of 6 regions"):
        assert fact in text
    assert "| esrgan | 22." in text
    assert "| 12.5 |" in text
    assert "- esrgan beats sr3" in text
    assert "| psnr | sr3 | 20.000 | 21.500 |" in text
    assert "## Buildings" not in text  # this run has none


def test_claims_have_a_verdict_per_run(project: Path) -> None:
    overnight = write_run(project, "overnight")
    table = claims_table(project, project / "results" / "default")
    speed = table[table.claim.str.contains("faster than SR3")].iloc[0]
    assert speed["this run"] == NOT_RUN
    assert speed["reference run (overnight)"].startswith("20 times fewer operations")
    assert "reference run (overnight)" not in claims_table(project, overnight)


def test_a_gpu_comes_before_a_night(project: Path) -> None:
    write_run(project, "overnight")
    assert best(project) == project / "results" / "overnight"
    write_run(project, "gpu")
    assert best(project) == project / "results" / "gpu"


def test_a_part_has_its_own_commit_and_date(project: Path) -> None:
    results = write_run(project, "overnight")
    run = json.loads((results / "run.json").read_text())
    part = {"commit": "def456", "date": "2026-03-04", "GPU": "a GPU", "processor": "a CPU"}
    (results / "run.json").write_text(json.dumps({**run, "parts": {"clip_loss": part}}))
    assert facts_of(results, "clip_loss") == part
    assert provenance_of(results, "clip_loss") == (
        "profile **overnight**, of 2026-03-04, commit `def456`, on a GPU, a CPU"
    )
    assert provenance_of(results, "evaluate") == "profile **overnight**, of 2026-01-02, commit `abc123`, on a CPU"


def test_a_run_of_parts_alone_has_a_page(project: Path) -> None:
    results = write_run(project, "gpu")
    part = {"commit": "def456", "date": "2026-03-04", "GPU": "a GPU", "processor": "a CPU"}
    (results / "run.json").write_text(json.dumps({"profile": "gpu", "parts": {"main_table": part}}))
    assert "profile **gpu**, of 2026-03-04, commit `def456`, on a GPU, a CPU" in reference_runs_page(project)


def test_pipes_do_not_end_a_cell() -> None:
    assert markdown(pd.DataFrame({"a": ["x|y"], "b": [None]})) == "| a | b |\n| --- | --- |\n| x\\|y | None |"
