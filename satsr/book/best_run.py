"""What the book shows of the best larger run in git: its claims and tables, with hardware, date and commit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from satsr.book.claims import MAIN_DATA, RULES, status
from satsr.book.reference import best, provenance_of, read_run
from satsr.evaluation.tables import markdown, with_set_distances
from satsr.evaluation.verdict_texts import sentences
from satsr.evaluation.verdicts import COLUMNS
from satsr.metrics.facts import find_metric
from satsr.studies.buildings import shares as buildings
from satsr.studies.fusion import report as fusion_report

NONE = "No reference run (`gpu` or `overnight`) is committed yet: the tables show the default profile only.\n"


def claims_table(root: Path, here: Path) -> pd.DataFrame:
    """Return claims with verdicts in sentences: of this run and, where there is one, of the best reference run.

    Args:
        root: the project's root.
        here: results of this run.
    """
    claims = pd.read_csv(root / "book" / "published" / "claims.csv", keep_default_na=False)
    claims = claims[claims.rule.isin(RULES) | (claims.status != "")]
    table = claims[["source", "claim"]].copy()
    runs = {"this run": here}
    if (reference := best(root)) is not None and reference != here:
        runs[f"reference run ({reference.name})"] = reference
    for name, results in runs.items():
        table[name] = [status(str(c.rule), str(c.status), results) for c in claims.itertuples()]
    return table


def reference_runs_page(root: Path) -> str:
    """Return the page of the best reference run, in Markdown."""
    results = best(root)
    if results is None:
        return NONE
    parts = [_facts(results), "## Main table", _main(results), "## Comparisons that pass", _comparisons(results)]
    for title, name, text in (
        ("Buildings", "buildings/buildings", buildings.shares_as_text),
        ("SatDiffMoE: options, on validation chips", "fusion/options", _variants),
        ("SatDiffMoE: wrong times, on test chips", "fusion/time", _variants),
        ("Number of low-resolution images", "fusion/images", _counts),
        ("Number of sampling steps", "speed/steps", _counts),
        ("Steps to ControlNet's best distance", "convergence/convergence", lambda table: table.round(3)),
    ):
        path = results / "studies" / f"{name}.csv"
        if path.is_file():
            parts += [f"## {title}", markdown(text(pd.read_csv(path)))]
    return "\n\n".join(parts) + "\n"


def _facts(results: Path) -> str:
    minutes = sum(facts.get("wall_s", 0.0) for facts in read_run(results).get("runs", {}).values()) / 60
    said = f"The best reference run in this repository: {provenance_of(results, 'main_table')}"
    return f"{said}; its notebooks took {minutes:.0f} minutes."


def _main(results: Path) -> str:
    files = (results / MAIN_DATA / f"{name}.csv" for name in ("main", "set_distances"))
    main, distances = (pd.read_csv(path, dtype={"note": str}) for path in files)
    digits = {metric: 2 if find_metric(metric).unit == "dB" else 3 for metric in main.metric.unique()}
    counts, fewest, most = main.iloc[-1], main.seeds.min(), main.seeds.max()
    seeds = f"{most} training seeds" if fewest == most else f"{most} training seeds of what is claimed, else {fewest}"
    said = f"Corrected protocol, {counts.images} images of {counts.regions} regions, {seeds}."
    return f"{said}\n\n{markdown(with_set_distances(main, distances, list(main.method.unique()), digits))}"


def _comparisons(results: Path) -> str:
    duels = pd.read_csv(results / MAIN_DATA / "comparisons.csv").reindex(columns=COLUMNS)  # an older run has fewer
    lines = [
        line
        for metric in duels[duels.protocol == "corrected"].metric.unique()
        for line in sentences(duels, metric, "corrected", find_metric(metric).unit, 3).splitlines()
        if " beats " in line
    ]
    return "\n".join(f"- {line}" for line in lines) or "None."


def _variants(table: pd.DataFrame) -> pd.DataFrame:
    shown: Any = fusion_report.variants_styled(table.fillna({"choice": ""}))
    return pd.DataFrame(shown.data)


def _counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per method and metric, a column per number."""
    what = table.columns[1]
    cells = table.assign(cell=[f"{row.mean:.3f}" for row in table.itertuples()])
    wide = cells.pivot_table(index=["metric", "method"], columns=what, values="cell", aggfunc="first", sort=False)
    return wide.reset_index().rename_axis(columns=None)
