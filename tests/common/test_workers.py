"""Workers end with the process that started them, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from satsr.common.workers import process_pool

PARENT = """
import time
from satsr.common.workers import process_pool
from tests.common.test_workers import slow_pid
if __name__ == "__main__":
    pool = process_pool(2)
    print(*set(pool.map(slow_pid, range(8))), flush=True)
    time.sleep(60)
"""


def slow_pid(_: int) -> int:
    time.sleep(0.1)
    return os.getpid()


def is_there(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to look at other processes")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_their_parent(tmp_path: Path, end: signal.Signals) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, str(tmp_path / "parent.py")]
    with subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert pids
        parent.send_signal(end)
        parent.wait()
    until = time.monotonic() + 20
    while any(map(is_there, pids)) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [pid for pid in pids if is_there(pid)]


def note(path: Path) -> None:
    (path / str(os.getpid())).touch()


def test_workers_are_prepared(tmp_path: Path) -> None:
    with process_pool(2, note, (tmp_path,)) as pool:
        pids = set(pool.map(slow_pid, range(8)))
    assert pids == {int(path.name) for path in tmp_path.iterdir()}
