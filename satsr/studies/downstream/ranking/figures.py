"""Figures of which metric predicts use."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from satsr.evaluation.figures import TEXT_PT
from satsr.metrics.facts import find_metric
from satsr.studies.downstream.ranking.report import FOUND, LEARNED
from satsr.studies.downstream.ranking.settings import RankingSettings


def scatter(systems: pd.DataFrame, settings: RankingSettings) -> Figure | None:
    """Show every system by a metric and by its use; a panel per metric, a row per use, a color per family.

    Args:
        systems: from `systems_table`.
        settings: which metrics.
    """
    if systems.empty or not settings.metrics:
        return None
    wide = systems.pivot_table(index=["family", "system", "learned"], columns="what", values="value", sort=False)
    uses = [use for use in (FOUND, LEARNED) if use in wide]
    size = 2.5 * len(settings.metrics) + 1.9, 2.5 * len(uses) + 0.4
    figure, axes = plt.subplots(
        len(uses), len(settings.metrics), figsize=size, squeeze=False, sharey="row", layout="constrained"
    )
    families = list(dict.fromkeys(wide.index.get_level_values("family")))
    colors = {family: plt.get_cmap("tab20")(number % 20) for number, family in enumerate(families)}
    for row, use in zip(axes, uses, strict=True):
        for axis, metric in zip(row, settings.metrics, strict=True):
            for (family, learned), own in wide.groupby(level=["family", "learned"], sort=False):
                marker = "o" if learned else "x"
                axis.scatter(own[metric], own[use], s=26, marker=marker, color=colors[family], label=family)
            axis.set_xlabel(f"{metric}, {find_metric(metric).better} is better", fontsize=TEXT_PT - 1)
            axis.tick_params(labelsize=TEXT_PT - 1)
            axis.grid(alpha=0.25, linewidth=0.6)
            axis.spines[["top", "right"]].set_visible(False)
        row[0].set_ylabel(use, fontsize=TEXT_PT)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=TEXT_PT - 1, frameon=False)
    return figure
