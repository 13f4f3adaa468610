"""Tables and sentences of the study of SatDiffMoE's options; what is compared comes from `fusion_study`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from satsr.evaluation.intervals import mean_interval
from satsr.evaluation.paired import compare
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.verdicts import holm, verdict
from satsr.metrics.facts import find_metric
from satsr.studies.fusion.settings import AS_SET

# Scores of the same image made in another order differ by less.
ROUNDING = 1e-4
COLUMNS = ["option", "choice", "metric", "mean", "images", "regions", "seeds", "difference", "low", "high", "p"]
UNDECIDED = "undecided"
WORDS = {"no": "worse", "yes": "better", UNDECIDED: UNDECIDED}
NO_DATES = "These data have no dates, so nothing can be said of time."
LEAST_REGIONS = 6  # from which on Wilcoxon's test can reach its level


def against(rows: pd.DataFrame, settings: TableSettings) -> pd.DataFrame:
    """Compare every variant with the one that changes nothing, on the same places and with the same trainings.

    Returns:
        One row per variant and metric: option, choice, metric, mean, images, regions, seeds, difference, low, high, p
        (Wilcoxon's on regions, adjusted after Holm over the variants of the metric), better (yes, no or undecided).
    """
    found = []
    for (option, choice, metric), own in rows.groupby(["option", "choice", "metric"], sort=False):
        base = rows[(rows.option == AS_SET) & (rows.metric == metric)]
        counts = {"images": own.tile.nunique(), "regions": own.region.nunique(), "seeds": own.seed.nunique()}
        line = {"option": option, "choice": choice, "metric": metric, "mean": own.value.mean(), **counts}
        found.append(line if option == AS_SET else line | _duel(own, base, str(metric), settings))
    table = pd.DataFrame(found).reindex(columns=COLUMNS)
    for _, part in table[table.p.notna()].groupby("metric"):
        table.loc[part.index, "p"] = holm(part.p.to_numpy())
    table["better"] = [None if row.option == AS_SET else _verdict(row) for row in table.itertuples()]
    return table


def _duel(own: pd.DataFrame, base: pd.DataFrame, metric: str, settings: TableSettings) -> dict[str, float]:
    duel = compare(own, base, find_metric(metric).better, settings.level, settings.resamples, settings.seed)
    return {"difference": duel.difference, "low": duel.low, "high": duel.high, "p": duel.p}


def _verdict(row: Any) -> str:
    """Return whether a variant is better than the one that changes nothing, of the same trainings: the main rule."""
    said = verdict(row.p, row.low, row.high, 0, find_metric(str(row.metric)).better, ROUNDING)
    return {"a beats b": "yes", "b beats a": "no"}.get(said, UNDECIDED)


def by_count(rows: pd.DataFrame, settings: TableSettings, what: str) -> pd.DataFrame:
    """Return the mean of every method, number and metric, with its interval over regions.

    Args:
        rows: of `study`, with a column `method`; choices are numbers.
        settings: of the bootstrap.
        what: the numbers' column, such as `images`.
    """
    found = []
    for (method, choice, metric), own in rows.groupby(["method", "choice", "metric"], sort=False):
        interval = mean_interval(own, settings.level, settings.resamples, settings.seed)
        line = {"method": method, what: int(str(choice)), "metric": metric}
        found.append({**line, "mean": interval.mean, "low": interval.low, "high": interval.high})
    return pd.DataFrame(found)


def variants_styled(table: pd.DataFrame) -> Styler:
    """Return a comparison with the variant that changes nothing as a table: a row per variant, a column per metric."""
    cells = table.assign(cell=[_cell(row) for row in table.itertuples()])
    wide = cells.pivot_table(index=["option", "choice"], columns="metric", values="cell", aggfunc="first", sort=False)
    return wide.reset_index().rename_axis(columns=None).style.hide()


def _cell(row: Any) -> str:
    if row.option == AS_SET:
        return f"{row.mean:.3f}"
    if not np.isfinite(row.low):
        return f"{row.mean:.3f} ({row.difference:+.3f})"
    return f"{row.mean:.3f} ({row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}])"


def options_sentence(table: pd.DataFrame, metric: str) -> str:
    """Say which option would have been better than the one that is set, by one metric."""
    rows = table[(table.metric == metric) & (table.option != AS_SET)]
    higher = find_metric(metric).better == "higher"
    best = rows.sort_values("difference", ascending=not higher, kind="stable").iloc[0]
    ahead = [f"{row.option} {row.choice}".strip() for row in rows[rows.better == "yes"].itertuples()]
    behind = int((rows.better == "no").sum())
    better = (
        f"shown to be better than as set: {', '.join(ahead)}" if ahead else "none is shown to be better than as set"
    )
    return (
        f"By {metric} on the validation chips, of {len(rows)} changes {better}; {behind} shown to be worse. The best "
        f"mean: {best.option} {best.choice} ({best.difference:+.3f}). {_scope(rows)}"
    )


def _scope(rows: pd.DataFrame) -> str:
    """Say what a verdict covers."""
    regions, seeds = int(rows.regions.iloc[0]), int(rows.seeds.iloc[0])
    few = f" Fewer than {LEAST_REGIONS} regions cannot decide anything." if regions < LEAST_REGIONS else ""
    trainings = "one training" if seeds == 1 else f"{seeds} trainings"
    return f"({regions} regions, {trainings}.){few}"


def images_sentence(rows: pd.DataFrame, settings: TableSettings) -> str:
    """Say what more images do for SatDiffMoE, in each metric."""
    own = rows[rows.method == "satdiffmoe"]
    counts = sorted({int(choice) for choice in own.choice})
    asked = own[own.choice.isin([str(counts[0]), str(counts[-1])])]
    table = against(asked.assign(option=asked.choice.map({str(counts[0]): AS_SET}).fillna("images")), settings)
    changes = table[table.option != AS_SET]
    lines = [f"- {row.metric}: {_change(row)}" for row in changes.itertuples()]
    return f"SatDiffMoE with {counts[-1]} images against {counts[0]} {_scope(changes)}\n\n" + "\n".join(lines)


def steps_sentence(rows: pd.DataFrame, settings: TableSettings, metric: str, as_set: Mapping[str, int]) -> str:
    """Say of each method whether one step is as good as the number that it is set to, by one metric.

    Args:
        rows: of `study`, with a column `method`; choices are numbers of steps.
        settings: of the bootstrap.
        metric: that decides.
        as_set: number of steps of each method.
    """
    lines = []
    for method, count in as_set.items():
        own = rows[(rows.method == method) & (rows.metric == metric)]
        few = min(int(choice) for choice in own.choice)
        asked = own[own.choice.isin([str(few), str(count)])]
        table = against(asked.assign(option=asked.choice.map({str(count): AS_SET}).fillna("steps")), settings)
        changes = table[table.option != AS_SET]
        lines += [f"- {method}, {few} against {count}: {_change(row)}" for row in changes.itertuples()]
    return f"Steps by {metric}:\n\n" + "\n".join(lines)


def time_sentence(table: pd.DataFrame, metric: str) -> str:
    """Say whether wrong times make images worse, by one metric; the table is empty where no dates are known."""
    if table.empty:
        return NO_DATES
    rows = table[(table.metric == metric) & (table.option != AS_SET)]
    said = [f"{row.option}, {row.choice}: {_change(row)}" for row in rows.itertuples()]
    matters = (rows.better == "no").any()
    verdict = "Time matters in this run" if matters else "This run does not show that time matters"
    return f"{verdict} (by {metric}: {'; '.join(said)}). {_scope(rows)}"


def _change(row: Any) -> str:
    interval = f" [{row.low:+.3f}, {row.high:+.3f}]" if np.isfinite(row.low) else ""
    return f"{row.difference:+.3f}{interval}, {WORDS[str(row.better)]}"


def coverage_sentence(table: pd.DataFrame, factor: float, correlation: float) -> str:
    """Say how far the uncertainty is from calibrated."""
    said = []
    level = min(table.nominal, key=lambda nominal: abs(nominal - 0.9))
    for kind, rows in table[table.nominal == level].groupby("deviation", sort=False):
        said.append(f"{kind}, {100 * rows.share.iloc[0]:.0f} %")
    return (
        f"Intervals of nominally {100 * level:.0f} % cover: {'; '.join(said)}. The factor is {factor:.2f}. The rank "
        f"correlation of deviation and error is {correlation:.2f}: the map says where errors are likely as far as that "
        "goes."
    )
