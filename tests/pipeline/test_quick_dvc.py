"""DVC with the quick reading of its lock writes what DVC writes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PARAMETERS = {
    "rate": 1e-05,
    "text": {
        "like a number": "1e-3",
        "like a truth": "no",
        "like a date": "2024-01-02",
        "empty": "",
        "long": "a " * 60,
    },
    "list": [0.1, -0.0, 3, True, None, [], {"deep": ["x: y", "#"]}],
    "hexadecimal": "0123456789",
}
STAGES = {
    name: {
        "cmd": f"echo {name} {'and a long line of words ' * 6}> {name}",
        "deps": needs,
        "params": list(PARAMETERS),
        "outs": [name],
    }
    for name, needs in {"a": [], "b": ["a"], "c": ["b"]}.items()
}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which DVC may work."""
    folder = tmp_path_factory.mktemp("empty")
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], cwd=folder, check=True)
    return folder


def locks(folder: Path, module: str) -> list[str]:
    """Return the lock after each of three stages, one command for each, and after one that runs again."""
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}, sort_keys=False))
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMETERS))
    found = []
    for arguments in (["a"], ["b"], ["c"], ["--force", "b"]):
        command = [sys.executable, "-m", module, "repro", "--quiet", "--single-item", *arguments]
        subprocess.run(command, cwd=folder, check=True, env={**os.environ, "DVC_NO_ANALYTICS": "1"})
        found.append((folder / "dvc.lock").read_text())
    return found


def test_the_lock_is_the_same_byte_by_byte(empty: Path, tmp_path: Path) -> None:
    plain, quick = (shutil.copytree(empty, tmp_path / name) for name in ("plain", "quick"))
    expected = locks(plain, "dvc")
    assert len(set(expected)) == 3
    assert locks(quick, "satsr.pipeline.quick_dvc") == expected


def test_a_pipeline_file_keeps_its_comments(empty: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(empty, tmp_path / "commented")
    (folder / "dvc.yaml").write_text("# kept\nstages: {}\n")
    command = ["stage", "add", "--quiet", "--name", "a", "--outs", "a", "echo a > a"]
    subprocess.run([sys.executable, "-m", "satsr.pipeline.quick_dvc", *command], cwd=folder, check=True)
    assert "# kept" in (folder / "dvc.yaml").read_text()
