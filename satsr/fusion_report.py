"""Tables and sentences of the study of SatDiffMoE's options; what is compared comes from `fusion_study`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from satsr.fusion_study import AS_SET
from satsr.metrics.registry import find_metric
from satsr.paired import compare
from satsr.settings import TableSettings
from satsr.statistics import mean_interval

# Scores of the same image made in another order differ by less.
ROUNDING = 1e-4
WORDS = {"no": "worse", "yes": "better", "undecided": "undecided"}


def against(rows: pd.DataFrame, settings: TableSettings) -> pd.DataFrame:
    """Compare every variant with the one that changes nothing, on the same places.

    Returns:
        One row per variant and metric: option, choice, metric, mean, difference, low, high, better (whether the
        interval leaves out 0 on the better side, or the worse: yes, no, undecided), images, regions.
    """
    found = []
    for (option, choice, metric), own in rows.groupby(["option", "choice", "metric"], sort=False):
        base = rows[(rows.option == AS_SET) & (rows.metric == metric)]
        line = {"option": option, "choice": choice, "metric": metric, "mean": own.value.mean()}
        if option != AS_SET:
            duel = compare(
                own, base, find_metric(str(metric)).better, settings.level, settings.resamples, settings.seed
            )
            line |= {"difference": duel.difference, "low": duel.low, "high": duel.high}
            line["better"] = _verdict(duel.low, duel.high, find_metric(str(metric)).better)
        found.append({**line, "images": own.tile.nunique(), "regions": own.region.nunique()})
    return pd.DataFrame(found)


def _verdict(low: float, high: float, better: str) -> str:
    if not (low > ROUNDING or high < -ROUNDING):  # also where there is no interval
        return "undecided"
    return "yes" if (low > 0) == (better == "higher") else "no"


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


def shown(table: pd.DataFrame) -> Styler:
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
    ahead = [f"{row.option} {row.choice}".strip() for row in rows[rows.better == "yes"].itertuples()]
    behind = int((rows.better == "no").sum())
    better = f"better than as set: {', '.join(ahead)}" if ahead else "none is better than as set"
    return f"By {metric} on the validation chips, of {len(rows)} changes {better}; {behind} worse, the rest undecided."


def images_sentence(rows: pd.DataFrame, settings: TableSettings) -> str:
    """Say what more images do for SatDiffMoE, in each metric."""
    own = rows[rows.method == "satdiffmoe"]
    counts = sorted({int(choice) for choice in own.choice})
    lines = []
    for metric in dict.fromkeys(own.metric):
        many, one = (own[(own.metric == metric) & (own.choice == str(n))] for n in (counts[-1], counts[0]))
        duel = compare(many, one, find_metric(str(metric)).better, settings.level, settings.resamples, settings.seed)
        word = WORDS[_verdict(duel.low, duel.high, find_metric(str(metric)).better)]
        lines.append(f"- {metric}: {duel.difference:+.3f} [{duel.low:+.3f}, {duel.high:+.3f}], {word}")
    return f"SatDiffMoE with {counts[-1]} images against {counts[0]}:\n\n" + "\n".join(lines)


def steps_sentence(rows: pd.DataFrame, settings: TableSettings, metric: str) -> str:
    """Say of each method whether one step is as good as the most that were tried, by one metric."""
    lines = []
    for method, own in rows[rows.metric == metric].groupby("method", sort=False):
        counts = sorted({int(choice) for choice in own.choice})
        one, many = (own[own.choice == str(n)] for n in (counts[0], counts[-1]))
        duel = compare(one, many, find_metric(metric).better, settings.level, settings.resamples, settings.seed)
        word = WORDS[_verdict(duel.low, duel.high, find_metric(metric).better)]
        change = f"{duel.difference:+.3f} [{duel.low:+.3f}, {duel.high:+.3f}]"
        lines.append(f"- {method}, {counts[0]} against {counts[-1]}: {change}, {word}")
    return f"Steps by {metric}:\n\n" + "\n".join(lines)


def time_sentence(table: pd.DataFrame, metric: str) -> str:
    """Say whether wrong times make images worse, by one metric."""
    rows = table[(table.metric == metric) & (table.option != AS_SET)]
    said = [
        f"{row.choice}: {row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}], {WORDS[str(row.better)]}"
        for row in rows.itertuples()
    ]
    matters = (rows.better == "no").any()
    verdict = "Time matters in this run" if matters else "This run does not show that time matters"
    return f"{verdict} (by {metric}: {'; '.join(said)})."


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
