"""Stages side by side, on a small pipeline that DVC really runs: order, failures, kills, and equal results."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from satsr.pipeline import side_by_side
from satsr.pipeline.jobs import jobs_of
from satsr.pipeline.run import only_one
from satsr.pipeline.side_by_side import run_jobs
from satsr.pipeline.stages import read_stages
from satsr.pipeline.stamps import Stamps

pytestmark = pytest.mark.slow

TOOL = """
import sys, time
from pathlib import Path

name, *inputs = sys.argv[1:]
Path("began").mkdir(exist_ok=True)
Path("began", name).write_text(str(time.time()))
if (what := Path("how", name)).is_file():
    how = what.read_text()
    if how == "hang":
        time.sleep(60)
    sys.exit(f"satsr: {name} {how}")
Path(name).write_text(name + "(" + ",".join(Path(i).read_text() for i in inputs) + ")")
"""
NEEDS = {"a": [], "b": [], "c": ["a"], "d": ["a", "b"], "e": ["c", "d"]}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline of five small stages, of which none has run; what `how/NAME` holds says how a stage goes wrong."""
    folder = tmp_path_factory.mktemp("fresh")
    stages = {
        name: {"cmd": f"python tool.py {name} {' '.join(needs)}".strip(), "deps": ["tool.py", *needs], "outs": [name]}
        for name, needs in NEEDS.items()
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))
    (folder / "tool.py").write_text(TOOL)
    (folder / "how").mkdir()
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], cwd=folder, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "config", "core.analytics", "false"], cwd=folder, check=True)
    return folder


@pytest.fixture
def where(fresh: Path, tmp_path: Path) -> Path:
    return shutil.copytree(fresh, tmp_path / "where")


def run(where: Path, workers: int = 2) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    jobs = jobs_of(read_stages(where), "default", {})
    stamps = Stamps(where, where / "stamps", {})
    return run_jobs(where, jobs, workers, {**os.environ, "PATH": path}, stamps, where / "logs", {})


def began(where: Path) -> set[str]:
    """Return the stages that have begun since this was asked the last time."""
    found = {path.name for path in (where / "began").glob("*")}
    for name in found:
        (where / "began" / name).unlink()
    return found


def test_two_workers_leave_what_one_leaves(where: Path) -> None:
    assert run(where, workers=1) == {}
    made, lock = {n: (where / n).read_text() for n in NEEDS}, yaml.safe_load((where / "dvc.lock").read_text())
    assert made["e"] == "e(c(a()),d(a(),b()))"
    for name in (*NEEDS, "dvc.lock", ".dvc/cache"):
        subprocess.run(["rm", "-r", where / name], check=True)
    assert run(where, workers=2) == {}
    assert {n: (where / n).read_text() for n in NEEDS} == made
    assert yaml.safe_load((where / "dvc.lock").read_text()) == lock


def test_only_what_an_edit_reaches_runs_again(where: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run(where)
    assert began(where) == set(NEEDS)
    assert run(where) == {}
    assert began(where) == set()
    assert "all of 5 stages were up to date" in capfd.readouterr().err
    text = yaml.safe_load((where / "dvc.yaml").read_text())
    text["stages"]["b"]["cmd"] = "python tool.py b tool.py"
    (where / "dvc.yaml").write_text(yaml.safe_dump(text, sort_keys=False))
    assert run(where) == {}
    assert began(where) == {"b", "d", "e"}
    assert "import sys" in (where / "e").read_text()


def test_a_failed_stage_stops_what_needs_it_and_nothing_else(where: Path) -> None:
    (where / "how" / "b").write_text("got 3, expected 4")
    failed = run(where)
    assert set(failed) == {"b", "d", "e"}
    assert failed["b"].startswith("b got 3, expected 4 (all that it printed: ")
    assert failed["d"] == failed["e"] == ""
    assert (where / "c").read_text() == "c(a())"
    (where / "how" / "b").unlink()
    began(where)
    assert run(where) == {}
    assert began(where) == {"b", "d", "e"}
    assert (where / "e").read_text() == "e(c(a()),d(a(),b()))"


def after(seconds_for: Path, do: object) -> threading.Thread:
    """Call something soon after a file has appeared."""

    def wait() -> None:
        while not seconds_for.exists():
            time.sleep(0.05)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def processes(where: Path, sign: str) -> list[int]:
    """Return the processes that work in a folder and have a sign in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cwd").readlink() == where and sign in (folder / "cmdline").read_text().replace("\0", " "):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
@pytest.mark.parametrize("sign", ["quick_dvc --wait-for-lock repro --single-item b", "tool.py b"])
def test_a_killed_worker_is_one_failure_and_a_rerun_finishes(where: Path, sign: str) -> None:
    (where / "how" / "b").write_text("hang")
    killer = after(where / "began" / "b", lambda: [os.kill(p, signal.SIGKILL) for p in processes(where, sign)])
    failed = run(where)
    killer.join()
    assert set(failed) == {"b", "d", "e"}
    assert "dvc" not in sign or "SIGKILL" in failed["b"]
    assert not processes(where, "tool.py b")
    (where / "how" / "b").unlink()
    assert run(where) == {}
    assert (where / "e").read_text() == "e(c(a()),d(a(),b()))"


@pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")
@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_ends_everything_and_leaves_nothing_half_done(
    where: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[BaseException]
) -> None:
    (where / "how" / "b").write_text("hang")
    real, usual = side_by_side._Run._show, signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(self: side_by_side._Run) -> None:
        real(self)
        if (where / "began" / "b").exists() and (where / "a").exists():
            os.kill(os.getpid(), number)

    monkeypatch.setattr(side_by_side._Run, "_show", interrupted)
    try:
        with pytest.raises(expected):
            run(where)
    finally:
        signal.signal(signal.SIGINT, usual)  # ignored where the tests run in the background
    assert not processes(where, "tool.py")
    assert not processes(where, "dvc")
    monkeypatch.undo()
    (where / "how" / "b").unlink()
    assert run(where) == {}
    assert (where / "e").read_text() == "e(c(a()),d(a(),b()))"


def test_a_second_study_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / ".dvc" / "tmp" / "study.lock"
    said = pytest.raises(RuntimeError, match=rf"another `satsr study` \(process {os.getpid()}\) runs here")
    with only_one(lock), said, only_one(lock):
        pass
    with only_one(lock):
        pass
