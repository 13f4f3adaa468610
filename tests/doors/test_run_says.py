"""What `make study` says before it begins and after it has ended, and the one time that is named for it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from satsr.pipeline.board import plan
from satsr.pipeline.jobs import jobs_of
from satsr.pipeline.run import changed_results
from satsr.pipeline.schedule import Schedule
from satsr.pipeline.seconds import own_seconds, read_seconds, write_seconds
from satsr.pipeline.stages import read_stages
from tests.conftest import ROOT

AUTHOR = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]


def test_the_plan_names_stages_workers_time_and_where_it_comes_from() -> None:
    begin = "stages to bring up to date: 43, 2 side by side"
    assert plan(43, 2, 3120.0, measured=True, usual=True) == f"{begin}; about 52 min, as the last time here"
    assert plan(43, 2, 3120.0, measured=False, usual=True) == f"{begin}; about 52 min on a usual processor"
    assert "min" not in plan(43, 2, 3120.0, measured=False, usual=False)


def test_only_what_ran_here_is_measured_here(tmp_path: Path) -> None:
    assert own_seconds(tmp_path) == {}
    write_seconds(tmp_path, {"data": 7.0})
    assert own_seconds(tmp_path) == {"data": 7.0}
    found = read_seconds(tmp_path)
    assert found["data"] == 7.0
    assert found["evaluate"] == read_seconds(tmp_path / "nowhere")["evaluate"]


def test_one_time_is_named_everywhere() -> None:
    """Under an hour on two cores: what the usual times of all stages make."""
    jobs = jobs_of(read_stages(ROOT), "default", yaml.safe_load((ROOT / "params.yaml").read_text()))
    minutes = Schedule(jobs, read_seconds(ROOT / "nowhere")).seconds_left(2, {}) / 60
    assert 40 < minutes < 60
    first_line = (ROOT / "params.yaml").read_text().splitlines()[0]
    pages = [first_line, *((ROOT / name).read_text() for name in ("README.md", "book/pages/running.md"))]
    assert all("two CPU cores" in page and "under an hour" in page for page in pages)


def test_changed_results_are_counted_and_can_be_undone(tmp_path: Path) -> None:
    table = tmp_path / "results" / "default" / "main.csv"
    table.parent.mkdir(parents=True)
    table.write_text("psnr,21.0\n")
    (tmp_path / "dvc.lock").write_text("lock\n")
    for arguments in (["init", "-q"], ["add", "-A"], [*AUTHOR, "commit", "-q", "-m", "committed"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    assert changed_results(tmp_path, "default") == ""
    table.write_text("psnr,21.1\n")
    (tmp_path / "elsewhere.txt").write_text("of no matter\n")
    said = changed_results(tmp_path, "default")
    assert said.startswith("files of dvc.lock and results/default that git sees changed: 1,")
    subprocess.run(said.split("`")[1].split(), cwd=tmp_path, check=True, capture_output=True)
    assert changed_results(tmp_path, "default") == ""
