"""Compare a fresh run's main table with the committed one: other processors round otherwise, but not far."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

VALUES, COUNTS = ("mean", "low", "high"), ("images", "regions", "seeds")
KEY = ["method", "dataset", "metric", "protocol"]
WIDTHS = 3.0  # how many widths of the committed interval a mean may move


def differences(committed: Path, fresh: Path) -> tuple[list[str], bool]:
    """Return a line for every cell that differs, and whether all of them may pass.

    A cell fails when it is missing on either side, when a value is not finite, when its mean or an end of its interval
    moved by more than three times the width of the committed interval, or when it covers other numbers of images,
    regions or seeds. A score by a network that the study trained itself (`lpips:judge`) may move by any finite amount:
    another processor trains another network.
    """
    old, new = (pd.read_csv(path).set_index(KEY) for path in (committed, fresh))
    lines, good = [], True
    for cell in old.index.union(new.index, sort=False):
        name = " ".join(map(str, cell))
        if cell not in old.index or cell not in new.index:
            lines.append(f"FAIL {name}: only in the {'fresh' if cell in new.index else 'committed'} table")
            good = False
            continue
        before, after = old.loc[cell], new.loc[cell]
        by_network = ":" in name
        allowed = np.inf if by_network else WIDTHS * float(before["high"] - before["low"])
        for column in VALUES:
            lines += _difference(f"{name} {column}", float(before[column]), float(after[column]), allowed)
        for column in COUNTS:
            lines += _difference(f"{name} {column}", float(before[column]), float(after[column]), 0.0)
    return lines, good and not any(line.startswith("FAIL") for line in lines)


def _difference(name: str, before: float, after: float, allowed: float) -> list[str]:
    """Return a line when a value differs; it fails when it is not finite or moved further than allowed."""
    moved = abs(after - before)
    if moved == 0:
        return []
    passes = np.isfinite(after) and moved <= allowed
    return [f"{'ok  ' if passes else 'FAIL'} {name}: {before:.6g} -> {after:.6g}, allowed +-{allowed:.3g}"]
