"""Run the stages of a study side by side: one `dvc repro --single-item` per job, in the order of what they need.

That is DVC's documented way of running stages at the same time. Each stage computes with one thread
(`satsr.pipeline.threads`), so as many run as there are cores, and what they leave does not depend on how many ran.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from satsr.pipeline.board import Board
from satsr.pipeline.jobs import Job
from satsr.pipeline.schedule import Schedule
from satsr.pipeline.stamps import Stamps

UNCHANGED = "didn't change, skipping"  # what DVC says of a stage that is up to date
RUN = "Running stage"
BUSY = ("is busy, it is being blocked by", "Unable to acquire lock")  # what it says when another DVC is at work here
PATIENCE_S = 600.0  # with another DVC
PAUSE_S = 2.0
OURS = "satsr: "  # begins a line that says what a user can mend
STOP_S = 30.0  # for what runs to end when it is told to


@dataclass
class Running:
    """A job under way.

    Attributes:
        job: which.
        process: its DVC, which leads a group of processes.
        before: what it depends on, from `Stamps.before`.
        log: everything it prints, kept.
        lines: what it printed, whole lines.
        started: time of `time.monotonic`.
    """

    job: Job
    process: subprocess.Popen[bytes]
    before: str
    log: IO[bytes]
    started: float = field(default_factory=time.monotonic)
    rest: bytes = b""
    lines: list[str] = field(default_factory=list)

    def read(self) -> None:
        """Take what it has printed since; a bar is redrawn with carriage returns."""
        assert self.process.stdout is not None
        text = self.process.stdout.read() or b""
        self.log.write(text)
        *whole, self.rest = (self.rest + text).replace(b"\r", b"\n").split(b"\n")
        self.lines += [line for part in whole if (line := part.decode(errors="replace").strip())]

    @property
    def last(self) -> str:
        """The last line that it printed."""
        return self.lines[-1] if self.lines else ""

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.started


def run_jobs(
    where: Path,
    jobs: Mapping[str, Job],
    workers: int,
    environment: Mapping[str, str],
    stamps: Stamps,
    logs: Path,
    seconds: dict[str, float],
) -> dict[str, str]:
    """Bring jobs up to date, some of them side by side.

    When one fails, those that wait for it are left out and the others run to their end.

    Args:
        where: the project's root, or a profile's copy of it.
        jobs: by name, in an order in which they can run.
        workers: how many may run at the same time, at least 1.
        environment: of the stages.
        stamps: what is known to be up to date.
        logs: folder for what each stage prints.
        seconds: how long each job took when it last ran; brought up to date.

    Returns:
        Why each failed job failed, by name; jobs that were left out have an empty reason.
    """
    run = _Run(where, Schedule(jobs, seconds), workers, environment, stamps, logs)
    try:
        with _ended_in_order():
            run.all()
    except BaseException:  # Ctrl-C too
        run.stop()
        raise
    finally:
        run.board.close()
    seconds.update(run.taken)
    return {**run.reasons, **dict.fromkeys(run.schedule.left_out, "")}


class _Run:
    def __init__(
        self,
        where: Path,
        schedule: Schedule,
        workers: int,
        environment: Mapping[str, str],
        stamps: Stamps,
        logs: Path,
    ) -> None:
        self.where, self.schedule, self.workers, self.environment = where, schedule, workers, environment
        self.stamps, self.logs = stamps, logs
        self.board = Board(len(schedule.jobs))
        self.running: dict[str, Running] = {}
        self.reasons: dict[str, str] = {}
        self.taken: dict[str, float] = {}
        self.waited: dict[str, float] = {}  # for another DVC, since when
        self.pause_until = 0.0
        self.selector = selectors.DefaultSelector()

    def all(self) -> None:
        while not self.schedule.finished:
            while len(self.running) < self.workers and time.monotonic() >= self.pause_until and self._start():
                pass
            if self.running:
                self.selector.select(0.2)
            elif not self.schedule.finished:
                time.sleep(0.2)
            for running in list(self.running.values()):
                self._look(running)
            self._show()

    def _start(self) -> bool:
        """Start a job, or pass over one that is up to date; return whether there was one."""
        job = self.schedule.start()
        if job is None:
            return False
        if self.stamps.fresh(job):
            self.schedule.end(job.name, well=True)
            self.board.unchanged(job.name)
            return True
        self.logs.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "satsr.pipeline.quick_dvc", "--wait-for-lock", "repro", "--single-item", job.name],
            cwd=self.where,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches this process alone, which ends the others in order
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self.selector.register(process.stdout, selectors.EVENT_READ)
        log = (self.logs / f"{job.name}.log").open("wb", buffering=0)  # to be followed while it runs
        self.running[job.name] = Running(job, process, self.stamps.before(job), log)
        return True

    def _look(self, running: Running) -> None:
        ended = running.process.poll() is not None  # before the last reading, which is then whole
        running.read()
        if ended:
            self._end(running)

    def _end(self, running: Running) -> None:
        name, status = running.job.name, running.process.returncode
        self._close(running)
        if status < 0:  # killed: what it had started must not go on
            _signal_group(running.process.pid, signal.SIGTERM)
        if status > 0 and self._is_busy(running):
            self.schedule.put_back(name)
            self.pause_until = time.monotonic() + PAUSE_S
            return
        self.schedule.end(name, well=status == 0)
        if status:
            self.reasons[name] = _reason(running, status)
            self.board.failed(name, self.reasons[name])
            return
        self.stamps.write(running.job, running.before)
        if any(UNCHANGED in line for line in running.lines):
            self.board.unchanged(name)
            return
        if any(line.startswith(RUN) for line in running.lines):  # and not fetched from DVC's memory of earlier runs
            self.taken[name] = round(running.seconds, 1)
        self.board.finished(name, running.seconds)

    def _is_busy(self, running: Running) -> bool:
        """Say whether it could not begin because another DVC is at work, and may be tried again."""
        if not any(sign in line for line in running.lines for sign in BUSY):
            return False
        name = running.job.name
        if name not in self.waited:
            self.board.waits(name)
        since = self.waited.setdefault(name, time.monotonic())
        return time.monotonic() - since < PATIENCE_S

    def _show(self) -> None:
        elapsed = {name: running.seconds for name, running in self.running.items()}
        lines = {name: (running.seconds, running.last) for name, running in self.running.items()}
        self.board.show(lines, self.schedule.seconds_left(self.workers, elapsed))

    def _close(self, running: Running) -> None:
        assert running.process.stdout is not None
        self.selector.unregister(running.process.stdout)
        running.process.stdout.close()
        running.log.close()
        del self.running[running.job.name]

    def stop(self) -> None:
        """End what runs: the commands of the stages at once, and DVC when it has seen that they failed.

        DVC itself is not interrupted, which could leave half a `dvc.lock`.
        """
        deadline = time.monotonic() + STOP_S
        while self.running and time.monotonic() < deadline:
            for running in list(self.running.values()):
                for child in _children(running.process.pid):
                    _signal(child, signal.SIGTERM)
                running.read()
                if running.process.poll() is not None:
                    self._close(running)
            time.sleep(0.1)
        for running in list(self.running.values()):
            _signal_group(running.process.pid, signal.SIGKILL)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let a request to end arrive as an exception, as Ctrl-C does, so that what runs is ended too."""

    def end(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():  # which alone may say what signals do
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reason(running: Running, status: int) -> str:
    if status < 0:
        return f"its DVC was ended by {signal.Signals(-status).name}; run again to go on"
    ours = [line.removeprefix(OURS) for line in running.lines if line.startswith(OURS)]
    errors = [line.removeprefix("ERROR: ") for line in running.lines if line.startswith("ERROR: ")]
    said = (ours or errors or running.lines or ["no message"])[-1 if ours else 0]
    return f"{said} (all that it printed: {running.log.name})"


def _children(process: int) -> list[int]:
    import psutil

    try:
        return [child.pid for child in psutil.Process(process).children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return
