"""The stages of one run as jobs: one for each key of a group, with what it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from satsr.pipeline.stages import Stage


@dataclass(frozen=True)
class Job:
    """One stage of a run, under the name that DVC gives it.

    Attributes:
        name: such as `train@srcnn`.
        stage: the stage, or the group that it belongs to.
        key: which of the group; empty for a single stage.
        needs: paths that it depends on.
        makes: paths that it makes.
        after: names of the jobs that make something that it needs.
    """

    name: str
    stage: Stage
    key: str
    needs: tuple[str, ...]
    makes: tuple[str, ...]
    after: frozenset[str]

    @property
    def notebook(self) -> str:
        """Name of its executed notebook, under which its run is recorded; empty for the stage that runs none."""
        made = (PurePosixPath(path) for path in self.makes)
        return next((path.stem for path in made if path.suffix == ".ipynb"), "")

    @property
    def alone(self) -> bool:
        """Whether nothing may run beside it, since it takes times."""
        return bool(self.stage.text.get("meta", {}).get("alone"))


def jobs_of(stages: dict[str, Stage], profile: str, keys: Mapping[str, Iterable[str]]) -> dict[str, Job]:
    """Return a profile's jobs by name, in an order in which they can run.

    Args:
        stages: from `read_stages`.
        profile: its name.
        keys: the keys of every group of stages, by the group's name in `params.yaml`.
    """
    jobs: dict[str, Job] = {}
    for name, stage in stages.items():
        earlier = tuple(jobs.values())
        for key in keys[stage.group] if stage.group else stage.own_keys:
            needs, makes = tuple(stage.needs(profile, key)), tuple(stage.makes(profile, key))
            after = frozenset(job.name for job in earlier if _overlap(needs, job.makes))
            full = f"{name}@{key}" if key else name
            jobs[full] = Job(full, stage, key, needs, makes, after)
    return jobs


def followers(jobs: Mapping[str, Job], first: str) -> set[str]:
    """Return a job and all that need, directly or through others, what it makes."""
    found = {first}
    for job in jobs.values():
        if job.after & found:
            found.add(job.name)
    return found


def chosen(jobs: Mapping[str, Job], names: Iterable[str]) -> list[str]:
    """Return the jobs that names mean, in their order; a group's name means all of it, no name all jobs.

    Raises:
        ValueError: a name of no job and no group.
    """
    wanted = set(names)
    unknown = sorted(wanted - set(jobs) - {job.stage.name for job in jobs.values()})
    if unknown:
        known = dict.fromkeys(job.stage.name for job in jobs.values())
        raise ValueError(f"got stage {', '.join(unknown)}, expected some of {', '.join(known)}, or one of a group")
    return [name for name, job in jobs.items() if not wanted or wanted & {name, job.stage.name}]


def with_makers(jobs: Mapping[str, Job], names: Iterable[str]) -> dict[str, Job]:
    """Return jobs and all that make, directly or through others, what they need."""
    found = set(names)
    for job in reversed(list(jobs.values())):
        if job.name in found:
            found |= job.after
    return {name: job for name, job in jobs.items() if name in found}


def _overlap(needs: Iterable[str], made: Iterable[str]) -> bool:
    """Say whether a path lies in another, or is it."""
    pairs = ((need.split("/"), path.split("/")) for need in needs for path in made)
    return any(all(a == b for a, b in zip(*pair, strict=False)) for pair in pairs)
