"""The study's figures. Every function returns a matplotlib figure on a white ground, legible in a dark page too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

TEXT_PT = 9


def as_image(image: Tensor) -> NDArray[np.float32]:
    """Return (C, H, W) in [0, 1] as (H, W, 3): the first three bands, or one repeated."""
    bands = image[:3] if len(image) >= 3 else image[:1].repeat(3, 1, 1)
    return bands.clamp(0, 1).permute(1, 2, 0).float().cpu().numpy()


def outlined(image: Tensor, labels: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return an image (C, H, W) as a picture with the outlines of a label map (H, W) drawn in yellow."""
    from skimage.segmentation import mark_boundaries

    return mark_boundaries(as_image(image), labels, mode="inner").astype(np.float32)


def picture_grid(rows: Sequence[Sequence[NDArray]], columns: Sequence[str], labels: Sequence[str]) -> Figure:
    """Show pictures (H, W, 3), one row each, pixels as squares; LR pictures are enlarged without interpolation.

    Args:
        rows: pictures, as many in each row as there are columns.
        columns: headings.
        labels: one per row, at its left.
    """
    shape = (len(rows), len(columns))
    size = 1.55 if shape[1] > 4 else 2.0
    figure, axes = plt.subplots(
        *shape, figsize=(size * shape[1], size * shape[0] + 0.3), squeeze=False, layout="constrained"
    )
    for axis_row, pictures, label in zip(axes, rows, labels, strict=True):
        for axis, picture in zip(axis_row, pictures, strict=True):
            axis.imshow(picture, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        axis_row[0].set_ylabel(label, fontsize=TEXT_PT)
    for axis, heading in zip(axes[0], columns, strict=True):
        axis.set_title(heading, fontsize=TEXT_PT)
    return figure


def picture_rows(groups: Sequence[Sequence[tuple[Tensor, str]]], per_row: int) -> Figure:
    """Show groups of captioned pictures, several groups beside each other.

    Args:
        groups: of (image (C, H, W) in [0, 1], caption), all of one length.
        per_row: groups in a row.
    """
    across = per_row * len(groups[0])
    size = 1.35 if across > 5 else 1.75
    down = -(-len(groups) // per_row)
    figure, axes = plt.subplots(
        down, across, figsize=(size * across, (size + 0.3) * down), squeeze=False, layout="constrained"
    )
    pictures = [cell for group in groups for cell in group]
    for axis, cell in zip_longest(axes.flat, pictures):
        axis.set_axis_off()
        if cell is not None:
            axis.imshow(as_image(cell[0]), interpolation="nearest")
            axis.set_title(cell[1], fontsize=TEXT_PT)
    return figure


def agreement_plot(table: pd.DataFrame) -> Figure:
    """Show the agreement of every metric with its interval, best on top, and chance as a line."""
    rows = table.sort_values("agreement")
    figure, axis = plt.subplots(figsize=(6, 0.32 * len(rows) + 0.8), layout="constrained")
    spread = np.stack([rows.agreement - rows.low, rows.high - rows.agreement]).clip(min=0)
    axis.errorbar(rows.agreement, rows.metric, xerr=spread, fmt="o", markersize=4, capsize=3, color="#20639b")
    axis.axvline(0.5, color="gray", linestyle="--", linewidth=1)
    axis.set(xlim=(0, 1), xlabel="share of pairs in which the metric prefers the closer image")
    tidy(axis)
    return figure


def agreement_heatmap(table: pd.DataFrame) -> Figure:
    """Show the agreement of every metric with every kind of pairs."""
    import seaborn as sns

    order = list(dict.fromkeys(table.metric))
    wide = table.pivot(index="metric", columns="kind", values="agreement").loc[order]
    wide.columns = [str(kind).replace("_", "\n") for kind in wide.columns]
    figure, axis = plt.subplots(figsize=(0.85 * wide.shape[1] + 1.8, 0.36 * len(wide) + 1.0), layout="constrained")
    sns.heatmap(
        wide, ax=axis, vmin=0, vmax=1, center=0.5, cmap="RdBu", annot=True, fmt=".2f", annot_kws={"size": TEXT_PT - 1}
    )
    axis.set(xlabel="", ylabel="")
    axis.tick_params(labelsize=TEXT_PT - 1, rotation=0)
    return figure


def quirk_plot(rows: pd.DataFrame) -> Figure:
    """Show how far each quirk moves a score, as a share of the difference between the kinds of output.

    Args:
        rows: metric, quirk, output, share.
    """
    import seaborn as sns

    labels = rows.metric + ": " + rows.quirk
    figure, axis = plt.subplots(figsize=(7, 0.3 * labels.nunique() + 0.9), layout="constrained")
    sns.barplot(x=rows["share"], y=labels, hue=rows.output, ax=axis, palette=["#8d99ae", "#20639b"], errorbar=None)
    axis.set(xlabel="change / difference between the two kinds of output", ylabel="")
    axis.legend(title="", fontsize=TEXT_PT - 1, frameon=False)
    tidy(axis)
    return figure


def strength_plot(table: pd.DataFrame) -> Figure:
    """Show Bradley-Terry strengths with intervals, one panel per voter."""
    voters = list(dict.fromkeys(table.voter))
    figure, axes = plt.subplots(
        1, len(voters), figsize=(1.9 * len(voters) + 0.6, 1.9), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, voter in zip(axes[0], voters, strict=True):
        rows = table[table.voter == voter].iloc[::-1]
        spread = np.stack([rows.strength - rows.low, rows.high - rows.strength]).clip(min=0)
        axis.errorbar(rows.strength, rows.method, xerr=spread, fmt="o", markersize=4, capsize=3, color="#20639b")
        axis.set_title(voter, fontsize=TEXT_PT)
        axis.margins(y=0.3)
        tidy(axis)
    return figure


def training_curves(curves: dict[str, pd.DataFrame]) -> Figure:
    """Show validation scores and every loss against the step; one line per seed."""
    columns = {str(c) for curve in curves.values() for c in curve}
    kinds = [sorted(c for c in columns if c.startswith(prefix)) for prefix in ("val_", "loss_")]
    shown = [*reversed(kinds[0]), *kinds[1]]  # PSNR before LPIPS
    figure, axes = plt.subplots(1, len(shown), figsize=(2.6 * len(shown), 2.4), squeeze=False, layout="constrained")
    titles = {"val_psnr": "validation PSNR (dB)", "val_lpips": "validation LPIPS"}
    for axis, column in zip(axes[0], shown, strict=True):
        for label, curve in curves.items():
            axis.plot(curve.step, curve[column], label=label, linewidth=1.2)
        axis.set_title(titles.get(column, column.replace("_", " ")), fontsize=TEXT_PT)
        axis.set_xlabel("step", fontsize=TEXT_PT)
        tidy(axis)
    axes[0][0].legend(fontsize=TEXT_PT - 1, frameon=False)
    return figure


def interval_plot(table: pd.DataFrame, metrics: Sequence[str], units: dict[str, str]) -> Figure:
    """Show mean and interval of every method, one panel per metric.

    Args:
        table: rows of one protocol, with method, metric, mean, low and high.
        metrics: the panels, in order.
        units: of the metrics.
    """
    figure, axes = plt.subplots(1, len(metrics), figsize=(2.7 * len(metrics), 2.0), squeeze=False, layout="constrained")
    for axis, metric in zip(axes[0], metrics, strict=True):
        rows = table[table.metric == metric].iloc[::-1]
        spread = np.abs(np.stack([rows["mean"] - rows.low, rows.high - rows["mean"]]))
        axis.errorbar(rows["mean"], rows.method, xerr=spread, fmt="o", markersize=4, capsize=3, color="#20639b")
        axis.set_xlabel(f"{metric} ({units[metric]})" if units[metric] else metric, fontsize=TEXT_PT)
        axis.margins(y=0.3)
        tidy(axis)
    return figure


def band_histograms(images: dict[str, Sequence[NDArray[np.uint8]]]) -> Figure:
    """Show the distribution of 8-bit values per band; one line style per group of images (H, W, 3)."""
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.2), sharey=True, layout="constrained")
    for band, (axis, name) in enumerate(zip(axes, ("red", "green", "blue"), strict=True)):
        for (label, group), style in zip(images.items(), ("-", "--", ":", "-."), strict=False):
            values = np.concatenate([image[..., band].ravel() for image in group])
            share, edges = np.histogram(values, bins=64, range=(0, 256), density=True)
            axis.plot(edges[:-1] + 2, share, style, label=label, linewidth=1.2)
        axis.set_title(name, fontsize=TEXT_PT)
        tidy(axis)
    axes[0].legend(fontsize=TEXT_PT - 1, frameon=False)
    return figure


def tidy(axis: Axes) -> None:
    """Give an axis the look of the study's figures: small labels, a faint grid, no frame above and at the right."""
    axis.tick_params(labelsize=TEXT_PT - 1)
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)


