"""Figures of the page on intervals."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from satsr.evaluation.figures import TEXT_PT, tidy


def coverage_panels(table: pd.DataFrame) -> Figure:
    """Show which share of the ground intervals cover against what they claim, a panel for each method.

    Args:
        table: of `coverage_table`, of several methods.
    """
    methods = list(table.method.unique())
    figure, axes = plt.subplots(
        1, len(methods), figsize=(2.9 * len(methods) + 1.2, 2.9), squeeze=False, sharey=True, layout="constrained"
    )
    for axis, method in zip(axes[0], methods, strict=True):
        axis.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, label="as claimed")
        for kind, own in table[table.method == method].groupby("kind", sort=False):
            reach = np.stack([own.share - own.low, own.high - own.share])
            axis.errorbar(own.level, own.share, reach, marker="o", markersize=3, linewidth=1.2, label=kind)
        axis.set_title(method, fontsize=TEXT_PT)
        axis.set_xlabel("claimed", fontsize=TEXT_PT)
        tidy(axis)
    axes[0][0].set_ylabel("share covered", fontsize=TEXT_PT)
    axes[0][-1].legend(fontsize=TEXT_PT - 1, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
