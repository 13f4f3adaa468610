"""The study's figures. Every function returns a matplotlib figure on a white ground, legible in a dark page too."""

from __future__ import annotations

from collections.abc import Sequence
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


def picture_grid(rows: Sequence[Sequence[NDArray]], columns: Sequence[str], labels: Sequence[str]) -> Figure:
    """Show pictures (H, W, 3), one row each, pixels as squares; LR pictures are enlarged without interpolation.

    Args:
        rows: pictures, as many in each row as there are columns.
        columns: headings.
        labels: one per row, at its left.
    """
    size = 1.55
    shape = (len(rows), len(columns))
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


def training_curves(curves: dict[str, pd.DataFrame]) -> Figure:
    """Show validation PSNR and every loss against the step; one line per seed."""
    losses = sorted({str(c) for curve in curves.values() for c in curve if str(c).startswith("loss_")})
    figure, axes = plt.subplots(
        1, 1 + len(losses), figsize=(2.6 * (1 + len(losses)), 2.4), squeeze=False, layout="constrained"
    )
    for axis, column in zip(axes[0], ["val_psnr", *losses], strict=True):
        for label, curve in curves.items():
            axis.plot(curve.step, curve[column], label=label, linewidth=1.2)
        axis.set_title("validation PSNR (dB)" if column == "val_psnr" else column.replace("_", " "), fontsize=TEXT_PT)
        axis.set_xlabel("step", fontsize=TEXT_PT)
        _tidy(axis)
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
        _tidy(axis)
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
        _tidy(axis)
    axes[0].legend(fontsize=TEXT_PT - 1, frameon=False)
    return figure


def radial_power(image: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return frequency (cycles per pixel) and mean power on circles of it, of the gray value under a Hann window."""
    gray = image.mean(axis=-1)[: min(image.shape[:2]), : min(image.shape[:2])]
    size = len(gray)
    window = np.outer(np.hanning(size), np.hanning(size))
    power = np.abs(np.fft.fftshift(np.fft.fft2((gray - gray.mean()) * window))) ** 2
    y, x = np.indices(power.shape) - size // 2
    ring = np.hypot(y, x).astype(int)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    inside = slice(1, size // 2)
    return np.arange(len(mean))[inside] / size, mean[inside]


def spectral_slope(image: NDArray[np.uint8], low: float = 0.03, high: float = 0.5) -> float:
    """Return the slope of log power against log frequency between two frequencies in cycles per pixel."""
    frequency, power = radial_power(image)
    inside = (frequency > low) & (frequency < high)
    return float(np.polyfit(np.log(frequency[inside]), np.log(power[inside] + 1e-12), 1)[0])


def _tidy(axis: Axes) -> None:
    axis.tick_params(labelsize=TEXT_PT - 1)
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
