"""Are the buildings there? A counter that learned on HR images counts them in the outputs.

Wolters et al., 2023, section 5: people counted the buildings of 256 outputs of ESRGAN and SR3. Here a network counts,
and every building is compared with its known outline.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from satsr.evaluation.pooled import Pooled, PooledDifference, pooled_difference
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.verdicts import verdict
from satsr.training.counting.quality import can_judge, deciding, quality_sentence

COLUMNS = ["method", "rule", "decides", "judges", "share", "value", "low", "high"]
COLUMNS += ["buildings", "images", "regions", "seeds"]
# Shares of sums over chips: name -> (numerator, denominator).
SHARES = {
    "recall": ("found", "known"),
    "precision": ("right", "counted"),
    "count": ("counted", "known"),
    "miscount": ("miscounted", "known"),
    "kept": ("kept", "seen"),
}


def share_table(rows: pd.DataFrame, bootstrap: TableSettings, least: float) -> pd.DataFrame:
    """Return shares of buildings with bootstrap intervals over regions, then seeds; the same regions for every method.

    Args:
        rows: from `scores`.
        bootstrap: of the intervals.
        least: recall and precision on HR below which the counter cannot judge.

    Returns:
        One row per rule, method and share: method, rule, decides (whether it is the rule of the verdict), judges
        (whether the counter can, by that rule), share, value, low, high, buildings (denominator, of one training),
        images, regions, seeds.
    """
    found, judges = [], can_judge(rows, least)
    for (rule, method), own in rows.groupby(["rule", "method"], sort=False):
        for share, (numerator, denominator) in SHARES.items():
            ratio = Pooled.of(own, (numerator, denominator))
            low, high = ratio.interval(bootstrap)
            line = {"method": method, "rule": rule, "decides": rule == rows.rule.iloc[0], "judges": judges}
            line |= {"share": share, "value": ratio.value, "low": low, "high": high}
            line |= {"buildings": round(ratio.sums[1].sum() / ratio.seeds), "images": own.tile.nunique()}
            found.append({**line, "regions": ratio.regions, "seeds": ratio.seeds})
    return pd.DataFrame(found, columns=COLUMNS)


def difference(rows: pd.DataFrame, a: str, b: str, share: str, bootstrap: TableSettings) -> PooledDifference:
    """Return the share of method a minus that of b by the rule that decides, with its paired interval."""
    judged = deciding(rows)
    first, second = (Pooled.of(judged[judged.method == method], SHARES[share]) for method in (a, b))
    return pooled_difference(first, second, bootstrap)


PAPER = ("esrgan", "sr3")  # the two methods that the paper counts


def shares_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a row per rule and method, a cell per share: value and interval, in per cent."""
    if "rule" not in table:  # a reference run of old
        table = table.assign(rule="iou 0.5")
    cells = table.assign(cell=[share_text(*row) for row in zip(table.value, table.low, table.high, strict=True)])
    wide = cells.pivot_table(index=["rule", "method"], columns="share", values="cell", aggfunc="first", sort=False)
    return wide.reset_index().rename_axis(columns=None)


def share_text(value: float, low: float, high: float) -> str:
    """Return a share and its interval, where there are any, in per cent."""
    if not np.isfinite(value):
        return "none to count"
    return f"{100 * value:.1f} %" + (f" [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite(low) else "")


def buildings_sentence(rows: pd.DataFrame, bootstrap: TableSettings, least: float) -> str:
    """Say which of the paper's two methods keeps more buildings, and how well the counter counts at all.

    Args:
        rows: from `scores`.
        bootstrap: of the interval.
        least: recall and precision on HR below which the counter cannot judge.
    """
    if rows.empty:
        return "No building is known in these data."
    own = quality_sentence(rows, least)
    if not can_judge(rows, least):
        return own
    if not set(PAPER) <= set(rows.method):
        return f"{own} ESRGAN and SR3 are not both in this profile."
    value, low, high, p = difference(rows, *PAPER, "kept", bootstrap)
    said = f"{own} Kept, ESRGAN minus SR3: {100 * value:+.1f}"
    if not np.isfinite(low):
        return f"{said} points (one region: no interval)."
    trainings = int(rows[rows.method.isin(PAPER)].groupby("method").seed.nunique().min())
    found = verdict(p, low, high, trainings, "higher")
    keeps = {"a beats b": "ESRGAN keeps more", "b beats a": "SR3 keeps more"}.get(found, found)
    return f"{said} [{100 * low:+.1f}, {100 * high:+.1f}] points, p = {p:.2g}: {keeps}."
