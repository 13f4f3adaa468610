"""Verdicts on the papers' claims, each computed by a rule from a run's own tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from satsr.agreement import report
from satsr.tables import NOT_RUN


def metric_agreement(results: Path) -> str:
    """Finding 1 of Zooming Out: PSNR, SSIM and cPSNR agree poorly with preference, CLIPScore far better."""
    if not (results / "agreement.csv").is_file():
        return NOT_RUN
    table = pd.read_csv(results / "agreement.csv")
    judges = json.loads((results / "judges.json").read_text())["judges"]
    return report.sentence(table[table.protocol == "corrected"], judges)


def opposite_ranking(results: Path) -> str:
    """Figure 2 of Zooming Out: PSNR and SSIM rise while the images get worse."""
    if not (results / "figure2.csv").is_file():
        return NOT_RUN
    rows = pd.read_csv(results / "figure2.csv").against
    four, two = (100 * (rows >= n).mean() for n in (4, 2))
    verdict = "consistent" if two else "not found"
    return f"{verdict}: over four images on {four:.0f} %, over two on {two:.0f} % of the test chips (stand-in)"


RULES: dict[str, Callable[[Path], str]] = {
    "metric_agreement": metric_agreement,
    "opposite_ranking": opposite_ranking,
}


def status(rule: str, typed: str, results: Path) -> str:
    """Return a claim's verdict: by its rule, or the typed words "not run yet" of a claim that has none.

    Raises:
        ValueError: a rule that does not exist.
    """
    if not rule:
        return typed
    if rule not in RULES:
        raise ValueError(f"book/published/claims.csv: unknown rule {rule!r}, expected one of {', '.join(RULES)}")
    return RULES[rule](results)
