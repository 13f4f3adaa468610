"""Which stand-in pairs there are, committed before any metric is run.

`python -m satsr.studies.agreement.design` writes them.

A pair is a fault of a lower and of a higher strength, on the target itself or on a sharp but imperfect rendering of
it. The second is the first made worse, so it is known which is closer to the target.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

# Two strengths per fault, set by judgment before any of these images or scores existed. Units: see the faults.
STRENGTHS = {
    "blur": (0.8, 1.6),
    "aliasing": (2.0, 4.0),
    "color_cast": (0.08, 0.16),
    "gain": (0.1, 0.2),
    "noise": (0.03, 0.06),
    "shift": (1.5, 3.0),
    "hallucination": (0.5, 1.0),
    "missing_objects": (0.35, 0.8),
    "misplaced_objects": (0.35, 0.8),
    "checkerboard": (0.03, 0.06),
}
BASES = ("target", "rendering")
# Pairs per fault, base and step of strength. Judges are chosen on one part and reported on the other; the two come
# from regions of different splits.
PER_CELL = {"selection": 2, "report": 4}
SEED = 20231129  # day of the paper
COLUMNS = ("pair", "part", "kind", "base", "low", "high", "chip", "seed")


def steps(kind: str) -> list[tuple[float, float]]:
    """Return the (lower, higher) strengths of a fault's pairs; 0 leaves the base as it is."""
    first, second = STRENGTHS[kind]
    return [(0.0, first), (0.0, second), (first, second)]


def design(seed: int = SEED) -> pd.DataFrame:
    """Return all pairs.

    Args:
        seed: draws chips and the faults' own seeds.

    Returns:
        Columns pair, part, kind, base, low, high, chip (a number that a data set of any size takes modulo its length),
        seed; equally many rows for every part, kind, base and step.
    """
    rng = np.random.default_rng(seed)
    rows = [
        (part, kind, base, low, high, int(rng.integers(10**6)), int(rng.integers(10**6)))
        for part, count in PER_CELL.items()
        for kind in STRENGTHS
        for base in BASES
        for low, high in steps(kind)
        for _ in range(count)
    ]
    return pd.DataFrame([(f"stand-in-{n:03d}", *row) for n, row in enumerate(rows)], columns=list(COLUMNS))


def read_design(path: Path, per_cell: int = 0) -> pd.DataFrame:
    """Read the committed pairs.

    Args:
        path: of the file.
        per_cell: how many of every part, fault, base and step are taken, the first ones; 0 takes all.

    Raises:
        FileNotFoundError: no such file.
        ValueError: missing columns, or a fault or base that does not exist.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: write it with python -m satsr.studies.agreement.design > {path.name}"
        )
    pairs = pd.read_csv(path)
    if tuple(pairs.columns) != COLUMNS:
        raise ValueError(f"{path}: got columns {list(pairs.columns)}, expected {list(COLUMNS)}")
    for column, known in (("kind", STRENGTHS), ("base", BASES), ("part", PER_CELL)):
        if unknown := sorted(set(pairs[column]) - set(known)):
            raise ValueError(f"{path}: got {column} {', '.join(unknown)}, expected one of {', '.join(known)}")
    cells = pairs.groupby(["part", "kind", "base", "low", "high"], sort=False)
    return cells.head(per_cell).reset_index(drop=True) if per_cell else pairs


if __name__ == "__main__":
    design().to_csv(sys.stdout, index=False)
