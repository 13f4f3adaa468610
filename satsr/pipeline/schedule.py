"""Which job runs next, and what becomes of those that wait for one that failed."""

from __future__ import annotations

from collections.abc import Mapping

from satsr.pipeline.jobs import Job

FIRST_GUESS_S = 30.0  # of a job that never ran


class Schedule:
    """The state of a run of jobs, some of them side by side.

    Of the jobs that may run, the one with the longest chain of work behind it comes first. A job that must run alone
    waits until no other can run.

    Args:
        jobs: by name, in an order in which they can run.
        seconds: how long a job usually takes, by name.

    Attributes:
        running: names of the jobs that run.
        done: those that ended well.
        failed: those that did not.
        left_out: those that wait for one that failed, directly or through others.
    """

    def __init__(self, jobs: Mapping[str, Job], seconds: Mapping[str, float]) -> None:
        self.jobs = dict(jobs)
        self.seconds = {name: seconds.get(name, FIRST_GUESS_S) for name in jobs}
        self.chain: dict[str, float] = {}  # seconds from a job's start to the end of all that waits for it
        for name in reversed(self.jobs):
            behind = [self.chain[other] for other, job in self.jobs.items() if name in job.after]
            self.chain[name] = self.seconds[name] + max(behind, default=0.0)
        self.running: set[str] = set()
        self.done: set[str] = set()
        self.failed: set[str] = set()
        self.left_out: set[str] = set()

    @property
    def waiting(self) -> list[str]:
        """Names of the jobs that are still to be started."""
        past = self.running | self.done | self.failed | self.left_out
        return [name for name in self.jobs if name not in past]

    @property
    def finished(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return not (self.running or self.waiting)

    def start(self) -> Job | None:
        """Return the job to start now, counted as running; None while none can be."""
        if any(self.jobs[name].alone for name in self.running):
            return None
        ready = [name for name in self.waiting if not self._needs(name) - self.done]
        beside = [name for name in ready if not self.jobs[name].alone]
        if not beside and self.running:
            return None
        chosen = max(beside or ready, key=self.chain.__getitem__, default=None)
        if chosen is None:
            return None
        self.running.add(chosen)
        return self.jobs[chosen]

    def end(self, name: str, well: bool) -> None:
        """Count a running job as ended; those that wait for one that failed are left out."""
        self.running.remove(name)
        (self.done if well else self.failed).add(name)
        for other in self.waiting:
            if self._needs(other) & (self.failed | self.left_out):
                self.left_out.add(other)

    def put_back(self, name: str) -> None:
        """Let a running job wait again."""
        self.running.remove(name)

    def seconds_left(self, workers: int, elapsed: Mapping[str, float]) -> float:
        """Return a guess of the time that the rest takes.

        Args:
            workers: how many jobs may run side by side.
            elapsed: seconds that each running job has run.
        """
        rest = {name: max(self.seconds[name] - elapsed.get(name, 0.0), 0.0) for name in self.running}
        work = sum(rest.values()) + sum(self.seconds[name] for name in self.waiting)
        chains = [self.chain[name] - self.seconds[name] + seconds for name, seconds in rest.items()]
        return max([work / workers, *chains, *(self.chain[name] for name in self.waiting)])

    def _needs(self, name: str) -> set[str]:
        return set(self.jobs[name].after) & set(self.jobs)
