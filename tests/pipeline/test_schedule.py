"""Which job runs when."""

from __future__ import annotations

from satsr.pipeline.jobs import Job
from satsr.pipeline.schedule import Schedule
from satsr.pipeline.stages import Stage


def jobs(*alone: str, **after: str) -> dict[str, Job]:
    """Return jobs by name; the value holds the names that each waits for."""
    meta = {True: {"meta": {"alone": True}}, False: {}}
    return {
        name: Job(name, Stage(name, {"cmd": "", **meta[name in alone]}), "", (), (), frozenset(names.split()))
        for name, names in after.items()
    }


def order(schedule: Schedule, workers: int, takes: dict[str, float]) -> list[str]:
    """Run a schedule on a clock of its own and return the jobs in the order in which they began."""
    clock, ends, began = 0.0, {}, []
    while not schedule.finished:
        while len(ends) < workers and (job := schedule.start()):
            ends[job.name] = clock + takes[job.name]
            began.append(job.name)
        first = min(ends, key=ends.__getitem__)
        clock = ends.pop(first)
        schedule.end(first, well=True)
    return began


def test_the_longest_chain_comes_first() -> None:
    seconds = {"a": 1.0, "short": 5.0, "b": 1.0, "long": 10.0}
    found = jobs(a="", short="", b="a", long="b")
    assert order(Schedule(found, seconds), 1, seconds) == ["a", "b", "long", "short"]
    assert order(Schedule(found, seconds), 2, seconds) == ["a", "short", "b", "long"]


def test_a_job_waits_for_all_that_it_needs() -> None:
    schedule = Schedule(jobs(a="", b="", c="a b"), {})
    assert {schedule.start().name, schedule.start().name} == {"a", "b"}
    assert schedule.start() is None
    schedule.end("a", well=True)
    assert schedule.start() is None
    schedule.end("b", well=True)
    assert schedule.start().name == "c"


def test_what_needs_a_failed_job_is_left_out_and_the_rest_goes_on() -> None:
    schedule = Schedule(jobs(a="", b="a", c="b", other=""), {"a": 99.0})
    assert schedule.start().name == "a"
    schedule.end("a", well=False)
    assert schedule.left_out == {"b", "c"}
    assert schedule.start().name == "other"
    schedule.end("other", well=True)
    assert schedule.finished
    assert (schedule.done, schedule.failed) == ({"other"}, {"a"})


def test_nothing_runs_beside_a_job_that_must_be_alone() -> None:
    schedule = Schedule(jobs("timed", a="", timed="", b="a"), {"timed": 99.0})
    assert schedule.start().name == "a"
    assert schedule.start() is None
    schedule.end("a", well=True)
    assert schedule.start().name == "b"
    assert schedule.start() is None
    schedule.end("b", well=True)
    assert schedule.start().name == "timed"
    assert schedule.start() is None


def test_a_job_that_is_put_back_is_started_again() -> None:
    schedule = Schedule(jobs(a=""), {})
    schedule.start()
    schedule.put_back("a")
    assert schedule.start().name == "a"


def test_the_time_left_is_that_of_the_work_or_of_the_longest_chain() -> None:
    schedule = Schedule(jobs(a="", b="a", c="", d=""), {"a": 10.0, "b": 50.0, "c": 6.0, "d": 6.0})
    assert schedule.seconds_left(1, {}) == 72.0
    assert schedule.seconds_left(2, {}) == 60.0
    schedule.start()
    assert schedule.seconds_left(2, {"a": 4.0}) == 56.0
