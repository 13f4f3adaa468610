"""Reference runs in git: which is the best, and where its numbers come from.

A run may be put together from parts that were run by themselves, so its commit, date and machine are those of a stage.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from satsr.book.claims import MAIN_DATA
from satsr.pipeline.run import RUN

PROFILES = ("gpu", "overnight")  # best first


def best(root: Path, name: str = f"{MAIN_DATA}/main.csv") -> Path | None:
    """Return the results of the best finished reference run that has a file, if there is one.

    Args:
        root: the project's root.
        name: path of the file in a run's results.
    """
    folders = (root / "results" / profile for profile in PROFILES)
    return next((folder for folder in folders if (folder / name).is_file() and (folder / RUN).is_file()), None)


def read_run(results: Path) -> dict[str, Any]:
    """Return what a run noted of itself when its results came to git."""
    run: dict[str, Any] = json.loads((results / RUN).read_text())
    return run


def facts_of(results: Path, stage: str) -> dict[str, Any]:
    """Return commit, date and machine of a stage: of the part that it came with, else of the run as a whole."""
    run = read_run(results)
    whole = {**run, "commit": run.get("git commit", "unknown")}
    found: dict[str, Any] = run.get("parts", {}).get(stage, whole)
    return found


def provenance_of(results: Path, stage: str) -> str:
    """Say profile, date, commit and machine of what a stage left."""
    facts = facts_of(results, stage)
    where = facts["processor"] if facts["GPU"] == "none" else f"{facts['GPU']}, {facts['processor']}"
    return f"profile **{results.name}**, of {facts['date']}, commit `{facts['commit']}`, on {where}"


def device_of(facts: Mapping[str, Any]) -> str:
    """Return the name of what computed: the GPU, or the processor where there is none."""
    return str(facts["GPU"] if facts["GPU"] != "none" else facts["processor"])
