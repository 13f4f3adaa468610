"""Figures of a study of variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from satsr.evaluation.figures import TEXT_PT, tidy
from satsr.metrics.facts import find_metric
from satsr.studies.ablations.report import Report
from satsr.studies.ablations.settings import BICUBIC, AblationSettings

TITLES = {
    "val_psnr": "validation PSNR (dB), higher is better",
    "val_lpips": "validation LPIPS, lower is better",
    "val_clipscore": "validation CLIPScore, higher is better",
}


def counts_plot(found: Mapping[str, Report], studies: Mapping[str, AblationSettings]) -> Figure | None:
    """Show means and intervals against the number that each variant is named by, a line per method that may be shown.

    Args:
        found: by method.
        studies: by method; those that are shown have the same metrics.
    """
    shown = {method: each for method, each in found.items() if any(not why for why in each.hidden.values())}
    if not shown:
        return None
    metrics = studies[next(iter(shown))].metrics
    size = 2.9 * len(metrics), 2.4
    figure, axes = plt.subplots(1, len(metrics), figsize=size, squeeze=False, layout="constrained")
    for axis, metric in zip(axes[0], metrics, strict=True):
        for method, each in shown.items():
            hidden = {name for name, why in each.hidden.items() if why}
            rows = each.means[each.means.metric.eq(metric) & ~each.means.variant.isin([BICUBIC, *hidden])]
            counts = rows.variant.astype(int)
            spread = np.abs(np.stack([rows["mean"] - rows.low, rows.high - rows["mean"]]))
            axis.errorbar(counts, rows["mean"], yerr=spread, fmt="o-", markersize=4, capsize=3, label=method)
        unit, better = find_metric(metric).unit, find_metric(metric).better
        axis.set_title(f"{metric}{f' ({unit})' if unit else ''}, {better} is better", fontsize=TEXT_PT)
        axis.set_xscale("log", base=2)
        axis.set_xticks(sorted({int(name) for each in shown.values() for name in each.hidden}))
        axis.get_xaxis().set_major_formatter("{x:.0f}")
        axis.set_xlabel("images", fontsize=TEXT_PT)
        tidy(axis)
    axes[0][0].legend(fontsize=TEXT_PT - 1, frameon=False)
    return figure


def forest(found: Report, study: AblationSettings) -> Figure | None:
    """Show mean and interval of every variant that may be shown, and of bicubic; one panel per metric."""
    hidden = {name for name, why in found.hidden.items() if why}
    table = found.means[~found.means.variant.isin(hidden)]
    names = [name for name in (*study.variants, BICUBIC) if name in set(table.variant)]
    if set(names) <= {BICUBIC}:
        return None
    count = len(study.metrics)
    size = 2.9 * count, 0.7 + 0.3 * len(names)
    figure, axes = plt.subplots(1, count, figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axis, metric in zip(axes[0], study.metrics, strict=True):
        rows = table[table.metric.eq(metric)].groupby("variant").first().loc[names[::-1]]
        spread = np.abs(np.stack([rows["mean"] - rows.low, rows.high - rows["mean"]]))
        flattered = rows.flattered.to_numpy(bool)
        for mask, fill in ((~flattered, "#20639b"), (flattered, "white")):
            if mask.any():
                where = np.flatnonzero(mask)
                axis.errorbar(
                    rows["mean"].iloc[where], where, xerr=spread[:, where],
                    fmt="o", markersize=5, capsize=3, color="#20639b", markerfacecolor=fill,
                )  # fmt: skip
        unit, better = find_metric(metric).unit, find_metric(metric).better
        axis.set_xlabel(f"{metric}{f' ({unit})' if unit else ''}, {better} is better", fontsize=TEXT_PT)
        axis.set_yticks(range(len(names)), names[::-1])
        axis.margins(y=0.12)
        tidy(axis)
    return figure


def curves_plot(curves: pd.DataFrame, names: Sequence[str]) -> Figure | None:
    """Show the validation scores of some variants against the step: a color each, a thin line for every seed.

    Args:
        curves: one row per variant, seed and validation, from `try_variants`.
        names: of the variants that may be shown.
    """
    scores = sorted((str(column) for column in curves if str(column).startswith("val_")), reverse=True)
    if not names or not scores:
        return None
    figure, axes = plt.subplots(1, len(scores), figsize=(2.9 * len(scores), 2.6), squeeze=False, layout="constrained")
    for axis, score in zip(axes[0], scores, strict=True):
        for number, name in enumerate(names):
            own, style = curves[curves.variant == name], {"color": f"C{number}"}
            runs = [run for _, run in own.groupby("seed", sort=False)]
            mean = own.groupby("step")[score].mean()
            axis.plot(mean.index, mean, label=name, linewidth=1.5, **style)
            for run in runs if len(runs) > 1 else ():
                axis.plot(run.step, run[score], linewidth=0.6, alpha=0.5, **style)
        axis.set_title(TITLES.get(score, score.replace("_", " ")), fontsize=TEXT_PT)
        axis.set_xlabel("step", fontsize=TEXT_PT)
        tidy(axis)
    axes[0][0].legend(fontsize=TEXT_PT - 1, frameon=False)
    return figure
