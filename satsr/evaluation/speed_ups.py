"""How soon one method's validation score reaches another's best."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from satsr.metrics.facts import Better

COLUMNS = ["seed", "best", "baseline_steps", "steps", "last", "at_first", "improving", "censored", "ratio"]


def speed_ups(
    method: pd.DataFrame,
    baseline: pd.DataFrame,
    score: str = "val_lpips",
    parts: Mapping[str, float] | None = None,
    better: Better = "lower",
) -> pd.DataFrame:
    """Compare two trainings, seed by seed.

    Args:
        method: curve with the columns seed, step and the score.
        baseline: curve of the other method.
        score: column.
        parts: cost of a step of `method` relative to a step of the baseline, by name; each gives a ratio too.
        better: whether a higher or a lower score is better.

    Returns:
        One row per seed: seed, best (the baseline's best score), baseline_steps (when it was first reached), steps
        (when the method reached it; NaN when it never did), last (the method's last step), censored (never reached:
        the ratio is an upper limit, baseline_steps / last), at_first (reached at the first validation: a lower limit),
        improving (the baseline's best is its last score: its best may still have come), ratio (baseline_steps /
        steps), and ratio_NAME for each part.

    Raises:
        ValueError: no seed in common.
    """
    seeds = sorted(set(method.seed) & set(baseline.seed))
    if not seeds:
        raise ValueError("the two trainings have no seed in common: train both with the same seeds")
    rows, sign = [], 1 if better == "lower" else -1
    for seed in seeds:
        own, other = (curve[curve.seed == seed].sort_values("step") for curve in (method, baseline))
        best = sign * float((sign * other[score]).min())
        target = int(other[sign * other[score] <= sign * best].step.iloc[0])
        there = own[sign * own[score] <= sign * best].step
        last, censored = int(own.step.max()), there.empty
        steps = math.nan if censored else int(there.iloc[0])
        ratio = target / (last if censored else steps)
        row = {"seed": seed, "best": best, "baseline_steps": target, "steps": steps, "last": last}
        row |= {"at_first": steps == int(own.step.min()), "improving": target == int(other.step.max())}
        costs = {f"ratio_{name}": ratio / cost for name, cost in (parts or {}).items()}
        rows.append({**row, "censored": censored, "ratio": ratio, **costs})
    return pd.DataFrame(rows)


def speed_up_sentence(table: pd.DataFrame, column: str = "ratio") -> str:
    """Say what the seeds say: the geometric mean of all ratios, their range, and which of them are limits."""
    seeds = "1 seed" if len(table) == 1 else f"{len(table)} seeds"
    if table.censored.all():
        return f"not reached in {seeds}: below {table[column].max():.2g} times"
    mean = math.exp(sum(math.log(ratio) for ratio in table[column]) / len(table))
    limit = {(True, False): "at most ", (False, True): "at least "}
    said = f"{limit.get((bool(table.censored.any()), bool(table.at_first.any())), '')}{mean:.2g} times"
    said += f" ({table[column].min():.2g} to {table[column].max():.2g})" if len(table) > 1 else ""
    notes = {
        "not reached": table.censored.sum(),
        "reached at the first validation": table.at_first.sum(),
        "with a baseline that was still improving": table.improving.sum(),
    }
    return ", ".join([said, seeds, *(f"{what} in {count}" for what, count in notes.items() if count)])
