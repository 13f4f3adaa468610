"""Figures of the downstream tasks."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from satsr.data.data_set import DataSet
from satsr.evaluation.figures import TEXT_PT, outlined, picture_grid
from satsr.studies.downstream.engine import Tried
from satsr.studies.downstream.settings import DownstreamSettings
from satsr.studies.downstream.tasks import TASKS
from satsr.training.counting.kinds import known_objects


def forest(table: pd.DataFrame, settings: DownstreamSettings) -> Figure | None:
    """Show the score that decides, and its interval, of every input by the first network; one panel per task.

    Args:
        table: from `score_table`.
        settings: of the study.
    """
    if table.empty:
        return None
    own = table[table.decides & table.network.eq(next(iter(settings.networks)))]
    names = list(dict.fromkeys(own.input))
    size = 2.9 * len(settings.tasks) + 0.8, 0.8 + 0.3 * len(names)
    figure, axes = plt.subplots(1, len(settings.tasks), figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axis, task in zip(axes[0], settings.tasks, strict=True):
        rows = own[own.task.eq(task)].set_index("input")
        where = [names[::-1].index(name) for name in rows.index]
        spread = np.abs(np.stack([rows.value - rows.low, rows.high - rows.value]))
        axis.errorbar(rows.value, where, xerr=np.nan_to_num(spread), fmt="o", markersize=5, capsize=3, color="#20639b")
        metric = TASKS[task].metrics[0]
        axis.set_title(TASKS[task].title, fontsize=TEXT_PT)
        axis.set_xlabel(f"{metric.name}, {metric.better} is better", fontsize=TEXT_PT)
        axis.set_yticks(range(len(names)), names[::-1])
        axis.margins(y=0.15)
        axis.tick_params(labelsize=TEXT_PT - 1)
        axis.grid(alpha=0.25, linewidth=0.6)
        axis.spines[["top", "right"]].set_visible(False)
    return figure


def answers(tried: Tried, data: DataSet) -> Figure | None:
    """Show what the networks of the first task answer, on HR, at three places; None where answers are no masks.

    Args:
        tried: what they left.
        data: with known buildings; the places are those with the most, a median and the fewest of them.
    """
    known, test = known_objects(data, "test", "buildings"), data.pairs["test"]
    some = sorted((number for number, labels in enumerate(known) if labels.max()), key=lambda n: -int(known[n].max()))
    if not tried.answers or not some:
        return None
    chosen = [some[0], some[len(some) // 2], some[-1]]
    hr = [test.pair(number).hr for number in chosen]
    maps = {"known buildings": [known[number] for number in chosen]}
    maps |= {name: [of[number].astype(np.int32) for number in chosen] for name, of in tried.answers.items()}
    rows = [[outlined(image, labels) for image, labels in zip(hr, found, strict=True)] for found in maps.values()]
    return picture_grid(rows, [test.tiles[number] for number in chosen], list(maps))
