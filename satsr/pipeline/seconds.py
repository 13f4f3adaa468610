"""How long each stage usually takes: what it took here the last time, else about what it takes on two cores.

It decides which stage comes first, and the guess of the time left; no result depends on it.
"""

from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path

FILE = "seconds.json"
OF_USUAL_SECONDS = "default"  # the profile whose stages take what `usual_seconds.csv` says


def read_seconds(folder: Path) -> dict[str, float]:
    """Return seconds by stage.

    Args:
        folder: where an earlier run has left its own.
    """
    with (files("satsr.pipeline") / "usual_seconds.csv").open() as lines:
        usual = {row["stage"]: float(row["seconds"]) for row in csv.DictReader(lines)}
    return {**usual, **own_seconds(folder)}


def own_seconds(folder: Path) -> dict[str, float]:
    """Return what stages took here the last time that they ran; nothing where none has run."""
    own = folder / FILE
    return dict(json.loads(own.read_text())) if own.is_file() else {}


def write_seconds(folder: Path, seconds: dict[str, float]) -> None:
    """Keep them for the next run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps(seconds, indent=1, sort_keys=True) + "\n")
