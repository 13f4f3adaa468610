"""How soon one method's validation score reaches another's best."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd


def speed_ups(
    method: pd.DataFrame, baseline: pd.DataFrame, score: str = "val_lpips", parts: Mapping[str, float] | None = None
) -> pd.DataFrame:
    """Compare two trainings, seed by seed.

    Args:
        method: curve with the columns seed, step and the score, of which lower is better.
        baseline: curve of the other method.
        score: column.
        parts: cost of a step of `method` relative to a step of the baseline, by name; each gives a ratio too.

    Returns:
        One row per seed: seed, best (the baseline's best score), baseline_steps (when it was first reached), steps
        (when the method reached it; NaN when it never did), last (the method's last step), censored, ratio
        (baseline_steps / steps; for a censored seed an upper limit, baseline_steps / last), and ratio_NAME for each
        part.

    Raises:
        ValueError: no seed in common.
    """
    seeds = sorted(set(method.seed) & set(baseline.seed))
    if not seeds:
        raise ValueError("the two trainings have no seed in common: train both with the same seeds")
    rows = []
    for seed in seeds:
        own, other = (curve[curve.seed == seed].sort_values("step") for curve in (method, baseline))
        best = float(other[score].min())
        target, there = int(other[other[score] <= best].step.iloc[0]), own[own[score] <= best].step
        last, censored = int(own.step.max()), there.empty
        steps = math.nan if censored else int(there.iloc[0])
        ratio = target / (last if censored else steps)
        row = {"seed": seed, "best": best, "baseline_steps": target, "steps": steps, "last": last}
        costs = {f"ratio_{name}": ratio / cost for name, cost in (parts or {}).items()}
        rows.append({**row, "censored": censored, "ratio": ratio, **costs})
    return pd.DataFrame(rows)


def sentence(table: pd.DataFrame, column: str = "ratio") -> str:
    """Say what the seeds say: their geometric mean and range, and what was not reached."""
    reached = table[~table.censored]
    if reached.empty:
        return f"not reached: below {table[column].max():.2g} times, in none of {len(table)} seeds"
    mean = math.exp(sum(math.log(ratio) for ratio in reached[column]) / len(reached))
    spread = f" ({reached[column].min():.2g} to {reached[column].max():.2g})" if len(reached) > 1 else ""
    missing = f", not reached in {len(table) - len(reached)}" if len(reached) < len(table) else ""
    seeds = "1 seed" if len(table) == 1 else f"{len(table)} seeds"
    return f"{mean:.2g} times{spread}, {seeds}{missing}"
