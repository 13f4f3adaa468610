"""What is passed over without asking DVC: only what nothing has touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from satsr.pipeline.jobs import Job
from satsr.pipeline.stages import Stage
from satsr.pipeline.stamps import Stamps

TEXT = {"cmd": "make", "deps": ["code", "in"], "params": ["train.srcnn"], "outs": ["out"]}
JOB = Job("make", Stage("make", TEXT), "", ("code", "in"), ("out",), frozenset())
PARAMETERS = {"train": {"srcnn": {"steps": 3}, "esrgan": {"steps": 4}}}


@pytest.fixture
def where(tmp_path: Path) -> Path:
    for name in ("code/a.py", "in/a.png", "in/deep/b.png", "out/result.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"make": {"cmd": "make"}, "other": {}}}))
    stamps = stamps_of(tmp_path)
    stamps.write(JOB, stamps.before(JOB))
    return tmp_path


def stamps_of(where: Path, parameters: dict | None = None) -> Stamps:
    return Stamps(where, where / "stamps", parameters or PARAMETERS)


def test_nothing_touched_is_fresh(where: Path) -> None:
    assert stamps_of(where).fresh(JOB)


def test_a_job_without_a_stamp_is_not(where: Path) -> None:
    (where / "stamps" / "make").unlink()
    assert not stamps_of(where).fresh(JOB)


def edit(path: Path) -> None:
    path.write_text(path.read_text().upper())  # of the same length
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("name", ["code/a.py", "in/a.png", "in/deep/b.png", "out/result.csv"])
def test_a_touched_file_is_noticed(where: Path, name: str) -> None:
    edit(where / name)
    assert not stamps_of(where).fresh(JOB)


@pytest.mark.parametrize("name", ["in/c.png", "out/more.csv", "code/deep/b.py"])
def test_a_new_file_is_noticed(where: Path, name: str) -> None:
    (where / name).parent.mkdir(exist_ok=True)
    (where / name).write_text("")
    assert not stamps_of(where).fresh(JOB)


@pytest.mark.parametrize("name", ["in/deep/b.png", "out/result.csv"])
def test_a_missing_file_is_noticed(where: Path, name: str) -> None:
    (where / name).unlink()
    assert not stamps_of(where).fresh(JOB)


def test_bytecode_is_not_looked_at(where: Path) -> None:
    (where / "code" / "__pycache__").mkdir()
    (where / "code" / "__pycache__" / "a.pyc").write_text("")
    assert stamps_of(where).fresh(JOB)


def test_only_its_own_parameters_count(where: Path) -> None:
    assert not stamps_of(where, {"train": {"srcnn": {"steps": 5}, "esrgan": {"steps": 4}}}).fresh(JOB)
    assert stamps_of(where, {"train": {"srcnn": {"steps": 3}, "esrgan": {"steps": 5}}}).fresh(JOB)


def test_another_text_in_dvc_yaml_is_noticed(where: Path) -> None:
    changed = Job("make", Stage("make", {**TEXT, "cmd": "make it"}), "", JOB.needs, JOB.makes, JOB.after)
    assert not stamps_of(where).fresh(changed)


def test_its_part_of_the_lock_counts(where: Path) -> None:
    (where / "dvc.lock").write_text(yaml.safe_dump({"stages": {"make": {"cmd": "make"}, "other": {"cmd": "x"}}}))
    assert stamps_of(where).fresh(JOB)
    (where / "dvc.lock").write_text(yaml.safe_dump({"stages": {"other": {"cmd": "x"}}}))
    assert not stamps_of(where).fresh(JOB)


def test_what_is_edited_while_it_runs_is_not_fresh_afterwards(where: Path) -> None:
    stamps = stamps_of(where)
    before = stamps.before(JOB)
    edit(where / "in" / "a.png")
    (where / "out" / "result.csv").write_text("made from what was there before")
    stamps.write(JOB, before)
    assert not stamps_of(where).fresh(JOB)


def test_what_a_job_has_made_is_looked_at_again(where: Path) -> None:
    stamps = stamps_of(where)
    assert stamps.fresh(JOB)
    (where / "out" / "result.csv").write_text("other")
    stamps.write(JOB, stamps.before(JOB))
    assert stamps_of(where).fresh(JOB)
