"""Profiles in copies of their own, and one clear line for what cannot run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from satsr.cli import app as cli
from satsr.pipeline import run as study
from satsr.pipeline.doctor import BAD, examine, locked_versions
from satsr.pipeline.jobs import chosen, jobs_of, with_makers
from satsr.pipeline.params import load_study
from satsr.pipeline.stages import read_stages
from satsr.pipeline.threads import limit_threads
from tests.conftest import ROOT


def test_a_copy_has_the_code_and_its_own_parameters(project: Path) -> None:
    copy = study.prepare_copy(project, load_study(project, "tiny"))
    code = "satsr/pipeline/params.py"
    assert (copy / code).read_bytes() == (project / code).read_bytes()
    assert yaml.safe_load((copy / "params.yaml").read_text())["profile"] == "tiny"
    assert load_study(copy) == load_study(project, "tiny")
    # tables list variants in the order in which they are written
    assert list(load_study(copy).clip_loss.variants) == list(load_study(project).clip_loss.variants)
    assert not (copy / "results" / "default").exists()


def test_folders_of_downloads_are_full_paths_in_a_copy(project: Path) -> None:
    tiny = load_study(project, "tiny")
    there = tiny.data_sets["probav"].model_copy(update={"path": "../probav"})
    named = tiny.model_copy(update={"data_sets": {**tiny.data_sets, "probav": there}})
    copy = study.prepare_copy(project, named)
    found = load_study(copy).data_sets
    assert Path(found["probav"].path) == (project / ".." / "probav").resolve()
    assert found["fmow"].path == ""


def test_a_refreshed_copy_drops_what_the_project_dropped_and_keeps_what_it_made(project: Path) -> None:
    tiny = load_study(project, "tiny")
    copy = study.prepare_copy(project, tiny)
    for name in ("satsr/gone.py", "scratch/made.png"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_text("")
    study.prepare_copy(project, tiny)
    assert not (copy / "satsr" / "gone.py").exists()
    assert (copy / "scratch" / "made.png").exists()


def test_a_name_that_only_begins_like_what_is_kept_is_dropped(project: Path) -> None:
    overnight = load_study(project, "overnight")
    copy = study.prepare_copy(project, overnight)
    kept, dropped = ("data/made.png", "dvc.lock"), ("data_x/made.png", "bookmarks.md", "dvc.lock.txt")
    for name in (*kept, *dropped):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("")
    study.prepare_copy(project, overnight)
    assert [name for name in (*kept, *dropped) if (copy / name).exists()] == list(kept)


def test_results_come_back_whole_with_their_provenance(tmp_path: Path) -> None:
    copy, root = tmp_path / "copy", tmp_path / "root"
    for name in ("requirements.lock", "params.yaml", "dvc.yaml"):
        for where in (copy, root):
            where.mkdir(exist_ok=True)
            (where / name).write_text((ROOT / name).read_text())
    (copy / "results" / "tiny").mkdir(parents=True)
    (copy / "results" / "tiny" / "main.csv").write_text("new")
    (root / "results" / "tiny").mkdir(parents=True)
    (root / "results" / "tiny" / "stale.csv").write_text("old")
    study.bring_back(copy, root, "tiny")
    assert sorted(p.name for p in (root / "results" / "tiny").iterdir()) == ["main.csv", "run.json"]
    assert [p.name for p in (root / "results").iterdir()] == ["tiny"]


def test_parts_come_back_beside_what_is_there(tmp_path: Path) -> None:
    """Each with the commit, date and machine of its own run; what else the copy holds stays there."""
    copy, root = tmp_path / "copy", tmp_path / "root"
    for name in ("requirements.lock", "params.yaml", "dvc.yaml"):
        for where in (copy, root):
            where.mkdir(exist_ok=True)
            (where / name).write_text((ROOT / name).read_text())
    for name in ("studies/clip_loss/means.csv", "studies/agreement/judges.json"):
        (copy / "results" / "tiny" / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / "results" / "tiny" / name).write_text("new")
    for name in ("studies/clip_loss/stale.csv", "studies/agreement/judges.json"):
        (root / "results" / "tiny" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "results" / "tiny" / name).write_text("old")
    (root / "results" / "tiny" / "run.json").write_text(
        json.dumps({"date": "then", "parts": {"images": {"date": "x"}}})
    )
    facts = {"61_clip_loss": {"commit": "abc", "wall_s": 5}, "variants_clip_loss": {"samples_per_s": {"a": 1.0}}}
    for name, own in {**facts, "30_train_srcnn": {"commit": "def"}}.items():
        (copy / "logs" / "tiny").mkdir(parents=True, exist_ok=True)
        (copy / "logs" / "tiny" / f"{name}.json").write_text(json.dumps(own))
    jobs = jobs_of(read_stages(ROOT), "tiny", load_study(ROOT, "tiny").model_dump())
    study.bring_parts_back(copy, root, "tiny", [jobs["clip_loss"]])
    there = sorted(p.relative_to(root / "results" / "tiny").as_posix() for p in (root / "results").rglob("*.*"))
    assert there == ["run.json", "studies/agreement/judges.json", "studies/clip_loss/means.csv"]
    assert (root / "results" / "tiny" / "studies" / "agreement" / "judges.json").read_text() == "old"
    run = json.loads((root / "results" / "tiny" / "run.json").read_text())
    assert (run["date"], run["parts"]["images"], run["runs"]) == ("then", {"date": "x"}, facts)
    assert run["parts"]["clip_loss"]["commit"] == "abc"
    assert set(run["parts"]["clip_loss"]) > {"lock digest", "versions"}


def test_a_stage_that_a_profile_never_runs_is_refused_before_anything_is_copied() -> None:
    with pytest.raises(ValueError, match="profile tiny does not run four_data_sets: name other stages"):
        study.run_study(ROOT, "tiny", only=["data", "four_data_sets"], without="data_sets")


def test_parts_are_what_is_named_and_what_that_needs() -> None:
    jobs = jobs_of(read_stages(ROOT), "tiny", load_study(ROOT, "tiny").model_dump())
    assert chosen(jobs, []) == list(jobs)
    assert chosen(jobs, ["clip_loss", "perception"]) == ["perception@loss", "perception@judge", "clip_loss"]
    needed = ["code", "data", "perception@loss", "perception@judge", "agreement", "variants", "clip_loss"]
    assert list(with_makers(jobs, ["clip_loss"])) == needed
    with pytest.raises(ValueError, match="got stage clip_los, expected some of code, data, perception, "):
        chosen(jobs, ["clip_los"])


def test_a_folder_without_git_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="is no git clone: clone the project with git"):
        study.source_files(tmp_path)


@pytest.mark.parametrize(
    ("profile", "message"),
    [("tinny", "unknown profile 'tinny'"), ("paper", "profile paper needs s2naip at"), ("real", "no real images at")],
)
def test_what_cannot_run_is_said_in_one_line(
    profile: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tmp_path / "project"
    (project / "profiles").mkdir(parents=True)
    for name in ("params.yaml", "dvc.yaml", *(f"profiles/{p.name}" for p in (ROOT / "profiles").iterdir())):
        (project / name).write_text((ROOT / name).read_text())
    monkeypatch.chdir(project)
    monkeypatch.setattr("sys.argv", ["satsr", "study", "--profile", profile])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith(f"satsr: {message}")
    assert "\n" not in error


@pytest.mark.parametrize("jobs", ["0", "-2"])
def test_a_study_without_workers_is_refused(
    jobs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["satsr", "study", "--jobs", jobs])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err.strip() == (
        f"satsr: got --jobs {jobs}, expected a whole number from 1: how many stages run side by side"
    )


def test_a_failure_names_the_stage_and_what_was_not_run() -> None:
    reasons = {"train@sr3": "got 3, expected 4", "evaluate": "", "main_table": ""}
    assert study._what_failed(reasons).splitlines() == [
        "stage train@sr3 failed: got 3, expected 4",
        "not run, since it needs what failed: evaluate, main_table",
    ]


@pytest.mark.parametrize(("said", "count"), [(None, "1"), ("3", "3")])
def test_a_stage_has_one_thread_unless_somebody_says(
    said: str | None, count: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATSR_THREADS", said) if said else monkeypatch.delenv("SATSR_THREADS", raising=False)
    environment = {"OMP_NUM_THREADS": "8", "PATH": "/bin"}
    limit_threads(environment)
    counts = {name: count for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    assert environment == {**counts, "PATH": "/bin"}


def test_threads_that_are_no_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SATSR_THREADS", "many")
    with pytest.raises(ValueError, match="SATSR_THREADS = 'many', expected a whole number from 1"):
        limit_threads({})


def test_changed_images_are_noticed(tmp_path: Path) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text().replace("source: world ", "source: folder "))
    (tmp_path / "params.yaml").write_text((tmp_path / "params.yaml").read_text().replace('path: ""', "path: images"))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_text("a")
    assert not study._changed_sources(tmp_path)
    assert not study._changed_sources(tmp_path)
    (tmp_path / "images" / "b.png").write_text("b")
    assert list(study._changed_sources(tmp_path)) == ["data"]
    changed = study._changed_sources(tmp_path)
    assert list(changed) == ["data"], "a change is not forgotten before its stage has run"
    changed["data"]()
    assert not study._changed_sources(tmp_path)


def test_changed_files_of_a_downloaded_data_set_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text((ROOT / "dvc.yaml").read_text())
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["data_sets"]["probav"]["path"] = "probav"
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(values))
    (tmp_path / "probav").mkdir()
    assert not study._changed_sources(tmp_path)
    (tmp_path / "probav" / "norm.csv").write_text("imgset0000 45")
    assert list(study._changed_sources(tmp_path)) == ["data_sets"]


def test_doctor_finds_the_environment_complete() -> None:
    states = {what: state for what, state, _ in examine(ROOT)}
    assert states["environment"] != BAD
    assert {"processor", "GPU", "free disk", "default data", "real imagery", "book"} <= set(states)


def test_doctor_reads_only_this_machines_part_of_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("a==1.0 ; python_full_version < '3.0' \\\n    --hash=sha256:0\nb==2.0 \\\n    --hash=sha256:1\n")
    assert locked_versions(lock) == {"b": {"2.0"}}
