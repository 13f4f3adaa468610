"""The main table of a data set, from its scores alone: no model, no image and no network is opened."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pandas as pd

from satsr.common.paths import DataFolders
from satsr.data.manifest import read_manifest
from satsr.evaluation import tables
from satsr.evaluation.settings import TableSettings
from satsr.metrics.facts import find_metric
from satsr.models.methods import find_method

# What is scored beside the methods and is none, by the name of its scores: it needs HR, or is there to show a loss.
HR_DECODED, BICUBIC_DECODED = "hr_through_autoencoder", "bicubic_through_autoencoder"
REFERENCES = {
    HR_DECODED: "ceiling of latent methods: HR through the autoencoder",
    BICUBIC_DECODED: "bicubic through the autoencoder",
}
NO_METHOD = "no method"


def data_set_table(folders: DataFolders, methods: Sequence[str], bootstrap: TableSettings) -> pd.DataFrame:
    """Return the main table of a data set from its scores, and write it, with its means for `dvc metrics`.

    Args:
        folders: of the data set, whose scores `score_methods` left there.
        methods: its rows.
        bootstrap: of the intervals.

    Raises:
        FileNotFoundError: a method has no scores.
    """
    results, about = folders.results, read_manifest(folders)
    scores = tables.read_scores(results / "scores", tuple(methods))

    def notes(method: str, metric: str) -> list[str]:
        """Say what was done to a method's images before a metric saw them, or what a method was not told."""
        resized = find_method(method).doubles and about["scale"] & (about["scale"] - 1)
        repeated = len(about["bands_out"]) == 1 and find_metric(metric).needs_color
        undated = find_method(method).pretrained and not about["dated"]
        said = {tables.RESIZED: resized, tables.REPEATED: repeated, tables.UNDATED: undated}
        return [note for note, holds in said.items() if holds]

    table = tables.main_table(scores, bootstrap, about["name"], folders.here.profile, notes)
    table.to_csv(results / "main.csv", index=False, float_format="%.6g")
    means = table[table.protocol == "corrected"].pivot_table(
        index="method", columns="metric", values="mean", sort=False
    )
    rounded = {method: {m: float(f"{v:.6g}") for m, v in row.items()} for method, row in means.T.to_dict().items()}
    (results / "means.json").write_text(json.dumps(rounded, indent=1) + "\n")
    return table


def reference_table(folders: DataFolders, bootstrap: TableSettings) -> pd.DataFrame:
    """Return the rows of all references, and write them to a file of their own: the main table holds methods only.

    Args:
        folders: of the data set, whose scores `save_references` left there.
        bootstrap: of the intervals.

    Returns:
        as `tables.main_table`; there are no seeds, and the note says that a row is no method.

    Raises:
        FileNotFoundError: a reference has no scores.
    """
    scores, about = tables.read_scores(folders.results / "scores", tuple(REFERENCES)), read_manifest(folders)
    found = tables.main_table(scores, bootstrap, about["name"], folders.here.profile)
    table = found.assign(seeds=0, note=NO_METHOD)
    table.to_csv(folders.results / "references.csv", index=False, float_format="%.6g")
    return table
