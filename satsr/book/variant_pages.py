"""What the pages of studies of variants show beside their notebook: costs here, and the best reference run.

Seconds are no part of the hashed results, and a reference run is of another profile; both stand in pieces of the book.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from satsr.book.reference import best, device_of, facts_of, provenance_of, read_run
from satsr.common.paths import Workspace
from satsr.evaluation.tables import markdown
from satsr.studies.ablations import report

STUDIES = {  # page, and stage -> folders of results
    "clip_loss": ("clip_loss",),
    "images": ("images/esrgan", "images/highresnet", "images/satdiffmoe"),
    "discriminators": ("discriminators",),
    "scaling": ("scaling",),
    "bands": ("bands",),
    "global_model": ("global_model",),
}
NOT_MEASURED = "Not measured on this machine: the run was restored from a cache.\n"
SCORE = "val_clipscore"  # of the curves: what is compared at equal steps and at equal seconds


def fragments(here: Workspace, root: Path, facts: dict[str, Any]) -> dict[str, str]:
    """Return the generated pieces of all pages of variants by file name: Markdown, and curves as SVG.

    Args:
        here: of this run.
        root: the project's root, with the reference runs.
        facts: from `describe`, of this run.
    """
    found: dict[str, str] = {}
    for page, names in STUDIES.items():
        costs = [_titled(name, costs_of(here.results, name, facts)) for name in names]
        parts = [text for text in costs if text] or [NOT_MEASURED.strip()]
        for name in names:
            results = best(root, f"studies/{name}/settings.json")
            if results is not None and results != here.results:
                drawing = f"curves_{name.replace('/', '_')}.svg"
                text, picture = reference_of(results, page, name, drawing)
                parts.append(text)
                found |= {drawing: picture} if picture else {}
        found[f"variants_{page}.md"] = "\n\n".join(parts) + "\n"
    return found


def costs_of(results: Path, name: str, facts: dict[str, Any]) -> str:
    """Say what the variants of a study cost, and where they were at equal seconds; "" where nothing was measured.

    Args:
        results: of a run.
        name: of the study's folder in them.
        facts: of the same run: its machine, and by `runs` its speeds.
    """
    curves = results / "studies" / name / "curves.csv"
    run = facts["runs"].get(f"variants_{name.replace('/', '.')}", {})
    if not curves.is_file() or not run.get("samples_per_s"):
        return ""
    found, _ = report.saved_report(curves.parent)
    table = report.at_equal_seconds(read_curves(curves), run["samples_per_s"], run["baseline"], SCORE)
    table = table[table.variant.isin(found.shown)]
    if table.empty:
        return "What a step costs is not shown."
    titles = {"cost": "cost of a step", "at_equal_steps": "at equal steps", "at_equal_seconds": "at equal seconds"}
    return (
        f"Validation CLIPScore when *{run['baseline']}* ends, after as many steps and after as many seconds (on "
        f"{device_of(facts)}):\n\n{markdown(table.round(3).rename(columns=titles))}"
    )


def reference_of(results: Path, stage: str, name: str, drawing: str) -> tuple[str, str]:
    """Return what a reference run found: text for the page, and its curves as SVG, "" where none may be shown.

    Args:
        results: of the run.
        stage: that made them.
        name: of the study's folder in them.
        drawing: file name of the curves.
    """
    from satsr.studies.ablations.figures import curves_plot

    folder = results / "studies" / name
    found, study = report.saved_report(folder)
    curves = read_curves(folder / "curves.csv")
    costs = costs_of(results, name, {**facts_of(results, stage), "runs": read_run(results).get("runs", {})})
    figure, claims = curves_plot(curves, found.shown), report.claims_text(found, study)
    seeds = ", ".join(map(str, study.seeds))
    parts = [
        f"## Reference run{_of_method(name)}",
        f"Of {provenance_of(results, stage)}; seeds {seeds}.",
        f"**Verdict, by rule:** {found.decision}.",
        markdown(report.as_text(found, study)),
        markdown(claims) if len(claims) else "",
        f"![Validation scores against steps, of the reference run](../_generated/{drawing})" if figure else "",
        _speed_ups(folder / "speed_up.csv", found),
        costs,
    ]
    return "\n\n".join(part for part in parts if part), _as_svg(figure) if figure else ""


def _speed_ups(path: Path, found: report.Report) -> str:
    """Say how much sooner each variant was, in a study that asks."""
    if not path.is_file():
        return ""
    return f"How much sooner, in steps:\n\n{report.speed_up_lines(pd.read_csv(path), found)}"


def read_curves(path: Path) -> pd.DataFrame:
    """Return the curves that a study left; some variants are named by numbers."""
    return pd.read_csv(path, dtype={"variant": str})


def _titled(name: str, text: str) -> str:
    """Return text with the method before it, where a page has several."""
    method = name.partition("/")[2]
    return f"*{method}*: {text}" if method and text else text


def _of_method(name: str) -> str:
    method = name.partition("/")[2]
    return f": {method}" if method else ""


def _as_svg(figure: Figure) -> str:
    """Return a figure as SVG, of equal bytes for an equal figure."""
    import matplotlib.pyplot as plt

    with plt.rc_context({"svg.hashsalt": "satsr"}):
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
        plt.close(figure)
    return out.getvalue()
