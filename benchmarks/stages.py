"""Where a study's time went on this machine: stages, their overhead, and the cells that cost most.

`python -m benchmarks.stages [FOLDER]`, after `satsr study`; the folder is the project's root, or a profile's copy of it
in `.runs`.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import nbformat

from satsr.common.paths import Workspace, project_root
from satsr.common.provenance import records
from satsr.pipeline.jobs import Job, jobs_of
from satsr.pipeline.params import load_study
from satsr.pipeline.stages import read_stages

COSTLIEST = 12


def report(root: Path) -> None:
    """Print a run's stages by what they took, with the time outside their cells, and the costliest cells."""
    study = load_study(root).model_dump(mode="json")
    profile = study["profile"]
    jobs = jobs_of(read_stages(root), profile, study)
    took = json.loads((Workspace.of(profile, root).logs / "stages" / "seconds.json").read_text())
    runs, cells, outside = records(profile, root), [], []
    print("stage                        seconds   cells  outside them")
    for name in sorted(took, key=lambda name: -took[name]):
        own = runs.get(executed(jobs[name]), {}).get("cells_s", []) if name in jobs else []
        cells += [(seconds, name, number) for number, seconds in enumerate(own)]
        outside += [took[name] - sum(own)] if own else []
        print(f"{name:26s} {took[name]:9.1f} {sum(own):7.1f} {took[name] - sum(own):8.1f}")
    print(f"sum {sum(took.values()):.0f} s; outside cells, median {statistics.median(outside):.1f} s")
    for seconds, name, number in sorted(cells, reverse=True)[:COSTLIEST]:
        notebook = nbformat.read(root / "notebooks" / jobs[name].stage.notebook, as_version=4)
        code = [cell.source for cell in notebook.cells]
        line = code[number - 1].strip().splitlines()[-1] if number else ""  # papermill puts the parameters' cell before
        print(f"{seconds:8.1f} s  {name} cell {number}: {line[:90]}")


def executed(job: Job) -> str:
    """Return the name under which a job's executed notebook is kept; none of the stage that runs no notebook."""
    return next((Path(path).stem for path in job.makes if path.startswith("book/executed/")), "")


if __name__ == "__main__":
    report(Path(sys.argv[1]) if sys.argv[1:] else project_root())
