"""Objects that an output shows and that are not there: shares, a verdict, and which places are looked at.

A counted building or boat is *invented* when no known one is its partner, a pixel of road when no road is near. The
counter invents some on HR images too: that is the floor, and what an output has above it is its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from satsr.evaluation.pooled import Pooled, pooled_difference
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.verdicts import verdict

HR = "HR"
COLUMNS = ["method", "share", "low", "high", "above_hr", "above_low", "above_high", "counted", "regions", "seeds"]


def invented_table(rows: pd.DataFrame, bootstrap: TableSettings) -> pd.DataFrame:
    """Return the share of counted objects that are invented, and how far it lies above that of HR.

    Args:
        rows: one per method, seed and chip: method, seed, tile, region, counted, right; HR is one of the methods.
        bootstrap: of the intervals, over regions, then seeds; the same regions for every method.

    Returns:
        One row per method with the columns `COLUMNS`; shares of one.
    """
    ratios = {str(name): _invented(own) for name, own in rows.groupby("method", sort=False)}
    found = []
    for name, own in ratios.items():
        above = pooled_difference(own, ratios[HR], bootstrap)
        counted = float(own.sums[1].sum() / own.seeds)
        shares = own.value, *own.interval(bootstrap), above.value, above.low, above.high
        found.append((name, *shares, counted, own.regions, own.seeds))
    return pd.DataFrame(found, columns=COLUMNS)


def more_invented(rows: pd.DataFrame, a: str, b: str, bootstrap: TableSettings) -> str:
    """Say whether method a invents more than b, by the rule of the main table; `Finding 5` of Zooming Out."""
    if not {a, b} <= set(rows.method):
        return f"{a} and {b} are not both in this profile"
    first, second = (_invented(rows[rows.method == name]) for name in (a, b))
    value, low, high, p = pooled_difference(first, second, bootstrap)
    said = f"invented, {a} minus {b}: {100 * value:+.1f} points"
    if not np.isfinite(low):
        return f"{said} (one region: no interval)"
    trainings = int(rows[rows.method.isin((a, b))].groupby("method").seed.nunique().min())
    ruled = verdict(p, low, high, trainings, "higher")
    words = {"a beats b": f"{a} invents more", "b beats a": f"{b} invents more"}.get(ruled, ruled)
    return f"{said} [{100 * low:+.1f}, {100 * high:+.1f}], p = {p:.2g}: {words}"


def most_invented(rows: pd.DataFrame, methods: list[str], count: int) -> list[str]:
    """Return the places where methods together invent most above what is invented on HR, one of a region."""
    own = rows.assign(invented=rows.counted - rows.right)
    of_hr = own[own.method == HR].set_index("tile").invented
    others = own[own.method.isin(methods)].groupby(["tile", "region"], sort=True).invented.mean().reset_index()
    others["above"] = others.invented - others.tile.map(of_hr)
    ranked = others.sort_values(["above", "tile"], ascending=[False, True]).drop_duplicates("region")
    return ranked.tile.head(count).tolist()


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table, with the kind of the objects in a column of its own, with its shares in per cent."""
    cells = {
        "of": table.kind,
        "method": table.method,
        "invented": [_text(*row) for row in zip(table.share, table.low, table.high, strict=True)],
        "above HR": [
            "" if name == HR else _text(value, low, high, sign="+")
            for name, value, low, high in zip(
                table.method, table.above_hr, table.above_low, table.above_high, strict=True
            )
        ],
        "counted": table.counted.round(0).astype(int),
        "seeds": table.seeds,
    }
    return pd.DataFrame(cells)


def _text(value: float, low: float, high: float, sign: str = "") -> str:
    if not np.isfinite(value):
        return "none counted"
    return f"{100 * value:{sign}.1f} %" + (f" [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite(low) else "")


def _invented(own: pd.DataFrame) -> Pooled:
    return Pooled.of(own.assign(invented=own.counted - own.right), ("invented", "counted"))
