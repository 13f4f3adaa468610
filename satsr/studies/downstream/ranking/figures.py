"""Figures of which metric predicts use."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from satsr.evaluation.figures import TEXT_PT, tidy
from satsr.metrics.facts import find_metric
from satsr.studies.downstream.ranking.report import FOUND, LEARNED
from satsr.studies.downstream.ranking.settings import RankingSettings

ACROSS = 3  # panels


def scatter(systems: pd.DataFrame, settings: RankingSettings) -> Figure | None:
    """Show every system by a metric and by its use; a panel per use and metric, a color per family.

    Dots learned from data, crosses did not.

    Args:
        systems: from `systems_table`.
        settings: which metrics.
    """
    if systems.empty or not settings.metrics:
        return None
    wide = systems.pivot_table(index=["family", "system", "learned"], columns="what", values="value", sort=False)
    metrics = [metric for metric in settings.metrics if metric in wide]
    panels = [(use, metric) for use in (FOUND, LEARNED) if use in wide for metric in metrics]
    if not panels:
        return None
    rows = -(-len(panels) // ACROSS)
    figure, axes = plt.subplots(rows, ACROSS, figsize=(8.6, 2.5 * rows + 0.8), squeeze=False, layout="constrained")
    families = list(dict.fromkeys(wide.index.get_level_values("family")))
    colors = {family: plt.get_cmap("tab20")(number % 20) for number, family in enumerate(families)}
    for axis, (use, metric) in zip(axes.flat, panels, strict=False):
        for (family, learned), own in wide.groupby(level=["family", "learned"], sort=False):
            marker = "o" if learned else "x"
            axis.scatter(own[metric], own[use], s=26, marker=marker, color=colors[family], label=family)
        axis.set_xlabel(f"{metric}, {find_metric(metric).better} is better", fontsize=TEXT_PT)
        axis.set_ylabel(use, fontsize=TEXT_PT - 1)
        tidy(axis)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize=TEXT_PT - 1, frameon=False)
    return figure
