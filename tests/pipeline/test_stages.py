"""A stage must rerun when any code that its notebook runs has changed, so it has to list all of it."""

from __future__ import annotations

import re

import pytest
import yaml

from tests.pipeline.closure import ROOT, closure, notebook_modules

FILES = [ROOT / "dvc.yaml", ROOT / "real" / "stages.yaml"]
STAGES = {
    name: stage.get("do", stage) for file in FILES for name, stage in yaml.safe_load(file.read_text())["stages"].items()
}


def notebook_of(stage: dict) -> str:
    return re.search(r"notebooks/\w+\.ipynb", stage["cmd"]).group()


@pytest.mark.parametrize("name", STAGES)
def test_imports_are_dependencies(name: str) -> None:
    stage = STAGES[name]
    needed = notebook_modules(ROOT / notebook_of(stage)) | {notebook_of(stage)}
    listed = {d for d in stage["deps"] if d.startswith(("satsr/", "notebooks/"))}
    assert not needed - listed, f"stage {name} does not list: {sorted(needed - listed)}"
    assert not listed - needed, f"stage {name} lists what it does not use: {sorted(listed - needed)}"


@pytest.mark.parametrize("name", STAGES)
def test_parameters_passed_are_parameters_tracked(name: str) -> None:
    """A block that reaches a notebook without being tracked would leave stale results."""
    stage = STAGES[name]
    passed = re.search(r"--params (.*?) -p", " ".join(stage["cmd"].split())).group(1).split()
    assert set(passed) <= set(stage.get("params", []))


def test_every_notebook_has_a_stage() -> None:
    used = {notebook_of(stage) for stage in STAGES.values()}
    assert used == {f"notebooks/{p.name}" for p in (ROOT / "notebooks").glob("*.ipynb")}


def test_closure_follows_imports_of_imports() -> None:
    found = closure({"satsr.training.losses"})
    assert {
        "satsr/training/losses.py",
        "satsr/metrics/ssim.py",
        "satsr/metrics/__init__.py",
        "satsr/__init__.py",
    } <= found
    assert "satsr/metrics/cpsnr.py" not in found