def variant_plot(table: pd.DataFrame) -> Figure:
    """Show how far every variant is from the one that changes nothing, a panel per metric, with intervals."""
    rows = table[table.difference.notna()] if "difference" in table else table.iloc[:0]
    metrics = list(dict.fromkeys(rows.metric))
    labels = list(dict.fromkeys(f"{o}: {c}" if c else str(o) for o, c in zip(rows.option, rows.choice, strict=True)))
    figure, axes = plt.subplots(
        1, max(1, len(metrics)), figsize=(9, 1 + 0.24 * len(labels)), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, metric in zip(axes[0], metrics, strict=False):
        own = rows[rows.metric == metric]
        places = range(len(own))
        bars = [(own.difference - own.low).fillna(0), (own.high - own.difference).fillna(0)]
        axis.errorbar(own.difference, places, xerr=bars, fmt="o", markersize=3, linewidth=1)
        axis.axvline(0, color="0.6", linewidth=0.8)
        axis.set_title(f"{metric}, difference", fontsize=TEXT_PT)
        axis.set_yticks(list(places), labels)
        tidy(axis)
    axes[0][0].invert_yaxis()
    return figure


def count_plot(table: pd.DataFrame, what: str) -> Figure:
    """Show every method's scores against a number, a panel per metric.

    Args:
        table: columns method, metric, mean, and one of the numbers.
        what: that column, such as `images` or `steps`.
    """
    metrics = list(dict.fromkeys(table.metric))
    figure, axes = plt.subplots(1, len(metrics), figsize=(3.1 * len(metrics), 2.7), squeeze=False, layout="constrained")
    for axis, metric in zip(axes[0], metrics, strict=True):
        for method, own in table[table.metric == metric].groupby("method", sort=False):
            wide = 2.2 if method == "satdiffmoe" else 1.0
            axis.plot(own[what], own["mean"], marker="o", markersize=3, linewidth=wide, label=method)
        axis.set_xscale("log", base=2)
        axis.set_xticks(sorted(set(table[what])), [str(n) for n in sorted(set(table[what]))])
        axis.set_title(metric, fontsize=TEXT_PT)
        axis.set_xlabel(what, fontsize=TEXT_PT)
        tidy(axis)
    axes[0][-1].legend(fontsize=TEXT_PT - 1, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def coverage_plot(table: pd.DataFrame) -> Figure:
    """Show which share of values intervals cover against their nominal level."""
    figure, axis = plt.subplots(figsize=(3.4, 3), layout="constrained")
    axis.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, label="calibrated")
    for kind, own in table.groupby("deviation", sort=False):
        axis.plot(own.nominal, own.share, marker="o", markersize=3, linewidth=1.2, label=kind)
    axis.set_xlabel("nominal level", fontsize=TEXT_PT)
    axis.set_ylabel("share covered", fontsize=TEXT_PT)
    axis.legend(fontsize=TEXT_PT - 1, frameon=False)
    tidy(axis)
    return figure


def map_grid(rows: Sequence[Sequence[NDArray]], columns: Sequence[str], labels: Sequence[str], maps: int) -> Figure:
    """Show pictures and, in the last columns, maps (H, W) that share one scale of colours.

    Args:
        rows: pictures (H, W, 3) in [0, 1], then maps.
        columns: a title for each.
        labels: one for each row.
        maps: how many of the columns are maps.
    """
    top = max(float(np.quantile(image, 0.99)) for row in rows for image in row[-maps:])
    figure, axes = plt.subplots(
        len(rows), len(columns), figsize=(1.9 * len(columns), 1.95 * len(rows)), squeeze=False, layout="constrained"
    )
    for line, row, label in zip(axes, rows, labels, strict=True):
        for number, (axis, image) in enumerate(zip(line, row, strict=True)):
            is_map = number >= len(columns) - maps
            drawn = axis.imshow(image, **({"cmap": "magma", "vmin": 0, "vmax": top} if is_map else {}))
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(label, fontsize=TEXT_PT)
    for axis, title in zip(axes[0], columns, strict=True):
        axis.set_title(title, fontsize=TEXT_PT)
    figure.colorbar(drawn, ax=axes[:, -1], shrink=0.8)
    return figure
