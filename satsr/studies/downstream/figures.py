"""Figures of the downstream tasks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from satsr.data.data_set import DataSet
from satsr.evaluation.figures import TEXT_PT, outlined, picture_grid, tidy
from satsr.studies.downstream.engine import Tried
from satsr.studies.downstream.settings import DownstreamSettings


def forest(table: pd.DataFrame, tried: Tried, settings: DownstreamSettings) -> Figure | None:
    """Show the score that decides, and its interval, of every input by the first network; one panel per task.

    Args:
        table: from `score_table`.
        tried: which tasks were run.
        settings: of the study.
    """
    if table.empty:
        return None
    own = table[table.decides & table.network.eq(next(iter(settings.networks)))]
    names = list(dict.fromkeys(own.input))
    size = 2.9 * len(tried.tasks) + 0.8, 0.8 + 0.3 * len(names)
    figure, axes = plt.subplots(1, len(tried.tasks), figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axis, task in zip(axes[0], tried.tasks, strict=True):
        rows = own[own.task.eq(task.name)].set_index("input")
        where = [names[::-1].index(name) for name in rows.index]
        spread = np.abs(np.stack([rows.value - rows.low, rows.high - rows.value]))
        axis.errorbar(rows.value, where, xerr=np.nan_to_num(spread), fmt="o", markersize=5, capsize=3, color="#20639b")
        metric = task.metrics[0]
        axis.set_title(task.title, fontsize=TEXT_PT)
        axis.set_xlabel(f"{metric.name}, {metric.better} is better", fontsize=TEXT_PT)
        axis.set_yticks(range(len(names)), names[::-1])
        axis.margins(y=0.15)
        tidy(axis)
    return figure


def answers(tried: Tried, wanted: NDArray[np.bool_], data: DataSet) -> Figure | None:
    """Show what the networks of the first task answer at three places; None where answers are no masks.

    Args:
        tried: what they left.
        wanted: what was asked for at every test place, (N, H, W); the places are those with the most, a median and
            the fewest pixels of it.
        data: with their images.
    """
    pixels, test = wanted.sum(axis=(1, 2)), data.pairs["test"]
    some = sorted(np.flatnonzero(pixels).tolist(), key=lambda number: -int(pixels[number]))
    if not tried.answers or not some:
        return None
    chosen = [some[0], some[len(some) // 2], some[-1]]
    hr = [test.pair(number).hr for number in chosen]
    maps = {"known": wanted, **tried.answers}
    rows = [
        [outlined(image, of[number].astype(np.int32)) for image, number in zip(hr, chosen, strict=True)]
        for of in maps.values()
    ]
    return picture_grid(rows, [test.tiles[number] for number in chosen], list(maps))
