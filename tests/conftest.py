"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from satsr.common.paths import real_data
from satsr.pipeline.run import source_files
from satsr.pipeline.warm import warm_parent

settings.register_profile("any machine", deadline=None)  # a busy one is slow, and no test is about time
settings.load_profile("any machine")

ROOT = Path(__file__).resolve().parents[1]
MODULES_SEEN = ".git/modules-seen"  # in a clone: what each notebook has run, see tests/made/modules_seen


OF_TINY_STUDY = ("tests/book/test_book.py", "tests/pipeline/test_tiny.py", "tests/pipeline/test_downloads.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With two workers (`make test`), keep a file's tests together, and all that look at the one tiny study."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return "tiny study" if file in OF_TINY_STUDY else file

    return Scheduling(config, log)


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
def warm() -> Iterator[dict[str, str]]:
    """The environment in which `tests.made.warm_python.python` starts a Python that has everything imported."""
    with warm_parent(ROOT, os.environ, "tests.made.warm_python") as environment:
        yield environment


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make data sets in this process: new ones take longer to start than small data sets to make."""
    monkeypatch.setattr("satsr.data.making.jobs.usable_cores", lambda: 1)


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real imagery; tests that use it are skipped where it is absent."""
    folder = real_data(ROOT)
    if not folder.is_dir():
        pytest.skip(f"no real imagery at {folder.name}: set SATSR_REAL_DATA to try it")
    return folder


def satsr(project: Path, *arguments: str) -> str:
    """Run the command line of a clone's own code and return what it printed."""
    code = "from satsr.cli.app import main; main()"
    seen = project / MODULES_SEEN
    seen.mkdir(exist_ok=True)
    path = os.pathsep.join([str(ROOT / "tests" / "made" / "modules_seen"), str(project)])
    environment = {**os.environ, "PYTHONPATH": path, "MODULES_SEEN": str(seen)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@dataclass(frozen=True)
class TinyRun:
    """The tiny study in a clone: what it printed, and the digests of what it must not touch, before and after."""

    project: Path
    printed: str
    before: dict[str, str]
    after: dict[str, str]


@pytest.fixture(scope="session")
def ran(project: Path) -> TinyRun:
    """The tiny study, run once for all tests that look at it."""
    before = digests(project)
    printed = satsr(project, "study", "--profile", "tiny")
    return TinyRun(project, printed, before, digests(project))


def digests(project: Path) -> dict[str, str]:
    """Return the digests of what a run of another profile must not touch."""
    files = [p for name in ("params.yaml", "dvc.lock") if (p := project / name).is_file()]
    files += sorted(p for p in (project / "results" / "default").rglob("*") if p.is_file())
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
