"""The warm parent: what it runs is what would have run without it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from satsr.pipeline.warm import warm_parent
from satsr.pipeline.warm_door import DOOR
from tests.conftest import ROOT
from tests.pipeline.test_notebook import make

pytestmark = [
    pytest.mark.notebook,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="stages start by themselves here"),
]
CELLS = """
import os, sys
before = sorted(name for name in sys.modules if name.split(".")[0] == "satsr")
print(before, os.environ["OMP_NUM_THREADS"], os.getcwd() == sys.path[0] or "" in sys.path)
import numpy as np, torch, matplotlib.pyplot as plt, pandas as pd
from satsr.common.paths import MAIN
seeds = torch.initial_seed(), np.random.rand()  # differ from run to run, as in new processes
print(MAIN, torch.get_num_threads(), torch.ones(2), np.random.default_rng(3).random(2))
figure = plt.figure(figsize=(1, 1)); plt.plot([1, 2]);
"""


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of its own, so that logs do not land in this one."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("params.yaml", "dvc.yaml"):
        (folder / name).write_text((ROOT / name).read_text())
    return folder


@pytest.fixture(scope="module")
def warm(where: Path) -> Iterator[dict[str, str]]:
    with warm_parent(ROOT, {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}) as environment:
        assert DOOR in environment
        yield environment


def start(where: Path, environment: dict[str, str], source: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "satsr.pipeline.notebook", "run", str(source), "--as", name]
    return subprocess.Popen(command, cwd=where, env=environment, stdout=-1, stderr=subprocess.STDOUT, text=True)


def executed(where: Path, name: str) -> Path:
    return where / "book" / "executed" / "default" / f"{name}.ipynb"


def test_the_executed_notebook_has_the_same_bytes(where: Path, warm: dict[str, str]) -> None:
    source = make(where / "n.ipynb", CELLS, "figure")
    cold = {name: value for name, value in warm.items() if name != DOOR}
    for name, environment in {"cold": cold, "warm": warm, "again": warm}.items():
        process = start(where, environment, source, name)
        printed, _ = process.communicate()
        assert process.returncode == 0, printed
    assert executed(where, "warm").read_bytes() == executed(where, "cold").read_bytes()
    assert executed(where, "again").read_bytes() == executed(where, "cold").read_bytes()
    text = executed(where, "warm").read_text()
    assert "[] 1 True" in text
    assert "image/png" in text


def test_two_at_once_do_not_meet(where: Path, warm: dict[str, str]) -> None:
    sources = [make(where / f"{n}.ipynb", f"import time; time.sleep(1); print('notebook', {n})") for n in range(3)]
    running = [start(where, warm, source, source.stem) for source in sources]
    for process in running:
        process.communicate()
    assert [process.returncode for process in running] == [0, 0, 0]
    assert all(f"notebook {n}" in executed(where, str(n)).read_text() for n in range(3))


def test_an_error_is_said_where_it_was_asked(where: Path, warm: dict[str, str]) -> None:
    process = start(where, warm, make(where / "bad.ipynb", "raise ValueError('got 3, expected 4')"), "bad")
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert printed.strip().splitlines()[-1].startswith("satsr: bad.ipynb: ValueError: got 3, expected 4")
    assert not executed(where, "bad").exists()


def test_a_wrong_command_line_ends_as_it_does_without_a_warm_parent(where: Path, warm: dict[str, str]) -> None:
    command = [sys.executable, "-m", "satsr.pipeline.notebook", "nonsense"]
    cold = {name: value for name, value in warm.items() if name != DOOR}
    ends = [subprocess.run(command, cwd=where, env=e, capture_output=True, text=True) for e in (cold, warm)]
    assert [end.returncode for end in ends] == [2, 2]
    assert ends[0].stderr == ends[1].stderr
    assert "invalid choice: 'nonsense'" in ends[1].stderr


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("sys.exit(3)", 3, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit('got 3, expected 4')", 1, "got 3, expected 4"),
        ("raise KeyError('lost')", 1, "KeyError: 'lost'"),
        ("atexit.register(print, 'at the end')", 0, "at the end"),
    ],
)
def test_a_process_leaves_with_the_status_and_the_words_of_any_python(code: str, status: int, said: str) -> None:
    script = f"import atexit, sys\nfrom satsr.pipeline.warm import leave\nleave(lambda: exec({code!r}) or 0)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == status
    assert said in done.stdout + done.stderr


def say_process(where: Path, name: str) -> tuple[str, Path]:
    """Return a cell that writes its process's number to a file and waits, and the file."""
    told = where / f"{name}.pid"
    return f"import os, time, pathlib; pathlib.Path({str(told)!r}).write_text(str(os.getpid())); time.sleep(60)", told


def wait_for(told: Path) -> int:
    while not (told.exists() and told.read_text()):
        time.sleep(0.05)
    return int(told.read_text())


def test_a_killed_kernel_is_an_error(where: Path, warm: dict[str, str]) -> None:
    cell, told = say_process(where, "killed")
    process = start(where, warm, make(where / "killed.ipynb", cell), "killed")
    os.kill(wait_for(told), signal.SIGKILL)
    printed, _ = process.communicate()
    assert process.returncode == 1
    assert printed.strip().splitlines()[-1].startswith("satsr: ")


def test_the_work_ends_with_who_asked_for_it(where: Path, warm: dict[str, str]) -> None:
    cell, told = say_process(where, "left")
    process = start(where, warm, make(where / "left.ipynb", cell), "left")
    kernel = wait_for(told)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{kernel}").exists() and "Z" not in Path(f"/proc/{kernel}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the kernel goes on although nobody waits for it"
        time.sleep(0.1)


def test_without_a_warm_parent_the_work_is_done_all_the_same(where: Path, warm: dict[str, str]) -> None:
    gone = {**warm, DOOR: str(where / "nobody")}
    process = start(where, gone, make(where / "alone.ipynb", "print('done here')"), "alone")
    printed, _ = process.communicate()
    assert process.returncode == 0, printed
    assert "done here" in executed(where, "alone").read_text()


def test_it_ends_with_the_one_that_started_it(where: Path) -> None:
    with warm_parent(ROOT, dict(os.environ)) as environment:
        door = Path(environment[DOOR])
        assert door.exists()
    assert not door.parent.exists()
