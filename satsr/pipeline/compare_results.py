"""Compare a fresh run's main table with the committed one: other processors round otherwise, but not far.

How far is taken from runs that were seen (`seen_runs`). A table that the same processor made before has to be equal.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from satsr.common.reading_text import check_columns, readable
from satsr.pipeline.seen_runs import ENOUGH_KINDS, VALUES, SeenRuns, rounding

COUNTS = ["images", "regions", "seeds"]
KEY = ["method", "dataset", "metric", "protocol"]
TABLE = ["dataset", "metric", "protocol"]  # the methods of one of these are ranked
REMEDY = "name the main.csv of a run, as it was written"
WIDTHS = 3.0  # of the committed interval that a value may move whose metric was seen on one processor only
LEAST_RANK_CORRELATION = 0.8  # Spearman's; seen between processors: 0.88 and more, where all methods ran


def differences(committed: Path, fresh: Path, processor: str, seen: SeenRuns) -> tuple[list[str], bool]:
    """Return a line for every cell that differs, and whether all of them may pass.

    A cell fails when it is missing on either side, when a value is not finite, when its mean or an end of its interval
    moved further than `allowances` says, or when it covers other numbers of images, regions or seeds. The methods of
    one metric and protocol fail when Spearman's correlation of their ranks is below 0.8.

    Args:
        committed: the main table to keep to.
        fresh: the main table of another run.
        processor: made the fresh one.
        seen: runs of several processors.
    """
    old, new = read_main(committed), read_main(fresh)
    allowed = allowances(old, processor, seen)
    lines = _missing(old, new)
    for cell in old.index.intersection(new.index, sort=False):
        lines += _cell_differences(" ".join(map(str, cell)), old.loc[cell], new.loc[cell], allowed.loc[cell])
    lines += _rank_failures(old, new)
    return lines, not any(line.startswith("FAIL") for line in lines)


def read_main(path: Path) -> pd.DataFrame:
    """Return a main table by `KEY`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no table, a column that is missing or holds something else than numbers, or a line that stands
            twice.
    """
    with readable(path, "a main table", REMEDY):
        table = pd.read_csv(path)
        check_columns(path, table.columns, [*KEY, *VALUES, *COUNTS], REMEDY)
        for name in [*VALUES, *COUNTS]:
            if not is_numeric_dtype(table[name]):
                pd.to_numeric(table[name])  # says which value is no number
        twice = table[table.duplicated(KEY)]
    if len(twice):
        cell = " ".join(map(str, twice.iloc[0][KEY]))
        raise ValueError(f"{path}: got two lines of {cell}, expected one: {REMEDY}")
    return table.set_index(KEY)


def allowances(main: pd.DataFrame, processor: str, seen: SeenRuns) -> pd.DataFrame:
    """Return how far every cell may move, by `KEY`, for mean, low and high.

    Rounding of the last written digit when the same processor made the table before. Else what `SeenRuns.allowed`
    says, and at least rounding; for a metric that no two processors have shown yet, three widths of its interval.
    """
    least = main[VALUES].map(rounding)
    if processor in seen.processors_of(main.reset_index()):
        return least
    return pd.DataFrame([_seen_or_wide(row, seen) for row in main.reset_index().itertuples()], main.index).clip(least)


def basis(committed: Path, processor: str, seen: SeenRuns) -> list[str]:
    """Return lines that say what is allowed and why, and which methods could be swapped without a failure."""
    main = read_main(committed)
    if processor in seen.processors_of(main.reset_index()):
        return [f"made on the same processor ({processor}): equal but for the last digit"]
    few = len(seen.kinds) < ENOUGH_KINDS
    why = f"{len(seen.kinds)} kinds of processors seen" + (f", widened until {ENOUGH_KINDS} are" if few else "")
    unnoticed = ", ".join(" with ".join(pair) for pair in interchangeable(main, processor, seen))
    return [
        f"allowed: {seen.factor:g} times the largest spread between processors ({why})",
        f"a swap of these methods would go unnoticed: {unnoticed or 'none'}",
    ]


def interchangeable(main: pd.DataFrame, processor: str, seen: SeenRuns) -> list[tuple[str, str]]:
    """Return the pairs of methods whose rows could be swapped without a failure."""
    allowed = allowances(main, processor, seen)
    methods = main.index.get_level_values("method").unique()
    return [pair for pair in combinations(methods, 2) if _passes(main, swapped(main, *pair), allowed)]


def swapped(main: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """Return a main table in which two methods have each other's numbers."""
    return main.rename(index={one: other, other: one}, level="method").reindex(main.index)


def _passes(old: pd.DataFrame, new: pd.DataFrame, allowed: pd.DataFrame) -> bool:
    near = (new[VALUES] - old[VALUES]).abs().to_numpy() <= allowed.to_numpy()
    return bool(near.all()) and new[COUNTS].equals(old[COUNTS]) and not _rank_failures(old, new)


def _seen_or_wide(row: Any, seen: SeenRuns) -> dict[str, float]:
    allowed = seen.allowed(row.method, row.metric, row.protocol)
    return dict.fromkeys(VALUES, WIDTHS * (row.high - row.low)) if allowed is None else allowed


def _missing(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    return [
        f"FAIL {' '.join(map(str, cell))}: only in the {'fresh' if cell in new.index else 'committed'} table"
        for cell in old.index.union(new.index, sort=False)
        if cell not in old.index or cell not in new.index
    ]


def _cell_differences(name: str, before: pd.Series, after: pd.Series, allowed: pd.Series) -> list[str]:
    lines = []
    for column in [*VALUES, *COUNTS]:
        limit = 0.0 if column in COUNTS else float(allowed[column])
        lines += _difference(f"{name} {column}", float(before[column]), float(after[column]), limit)
    return lines


def _difference(name: str, before: float, after: float, allowed: float) -> list[str]:
    """Return a line when a value differs; it fails when it is not finite or moved further than allowed."""
    moved = abs(after - before)
    if moved == 0:
        return []
    passes = np.isfinite(after) and moved <= allowed
    return [f"{'ok  ' if passes else 'FAIL'} {name}: {before:.6g} -> {after:.6g}, allowed +-{allowed:.3g}"]


def _rank_failures(old: pd.DataFrame, new: pd.DataFrame) -> list[str]:
    """Return a line for every metric and protocol that ranks the methods too differently."""
    both = pd.DataFrame({"old": old["mean"], "new": new["mean"]}).dropna()
    lines = []
    for table, means in both.groupby(TABLE, sort=False):
        correlation = means.old.rank().corr(means.new.rank())
        if correlation < LEAST_RANK_CORRELATION - 1e-9:
            lines.append(
                f"FAIL {' '.join(map(str, table))}: rank correlation of the methods is {correlation:.2f}, "
                f"expected at least {LEAST_RANK_CORRELATION}"
            )
    return lines
