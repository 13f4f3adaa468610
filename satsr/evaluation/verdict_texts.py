"""What comparisons say, in sentences and as text for tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from satsr.evaluation.tables import NOT_RUN
from satsr.evaluation.verdicts import EXPLORATORY


def sentences(table: pd.DataFrame, metric: str, protocol: str, unit: str = "", digits: int = 2) -> str:
    """Return what the comparisons of one metric and protocol say, one sentence per line.

    Args:
        table: from `comparisons`.
        metric: name of the metric.
        protocol: name of the protocol.
        unit: of the metric, "" for none.
        digits: decimals of the difference.

    Raises:
        ValueError: the table has no such comparison.
    """
    return "\n".join(_sentence(row, unit, digits) for row in _part(table, metric, protocol).itertuples())


def claims_as_text(table: pd.DataFrame, digits: Mapping[str, int]) -> pd.DataFrame:
    """Return the claims as text, one row each, with the smallest difference that could be shown.

    Args:
        table: from `comparisons`.
        digits: decimals of each metric.

    Returns:
        Columns claim, metric, difference, p (Holm), Cliff's delta, shown from, false alarms, verdict, source; a metric
        under another protocol than the corrected one says so.
    """
    columns = ["claim", "metric", "difference", "p (Holm)", "Cliff's delta"]
    columns += ["shown from", "false alarms", "verdict", "source"]
    rows = table[table["verdict"] != EXPLORATORY].itertuples()
    return pd.DataFrame([_claim_as_text(row, digits[str(row.metric)]) for row in rows], columns=columns)


def comparisons_as_text(table: pd.DataFrame, metric: str, protocol: str, digits: int = 2) -> pd.DataFrame:
    """Return the pairs of one metric and protocol that nothing claims as text, without a verdict: they are exploratory.

    Args:
        table: from `comparisons`.
        metric: name of the metric.
        protocol: name of the protocol.
        digits: decimals of the difference.

    Returns:
        Columns pair, difference, p (not adjusted), Cliff's delta; none where every pair is claimed.
    """
    part = table[(table["metric"] == metric) & (table["protocol"] == protocol) & (table["verdict"] == EXPLORATORY)]
    columns = ["pair", "difference", "p (not adjusted)", "Cliff's delta"]
    cells = [
        (f"{r.a} - {r.b}", _difference(r, digits), f"{r.p:.2g}", f"{r.cliffs_delta:.2f}") for r in part.itertuples()
    ]
    return pd.DataFrame(cells, columns=columns)


def _claim_as_text(row: Any, digits: int) -> tuple[str, ...]:
    names = f"{row.a} before {row.b}", row.metric if row.protocol == "corrected" else f"{row.metric} ({row.protocol})"
    if row.verdict == NOT_RUN:
        return (*names, "", "", "", "", "", NOT_RUN, row.claim)
    test = f"{row.p_holm:.2g}", f"{row.cliffs_delta:.2f}"
    able = _number(row.smallest, f".{digits}f"), _number(row.false_alarms, ".1%")
    said = row.verdict.replace("a beats b", f"{row.a} beats {row.b}").replace("b beats a", f"{row.b} beats {row.a}")
    return (*names, _difference(row, digits), *test, *able, said, row.claim)


def _difference(row: Any, digits: int) -> str:
    return f"{row.difference:+.{digits}f} [{row.low:.{digits}f}, {row.high:.{digits}f}]"


def _number(value: float, form: str) -> str:
    """Return a number as text: "" for none, and in words where none is enough."""
    if np.isnan(value):
        return ""
    return "no difference" if np.isinf(value) else f"{value:{form}}"


def _part(table: pd.DataFrame, metric: str, protocol: str) -> pd.DataFrame:
    part = table[(table["metric"] == metric) & (table["protocol"] == protocol)]
    if part.empty:
        known = ", ".join(dict.fromkeys(table["metric"] + " (" + table["protocol"] + ")"))
        raise ValueError(f"got {metric} ({protocol}), expected one of [{known}]: compare at least two methods in it")
    return part


def _sentence(row: Any, unit: str, digits: int) -> str:
    """Return a row in words, the better method first."""
    where = f"{row.metric} ({row.protocol})"
    if row.verdict == NOT_RUN:
        return f"{row.a} against {row.b} in {where}: {NOT_RUN}."
    if row.verdict == "b beats a":
        return f"{row.b} beats {row.a} in {where}: {_numbers(row, -1, unit, digits)}."
    numbers = _numbers(row, 1, unit, digits)
    if row.verdict == "a beats b":
        return f"{row.a} beats {row.b} in {where}: {numbers}."
    why = {
        "one seed: not said": "one training seed, nothing is said",
        EXPLORATORY: "not claimed beforehand, nothing is said",
    }.get(row.verdict, "no difference shown")
    return f"{row.a} against {row.b} in {where}: {why} ({numbers}){_least(row, unit, digits)}."


def _numbers(row: Any, sign: int, unit: str, digits: int) -> str:
    """Return difference, interval, p and effect of a - b (sign 1) or b - a (sign -1)."""
    difference = f"{sign * row.difference:+.{digits}f}{f' {unit}' if unit else ''}"
    if np.isnan(row.p):
        return f"{difference}, one region: neither interval nor test"
    low, high = sorted((sign * row.low, sign * row.high))
    interval = f"[{low:.{digits}f}, {high:.{digits}f}]"
    return f"{difference} {interval}, {_p(row)}, Cliff's delta {sign * row.cliffs_delta:.2f}"


def _p(row: Any) -> str:
    p, how = (row.p, "not adjusted") if row.verdict == EXPLORATORY else (row.p_holm, "Holm")
    return f"{'p < 0.001' if p < 0.001 else f'p = {p:.2g}'} ({how})"


def _least(row: Any, unit: str, digits: int) -> str:
    """Return what a comparison without a result could have shown."""
    if np.isnan(row.smallest):
        return ""
    if np.isinf(row.smallest):
        return "; with so few regions none can be"
    return f"; {row.smallest:.{digits}f}{f' {unit}' if unit else ''} would be, in four of five such runs"
