"""Compare a fresh run's main table with the committed one: other processors round otherwise, but not far."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

KEY = ["method", "dataset", "metric", "protocol"]
WIDTHS = 3.0  # how many widths of the committed interval a mean may move


def differences(committed: Path, fresh: Path) -> tuple[list[str], bool]:
    """Return a line for every cell that differs, and whether all of them may pass.

    A cell fails when it is missing on either side, when a value is not finite, or when its mean moved by more than
    three times the width of the committed interval.
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
        values = np.array([after["mean"], after["low"], after["high"]], dtype=float)
        allowed = WIDTHS * (before["high"] - before["low"])
        moved = float(after["mean"] - before["mean"])
        passes = bool(np.isfinite(values).all() and abs(moved) <= allowed)
        good &= passes
        if moved or not passes:
            verdict = "ok  " if passes else "FAIL"
            lines.append(f"{verdict} {name}: {before['mean']:.6g} -> {after['mean']:.6g}, allowed +-{allowed:.3g}")
    return lines, good
