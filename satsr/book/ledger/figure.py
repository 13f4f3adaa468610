"""The first page's figure: what every method gains over bicubic."""

from __future__ import annotations

from io import StringIO

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from satsr.evaluation.figures import TEXT_PT, tidy

TITLES = {"psnr": "PSNR, dB", "cpsnr": "cPSNR (tone taken away), dB", "clipscore:judge": "CLIPScore of the judge"}


def gains_figure(table: pd.DataFrame) -> str:
    """Draw gains with their intervals as SVG, equal bytes for equal tables.

    Args:
        table: metric, method, mean, low, high.
    """
    shown = [metric for metric in TITLES if (table.metric == metric).any()] or list(TITLES)
    methods = list(dict.fromkeys(table.method))
    figure = Figure(figsize=(9, 0.34 * max(3, len(methods)) + 0.8), layout="constrained")
    axes = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axis, metric in zip(axes, shown, strict=True):
        own = table[table.metric == metric].set_index("method").reindex(methods)
        rows = range(len(methods))
        reach = [own["mean"] - own.low, own.high - own["mean"]]
        axis.errorbar(own["mean"], rows, xerr=reach, fmt="o", markersize=4, linewidth=1.3, color="C0")
        axis.axvline(0, color="0.5", linewidth=0.8)
        axis.set_title(TITLES[metric], fontsize=TEXT_PT + 2)
        axis.set_yticks(rows, methods, fontsize=TEXT_PT + 2)
        tidy(axis)
    axes[0].invert_yaxis()
    text = StringIO()
    with mpl.rc_context({"svg.hashsalt": "satsr"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
