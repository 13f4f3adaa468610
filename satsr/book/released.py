"""The model that comes with the package, from a run of the study."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from satsr.common.paths import MAIN, Workspace
from satsr.common.provenance import git_commit, processor
from satsr.models.files import CARD
from satsr.scenes.packaged import PACKAGED, release

SCORED = ("psnr", "ssim", "cpsnr", "lpips:judge", "clipscore:judge")  # corrected, from the main table
GLOBAL = "global_model"


def release_from_run(root: Path, here: Workspace, method: str, seed: int, to: Path = PACKAGED) -> Path:
    """Put the global model of a run into the package, or one of its main data where it trained none.

    Args:
        root: of the project.
        here: the run's profile.
        method: of the main data.
        seed: of its training.
        to: where it goes; the package by default.

    Raises:
        FileNotFoundError: the run left no such model.
        ValueError: it is too large.
    """
    trained = here.artifacts / GLOBAL
    data = here.data_set(MAIN)
    of_main = not (trained / CARD).is_file()
    if of_main:
        trained = data.models / method / f"seed-{seed}"
    if not (trained / CARD).is_file():
        raise FileNotFoundError(f"{trained} holds no model: run the study first (satsr study --profile {here.profile})")
    what = f"{method} of the main data, profile {here.profile}, seed {seed}" if of_main else ""
    facts = {
        "released": what or f"the global model, profile {here.profile}",
        "commit": git_commit(root),
        "date": datetime.now(UTC).date().isoformat(),
        "processor": processor(),
    }
    if not of_main:
        return release(trained, facts, {}, to=to)
    intervals = _intervals(here.study("uncertainty") / "calibration.csv", method) if seed == 0 else {}
    return release(trained, facts, _scores(data.results / "main.csv", method), intervals, to)


def _scores(table: Path, method: str) -> dict[str, float]:
    """Return a method's means on the test regions, corrected; none without a table."""
    if not table.is_file():
        return {}
    rows = pd.read_csv(table)
    rows = rows[(rows.method == method) & (rows.protocol == "corrected") & rows.metric.isin(SCORED)]
    return {f"{row.metric} (test regions)": float(row["mean"]) for _, row in rows.iterrows()}


def _intervals(table: Path, method: str) -> dict[str, float]:
    """Return the calibration of a method's intervals, of the training with seed 0; none without a table."""
    if not table.is_file():
        return {}
    rows = pd.read_csv(table)
    return dict(rows[rows.method == method].set_index("name")["value"].astype(float))
