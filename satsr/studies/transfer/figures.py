"""Figures of the transfer study."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from satsr.evaluation.figures import TEXT_PT, tidy


def by_share(table: pd.DataFrame) -> Figure | None:
    """Show accuracies and intervals against the number of labels; a line per encoder, a panel per way of learning.

    Args:
        table: from `accuracy_table`.
    """
    if table.empty:
        return None
    probes = list(dict.fromkeys(table.probe))
    size = 3.4 * len(probes) + 1.4, 2.8
    figure, axes = plt.subplots(1, len(probes), figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axis, probe in zip(axes[0], probes, strict=True):
        for encoder, own in table[table.probe == probe].groupby("encoder", sort=False):
            spread = np.nan_to_num(np.abs(np.stack([own.accuracy - own.low, own.high - own.accuracy])))
            axis.errorbar(own.labels, 100 * own.accuracy, yerr=100 * spread, fmt="o-", capsize=3, label=encoder)
        axis.set_title(probe, fontsize=TEXT_PT)
        axis.set_xscale("log")
        axis.set_xticks(sorted(table.labels.unique()))
        axis.get_xaxis().set_major_formatter("{x:.0f}")
        axis.minorticks_off()
        axis.set_xlabel("labels", fontsize=TEXT_PT)
        tidy(axis)
    axes[0][0].set_ylabel("accuracy (%), higher is better", fontsize=TEXT_PT)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", fontsize=TEXT_PT - 1, frameon=False)
    return figure
