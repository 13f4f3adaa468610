"""Tables and sentences of the downstream tasks: scores with intervals, what is claimed, and what may be concluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from satsr.common.tile_grid import HR_PX
from satsr.evaluation.pair_claim import PairClaim
from satsr.evaluation.pooled import Asked, Pooled, claims_tested
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.studies.downstream.settings import DownstreamSettings
from satsr.studies.downstream.tasks import Task

COLUMNS = ["task", "network", "input", "metric", "decides", "value", "low", "high", "images", "regions", "seeds"]
CLAIM_COLUMNS = ["task", "network", "better", "worse", "metric", "difference", "low", "high", "p", "p_holm"]
CLAIM_COLUMNS += ["regions", "seeds", "verdict", "source"]
NO_LABELS = "not run: these data tell of no labels"
UNDECIDED = "cannot be decided at this profile"

Counts = Mapping[str, pd.DataFrame]  # by task, from `Tried`
Tasks = Mapping[str, Task]  # by name, from `tasks_of`


def score_table(counts: Counts, tasks: Tasks, bootstrap: TableSettings) -> pd.DataFrame:
    """Return every score of every task, network and input, with its interval over regions, then seeds.

    Args:
        counts: of `Tried`.
        tasks: their metrics.
        bootstrap: of the intervals; the same regions for every input.

    Returns:
        One row per task, network, input and metric with the columns `COLUMNS`; the first metric of a task decides.
    """
    rows = []
    for task, every in counts.items():
        for (network, name), own in every.groupby(["network", "input"], sort=False):
            for number, metric in enumerate(tasks[task].metrics):
                pooled = Pooled.of(own, metric.columns, metric.score)
                numbers = pooled.value, *pooled.interval(bootstrap)
                sizes = own.tile.nunique(), pooled.regions, pooled.seeds
                rows.append((task, network, name, metric.name, number == 0, *numbers, *sizes))
    return pd.DataFrame(rows, columns=COLUMNS)


def claims_table(counts: Counts, tasks: Tasks, claims: Sequence[PairClaim], bootstrap: TableSettings) -> pd.DataFrame:
    """Return what is claimed, tested in every task and by every network, by the metric that decides there.

    Args:
        counts: of `Tried`.
        tasks: their metrics.
        claims: of the settings; one whose inputs were not run says so.
        bootstrap: of the intervals.

    Returns:
        One row per task, network and claim with the columns `CLAIM_COLUMNS`; p is adjusted over all that were tested.
    """
    asked = []
    for task, every in counts.items():
        metric = tasks[task].metrics[0]
        for network, own in every.groupby("network", sort=False):
            pooled = {
                name: Pooled.of(of, metric.columns, metric.score) for name, of in own.groupby("input", sort=False)
            }
            for claim in claims:
                names = {"task": task, "network": network, "metric": metric.name, **claim.model_dump()}
                asked.append(Asked(names, pooled.get(claim.better), pooled.get(claim.worse), metric.better))
    return claims_tested(asked, CLAIM_COLUMNS, bootstrap)


def verdict_sentence(claims: pd.DataFrame, settings: DownstreamSettings) -> str:
    """Say whether outputs beat LR, as the paper says they do not, by rule.

    A task can tell only where it shows that HR beats LR: there an input of more detail is worth something, and the
    networks found it. Elsewhere it cannot be decided.

    Args:
        claims: from `claims_table`.
        settings: of the study.
    """
    network = next(iter(settings.networks))
    own = claims[claims.network == network]
    of_outputs = own[own.better.str.startswith("SR ") & own.worse.eq("LR") & own.verdict.ne(NOT_RUN)]
    if of_outputs.empty:
        return NO_LABELS if settings.tasks and claims.empty and settings.claims else NOT_RUN
    able = set(own[own.better.eq("HR") & own.worse.eq("LR") & own.verdict.eq("a beats b")].task)
    said, beats = [], False
    row: Any
    for row in of_outputs.itertuples():
        what = f"{row.task}, {row.better} against {row.worse}"
        if row.task not in able:
            said.append(f"{what}: {UNDECIDED}: HR itself is not shown to beat LR")
            continue
        found = {"a beats b": "beats it", "b beats a": "is worse"}.get(row.verdict, row.verdict)
        beats = beats or row.verdict == "a beats b"
        said.append(f"{what}: {found} ({row.metric} {row.difference:+.3f} [{row.low:.3f}, {row.high:.3f}])")
    if not able:
        return "; ".join(said)
    head = "not reproduced, outputs can beat LR" if beats else "reproduced: no output is shown to beat LR"
    return f"{head}. {'; '.join(said)}"


def table_as_text(table: pd.DataFrame, tasks: Tasks) -> pd.DataFrame:
    """Return a row per network and input, a column per task with the score that decides; what was not run says so."""
    own = table[table.decides.astype(bool)]
    cells = own.assign(cell=[_cell(*row) for row in zip(own.value, own.low, own.high, strict=True)])
    wide = cells.pivot_table(index=["network", "input"], columns="task", values="cell", aggfunc="first", sort=False)
    wide = wide.reindex(columns=list(tasks)).astype(object).fillna(NOT_RUN)
    wide.columns = [f"{tasks[name].title} ({tasks[name].metrics[0].name})" for name in wide.columns]
    return wide.reset_index()


def scores_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per task, network and input, a column per metric of masks and classes."""
    cells = table.assign(cell=[_cell(*row) for row in zip(table.value, table.low, table.high, strict=True)])
    index = ["task", "network", "input"]
    wide = cells.pivot_table(index=index, columns="metric", values="cell", aggfunc="first", sort=False)
    return wide.astype(object).fillna("").reset_index().rename_axis(columns=None)


def claims_as_text(claims: pd.DataFrame) -> pd.DataFrame:
    """Return the claims that were run as text, one row each."""
    run = claims[claims.verdict.ne(NOT_RUN)]
    return pd.DataFrame(
        {
            "task": run.task,
            "network": run.network,
            "claim": run.better + " before " + run.worse,
            "by": run.metric,
            "difference": [_signed(*row) for row in zip(run.difference, run.low, run.high, strict=True)],
            "p (Holm)": [f"{p:.2g}" for p in run.p_holm],
            "verdict": run.verdict,
            "source": run.source,
        }
    )


def chance_sentence(counts: pd.DataFrame, table: pd.DataFrame, task: Task, others: str) -> str:
    """Say what a network made of the labels of other places, beside what calling everything the same would give.

    Args:
        counts: of the task, a mask.
        table: from `score_table`.
        task: it.
        others: the input whose labels were those of other places.
    """
    own, metric = table[table.task.eq(task.name) & table.decides].set_index("input"), task.metrics[0]
    if others not in own.index or metric.name != "IoU":
        return f"Labels of other places: {NOT_RUN}."
    first = counts[counts.input.eq(counts.input.iloc[0]) & counts.seed.eq(counts.seed.iloc[0])]
    whole = first.known.sum() / (len(first) * HR_PX**2)
    row: Any = own.loc[others]
    said = f"Labels of other places: {metric.name} {_cell(row.value, row.low, row.high)}; calling every pixel one gives"
    return f"{said} {whole:.3f}, calling none gives 0."


def _cell(value: float, low: float, high: float) -> str:
    interval = f" [{low:.3f}, {high:.3f}]" if np.isfinite(low) else ""
    return f"{value:.3f}{interval}" if np.isfinite(value) else "nothing to score"


def _signed(value: float, low: float, high: float) -> str:
    return f"{value:+.3f}" + (f" [{low:+.3f}, {high:+.3f}]" if np.isfinite(low) else "")
