"""The page of the run on real images, from its committed tables."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from satsr.book.claims import MAIN_DATA
from satsr.evaluation.tables import markdown


def real_page(root: Path) -> str:
    """Return the tables of the last committed run on real images.

    Args:
        root: of the project.
    """
    results = root / "results" / "real"
    if not (results / MAIN_DATA / "main.csv").is_file():
        return "Not run yet: `make real`.\n"
    main = pd.read_csv(results / MAIN_DATA / "main.csv")
    wanted = main[main.protocol == "corrected"][["method", "metric", "mean", "low", "high", "images", "regions"]]
    parts = ["## The study on real HR images", markdown(wanted.round(3))]
    pairs = results / "studies" / "real" / "real_pairs.csv"
    if pairs.is_file():
        parts += ["## Trained models on real pairs", markdown(pd.read_csv(pairs).round(3))]
    parts += _scenes(results / "studies" / "transfer")
    if (results / "run.json").is_file():
        run = json.loads((results / "run.json").read_text())
        parts.append(f"Run of commit `{run['git commit']}` on {run['processor']}.")
    return "\n\n".join(parts) + "\n"


def _scenes(folder: Path) -> list[str]:
    """Return which classes of real scenes are told apart from LR, outputs and HR; nothing where that was not run."""
    if not (folder / "accuracies.csv").is_file():
        return []
    said = json.loads((folder / "decision.json").read_text())
    table = pd.read_csv(folder / "accuracies.csv")[["encoder", "probe", "labels", "accuracy", "low", "high", "images"]]
    return [
        "## Scenes told apart",
        "Which of the class folders an image lies in, from what every encoder sees. LR is simulated from the aerial "
        "image; the CLIP learned from the names of the classes, on HR.",
        f"**Verdict on outputs as inputs, by rule:** {said['inputs']}.",
        f"**Verdict on representations, by rule:** {said['decision']}.",
        markdown(table.round(3)),
    ]
