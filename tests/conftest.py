"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from satsr.paths import real_data
from satsr.study import source_files

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone-like copy of the project with its committed results, in which tests may run anything."""
    copy = tmp_path_factory.mktemp("clone") / "satsr"
    names = source_files(ROOT) | {"params.yaml"}
    names |= {p.relative_to(ROOT).as_posix() for p in (ROOT / "results" / "default").rglob("*") if p.is_file()}
    for name in sorted(names | ({"dvc.lock"} if (ROOT / "dvc.lock").is_file() else set())):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)
    author = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    for arguments in (["init", "-q"], ["add", "-A"], [*author, "commit", "-q", "-m", "clone"]):
        subprocess.run(["git", *arguments], cwd=copy, check=True)
    return copy


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real imagery; tests that use it are skipped where it is absent."""
    folder = real_data(ROOT)
    if not folder.is_dir():
        pytest.skip(f"no real imagery at {folder.name}: set SATSR_REAL_DATA to try it")
    return folder
