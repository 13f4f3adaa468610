"""How well a counter counts on HR, where everything is known, and so whether it can judge outputs."""

from __future__ import annotations

import pandas as pd


def can_judge(rows: pd.DataFrame, least: float) -> bool:
    """Return whether the counter finds enough on HR, and little else, by the rule that decides.

    Args:
        rows: from `scores`.
        least: of recall and of precision.
    """
    return not rows.empty and bool(min(_on_hr(rows)) >= least)


def quality_sentence(rows: pd.DataFrame, least: float, kind: str = "buildings") -> str:
    """Say how well the counter counts on HR, and whether it can judge."""
    recall, precision = _on_hr(rows)
    said = (
        f"On HR images the counter finds {100 * recall:.1f} % of the known {kind}, and {100 * precision:.1f} % of "
        f"what it counts is one (rule: {rows.rule.iloc[0]})."
    )
    return said if can_judge(rows, least) else f"{said} Below {100 * least:.0f} % of either it cannot judge."


def deciding(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `scores` by the rule that decides, the first."""
    return rows if rows.empty else rows[rows.rule == rows.rule.iloc[0]]


def _on_hr(rows: pd.DataFrame) -> tuple[float, float]:
    """Return recall and precision on HR by the rule that decides."""
    reference = deciding(rows).query("method == 'HR'")
    found, right = int(reference.found.sum()), int(reference.right.sum())
    return found / max(1, int(reference.known.sum())), right / max(1, int(reference.counted.sum()))
