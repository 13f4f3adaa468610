"""Every notebook by papermill, from another folder, with the defaults of its parameters cell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.conftest import ROOT
from tests.made import warm_python

NAMES = sorted(p.name for p in (ROOT / "notebooks").glob("*.ipynb"))
COLD = "30_train.ipynb"  # by a new Python; the others save themselves the imports


@pytest.mark.notebook
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_runs_by_itself(name: str, project: Path, warm: dict[str, str], tmp_path: Path) -> None:
    """In order, so that later notebooks find the sketch of earlier ones; each would make it otherwise."""
    elsewhere = project / "notebooks"  # where JupyterLab starts a kernel
    python = [sys.executable] if name == COLD else warm_python.python(warm)
    command = [*python, "-m", "papermill", str(elsewhere / name), str(tmp_path / name), "--no-progress-bar"]
    done = subprocess.run(command, cwd=elsewhere, env=warm, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    cells = nbformat.read(tmp_path / name, as_version=4).cells
    assert all(c.execution_count for c in cells if c.cell_type == "code")
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=project, capture_output=True, text=True).stdout
    assert not changed, f"running {name} by hand changed files of the project:\n{changed}"
