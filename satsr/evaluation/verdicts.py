"""Which differences between methods may be called results: every pair, the rule for a verdict, and its sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from satsr.evaluation.paired import Chips, Comparison, compare_chips
from satsr.metrics.facts import Better

Verdict = Literal["a beats b", "b beats a", "one seed: not said", "not shown"]

SIGNIFICANCE = 0.05
LEAST_SEEDS = 2  # of a method that learns; with one, its spread over trainings is not known
COLUMNS = ["metric", "protocol", "a", "b", "difference", "low", "high", "p", "p_holm", "cliffs_delta"]
COLUMNS += ["images", "regions", "seeds", "verdict"]


def comparisons(
    scores: pd.DataFrame,
    better: Mapping[str, Better],
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    untrained: Collection[str] = (),
) -> pd.DataFrame:
    """Compare every pair of methods, for every metric and protocol.

    The verdict is that of `verdict`, with p after Holm's adjustment over the pairs of one metric and protocol.

    Two limits. Signed ranks of R regions give no p below 2^(1 - R), so of 7 regions three pairs can be shown, six
    cannot. And a bootstrap of few seeds understates their spread, so a headline takes three or more.

    Args:
        scores: columns method, metric, protocol, tile, region, seed and value.
        better: whether a higher or a lower score is better, per metric.
        level: coverage of the intervals.
        resamples: number of bootstrap resamples.
        seed: of the resampling.
        untrained: methods that do not learn, such as bicubic, so that one seed is all they can have.

    Returns:
        One row per metric, protocol and pair, with the columns `COLUMNS`; methods in the order of `scores`.

    Raises:
        ValueError: for a metric without a direction; from `compare`, naming method, metric and protocol.
    """
    unknown = sorted(set(scores["metric"]) - set(better))
    if unknown:
        raise ValueError(f"got metrics {unknown}, expected some of {sorted(better)}: say which direction is better")
    rows = []
    for (metric, protocol), family in scores.groupby(["metric", "protocol"], sort=False):
        methods = {
            str(name): Chips.of(part, f"{name}, {metric} ({protocol})")
            for name, part in family.groupby("method", sort=False)
        }
        found = {
            (a, b): compare_chips(
                methods[a],
                methods[b],
                better[str(metric)],
                level,
                resamples,
                seed,
                learns=(a not in untrained, b not in untrained),
            )
            for a, b in combinations(methods, 2)
        }
        rows += [{"metric": metric, "protocol": protocol, **row} for row in _family(found, better[str(metric)])]
    return pd.DataFrame(rows, columns=COLUMNS)


def verdict(p: float, low: float, high: float, n_seeds: int, better: Better, rounding: float = 0.0) -> Verdict:
    """Return what a difference a - b may be called: the rule of every table and sentence.

    That one side beats the other needs p < 0.05, an interval without 0, and two seeds of each method that learns. Where
    only the seeds are wanting it is "one seed: not said", otherwise "not shown".

    Args:
        p: of the test, adjusted where several differences are tested together; NaN is no test.
        low: lower end of the difference's interval; NaN is no interval.
        high: upper end.
        n_seeds: training seeds of the learning method with fewer of them; 0 where the verdict is not about trainings:
            neither learns, or both sides are the same trainings.
        better: whether a higher or a lower score is better.
        rounding: differences up to this are none, in the unit of the scores.
    """
    # A NaN compares as false.
    if not (p < SIGNIFICANCE and (low > rounding or high < -rounding)):
        return "not shown"
    if 0 < n_seeds < LEAST_SEEDS:
        return "one seed: not said"
    return "a beats b" if (low > 0) == (better == "higher") else "b beats a"


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p values for testing several hypotheses, step-down (Holm, 1979).

    Args:
        p_values: (n,); NaN is no test and does not count as one.

    Returns:
        Adjusted p values (n,), at most 1; NaN stays NaN.
    """
    adjusted = np.array(p_values, np.float64)
    tested = np.flatnonzero(~np.isnan(adjusted))
    ascending = tested[np.argsort(adjusted[tested], kind="stable")]
    hypotheses_left = np.arange(len(ascending), 0, -1)
    adjusted[ascending] = np.maximum.accumulate(hypotheses_left * adjusted[ascending]).clip(max=1)
    return adjusted


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


def comparisons_as_text(table: pd.DataFrame, metric: str, protocol: str, digits: int = 2) -> pd.DataFrame:
    """Return the comparisons of one metric and protocol as text, one row per pair; arguments as of `sentences`."""
    rows = _part(table, metric, protocol).to_dict("records")
    return pd.DataFrame(
        {
            "pair": f"{row['a']} - {row['b']}",
            "difference": f"{row['difference']:+.{digits}f} [{row['low']:.{digits}f}, {row['high']:.{digits}f}]",
            "p (Holm)": f"{row['p_holm']:.2g}",
            "Cliff's delta": f"{row['cliffs_delta']:.2f}",
            "verdict": row["verdict"]
            .replace("a beats b", f"{row['a']} beats {row['b']}")
            .replace("b beats a", f"{row['b']} beats {row['a']}"),
        }
        for row in rows
    )


def _part(table: pd.DataFrame, metric: str, protocol: str) -> pd.DataFrame:
    part = table[(table["metric"] == metric) & (table["protocol"] == protocol)]
    if part.empty:
        known = ", ".join(dict.fromkeys(table["metric"] + " (" + table["protocol"] + ")"))
        raise ValueError(f"got {metric} ({protocol}), expected one of [{known}]: compare at least two methods in it")
    return part


def _family(found: Mapping[tuple[str, str], Comparison], better: Better) -> list[dict[str, object]]:
    """Return the rows of the pairs that are tested together."""
    adjusted = holm([f.p for f in found.values()])
    return [
        {
            "a": a,
            "b": b,
            "difference": f.difference,
            "low": f.low,
            "high": f.high,
            "p": f.p,
            "p_holm": p_holm,
            "cliffs_delta": f.cliffs_delta,
            "images": f.n_images,
            "regions": f.n_regions,
            "seeds": f.n_seeds,
            "verdict": verdict(p_holm, f.low, f.high, f.n_seeds, better),
        }
        for ((a, b), f), p_holm in zip(found.items(), adjusted, strict=True)
    ]


def _sentence(row: Any, unit: str, digits: int) -> str:
    """Return a row in words, the better method first."""
    where = f"{row.metric} ({row.protocol})"
    if row.verdict == "b beats a":
        return f"{row.b} beats {row.a} in {where}: {_numbers(row, -1, unit, digits)}."
    numbers = _numbers(row, 1, unit, digits)
    if row.verdict == "a beats b":
        return f"{row.a} beats {row.b} in {where}: {numbers}."
    why = "one training seed, nothing is said" if row.verdict == "one seed: not said" else "no difference shown"
    return f"{row.a} against {row.b} in {where}: {why} ({numbers})."


def _numbers(row: Any, sign: int, unit: str, digits: int) -> str:
    """Return difference, interval, p and effect of a - b (sign 1) or b - a (sign -1)."""
    difference = f"{sign * row.difference:+.{digits}f}{f' {unit}' if unit else ''}"
    if np.isnan(row.p):
        return f"{difference}, one region: neither interval nor test"
    low, high = sorted((sign * row.low, sign * row.high))
    interval = f"[{low:.{digits}f}, {high:.{digits}f}]"
    p = "p < 0.001" if row.p_holm < 0.001 else f"p = {row.p_holm:.2g}"
    return f"{difference} {interval}, {p} (Holm), Cliff's delta {sign * row.cliffs_delta:.2f}"
