"""The whole study at tiny size, in a clone: from nothing to the book, isolated from every other profile."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satsr.params import load_study

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


def satsr(project: Path, *arguments: str) -> str:
    """Run the command line of the clone's own code and return what it printed."""
    code = "from satsr.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(project)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def digests(project: Path) -> dict[str, str]:
    """Return the digests of what a run of another profile must not touch."""
    files = [p for name in ("params.yaml", "dvc.lock") if (p := project / name).is_file()]
    files += sorted(p for p in (project / "results" / "default").rglob("*") if p.is_file())
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def ran(project: Path) -> tuple[Path, str, dict[str, str], dict[str, str]]:
    before = digests(project)
    printed = satsr(project, "study", "--profile", "tiny")
    return project, printed, before, digests(project)


def test_it_ends_with_the_path_of_the_book(ran: tuple) -> None:
    last = ran[1].strip().splitlines()[-1]
    assert last.startswith("The book: ")
    assert Path(last.removeprefix("The book: ")).is_file()


def test_the_default_profile_is_byte_for_byte_as_before(ran: tuple) -> None:
    _, _, before, after = ran
    assert before
    assert after == before


def test_the_table_has_every_cell(ran: tuple) -> None:
    study = load_study(ran[0], "tiny")
    table = pd.read_csv(ran[0] / "results" / "tiny" / "main.csv")
    cells = {(m, s, p) for m in study.methods for s in study.evaluate.metrics for p in study.evaluate.protocols}
    assert set(zip(table.method, table.metric, table.protocol, strict=True)) == cells
    assert np.isfinite(table["mean"]).all()
    assert set(table.profile) == {"tiny"}


def test_scores_are_kept_per_image(ran: tuple) -> None:
    manifest = json.loads((ran[0] / "results" / "tiny" / "data.json").read_text())
    for method in load_study(ran[0], "tiny").methods:
        scores = pd.read_parquet(ran[0] / "results" / "tiny" / "scores" / f"{method}.parquet")
        assert scores.tile.nunique() == manifest["sets"]["test"]["chips"]


def test_a_second_run_runs_no_stage(ran: tuple) -> None:
    assert "Running stage" not in satsr(ran[0], "study", "--profile", "tiny")


def test_changing_one_method_marks_only_it_and_what_follows(ran: tuple) -> None:
    copy = ran[0] / ".runs" / "tiny"
    params = copy / "params.yaml"
    text = params.read_text()
    study = load_study(copy)
    params.write_text(text.replace(f"steps: {study.train['esrgan'].steps}", "steps: 13", 1))
    try:
        status = subprocess.run(
            [sys.executable, "-m", "dvc", "status", "--json"], cwd=copy, capture_output=True, text=True
        )
    finally:
        params.write_text(text)
    assert set(json.loads(status.stdout)) == {"train@esrgan"}
