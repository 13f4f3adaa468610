"""What is known to be up to date without asking DVC, which takes half a second or more for every stage.

A stamp is written when DVC has said that a stage is done: a digest over what DVC's answer depends on, with the sizes
and times of the files in place of their contents (as DVC's own memory of contents has it). While it stays the same,
so would the answer. Where it differs DVC is asked, which compares contents.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from satsr.common.digests import text_digest
from satsr.pipeline.jobs import Job

IGNORED = {"__pycache__", ".ipynb_checkpoints"}  # as in .dvcignore


class Stamps:
    """The stamps of one profile.

    Args:
        where: the project's root, or the profile's copy of it.
        folder: where the stamps are kept.
        parameters: the whole of `params.yaml`.
    """

    def __init__(self, where: Path, folder: Path, parameters: Mapping[str, Any]) -> None:
        self.where, self.folder, self.parameters = where, folder, parameters
        self._statuses: dict[str, str] = {}
        self._lock: tuple[int, dict[str, Any]] = (-1, {})

    def fresh(self, job: Job) -> bool:
        """Say whether nothing that a job depends on, and nothing that it made, has changed since its stamp."""
        path = self.folder / job.name
        return path.is_file() and path.read_text() == self._stamp(job, self.before(job))

    def before(self, job: Job) -> str:
        """Return a digest over what a job depends on, to be taken before it is started.

        What is edited while it runs then shows as a change.
        """
        values = {name: _at(self.parameters, name) for name in job.stage.reads(job.key)}
        return self._digest({"stage": job.stage.text, "parameters": values, "needs": self._files(job.needs)})

    def write(self, job: Job, before: str) -> None:
        """Stamp a job of which DVC has just said that it is done.

        Args:
            job: the job.
            before: from `before`, when it was started.
        """
        for path in [known for known in self._statuses if _related(known, job.makes)]:
            del self._statuses[path]
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / job.name).write_text(self._stamp(job, before))

    def _stamp(self, job: Job, before: str) -> str:
        return self._digest({"before": before, "locked": self._locked(job.name), "made": self._files(job.makes)})

    def _files(self, paths: tuple[str, ...]) -> dict[str, str]:
        return {path: self._status(path) for path in paths}

    @staticmethod
    def _digest(state: Mapping[str, object]) -> str:
        return text_digest(json.dumps(state, sort_keys=True, default=str))

    def _locked(self, name: str) -> object:
        """Return what `dvc.lock` says of a stage, read again when the file has changed."""
        path = self.where / "dvc.lock"
        time = path.stat().st_mtime_ns if path.is_file() else 0
        if time != self._lock[0]:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            read = yaml.load(path.read_text(), loader) if time else {}
            self._lock = time, (read or {}).get("stages", {})
        return self._lock[1].get(name)

    def _status(self, path: str) -> str:
        """Return a digest over the names, sizes and times of what is at a path, looked up once."""
        if path not in self._statuses:
            self._statuses[path] = text_digest("".join(sorted(_lines(self.where / path))))
        return self._statuses[path]


def _lines(path: Path) -> list[str]:
    if not path.is_dir():
        return [_line("", path.stat())] if path.is_file() else []
    found = []
    for folder, inside, files in os.walk(path):
        inside[:] = [name for name in inside if name not in IGNORED]
        found += [_line(f"{folder}/{name}", os.stat(f"{folder}/{name}")) for name in files]
    return found


def _line(name: str, status: os.stat_result) -> str:
    return f"{name} {status.st_size} {status.st_mtime_ns}\n"


def _at(parameters: Mapping[str, Any], name: str) -> Any:
    found: Any = parameters
    for step in name.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _related(path: str, made: tuple[str, ...]) -> bool:
    """Say whether a path lies in one that was made, or holds it."""
    return any(f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/") for other in made)
