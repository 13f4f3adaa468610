"""Intervals of distances between sets, against the distances of one resample after another."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from satsr.evaluation.distance_table import COLUMNS, set_distance_table
from satsr.evaluation.intervals import draw_counts
from satsr.metrics import kernel_distance as kernel_module
from satsr.metrics.set_distances import SET_DISTANCES

REGIONS = np.array(["b", "a", "c", "a", "b", "c", "a", "d", "d"])  # of unequal sizes, and not in order


def features(root: int, columns: int) -> NDArray[np.float32]:
    return np.random.default_rng(root).normal(0.2 * root, 1, (len(REGIONS), columns)).astype(np.float32)


@pytest.mark.parametrize("columns", [3, 20])
@pytest.mark.parametrize("chunk_rows", [2, 1024])
def test_intervals_are_those_of_a_plain_loop(columns: int, chunk_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_module, "CHUNK_ROWS", chunk_rows)
    targets = features(0, columns)
    outputs = {("srcnn", 0): features(1, columns), ("srcnn", 1): features(2, columns), ("same", 0): targets}
    found = set_distance_table(outputs, targets, REGIONS, "eye", 0.9, 40, seed=3)
    assert list(found.columns) == COLUMNS
    draws = draw_counts(4, 40, np.random.default_rng(3))
    for row in found.itertuples():
        own, distance = outputs[row.method, row.seed], SET_DISTANCES[row.metric]
        spread = []
        for drawn in draws:
            pick = [i for name, times in zip("abcd", drawn, strict=True) for _ in range(times) for i in where(name)]
            spread.append(distance(own[pick], targets[pick]))
        low, high = np.quantile(spread, [0.05, 0.95])
        expected = (distance(own, targets), low, high)
        assert (row.value, row.low, row.high) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def where(name: str) -> list[int]:
    return np.flatnonzero(name == REGIONS).tolist()


def test_features_that_are_not_finite_are_refused() -> None:
    targets = features(0, 3)
    broken = targets.copy()
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match="got NaN or infinity in features_a"):
        set_distance_table({("srcnn", 0): broken}, targets, REGIONS, "eye", 0.9, 5, seed=0)
