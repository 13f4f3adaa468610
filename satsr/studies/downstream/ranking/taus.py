"""Kendall's tau between two orders of systems, with an interval over families of systems and over regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satsr.evaluation.intervals import draw_counts, percentile_interval
from satsr.evaluation.settings import TableSettings


@dataclass(frozen=True)
class Ranks:
    """What systems are ordered by; higher is better.

    Attributes:
        value: over all regions, (S,).
        drawn: in every resample of regions, (resamples, S).
    """

    value: NDArray[np.float64]
    drawn: NDArray[np.float64]


@dataclass(frozen=True)
class Tau:
    """Kendall's tau-b, and its interval; NaN where nothing can be said."""

    value: float
    low: float
    high: float


def tau_of(x: Ranks, y: Ranks, families: NDArray[np.int64], bootstrap: TableSettings, across: bool = False) -> Tau:
    """Return tau of two orders; in every resample, whole families of systems are drawn, and regions.

    Args:
        x: of the systems.
        y: of the same, from the same draws of regions.
        families: number of each system's family, from 0 on, (S,).
        bootstrap: of the interval.
        across: count pairs of systems of different families alone.
    """
    pairs = families[:, None] != families[None, :] if across else ~np.eye(len(families), dtype=bool)
    whole = float(tau_b(x.value, y.value, pairs.astype(float)))
    count = int(families.max()) + 1 if len(families) else 0
    if count < 2:
        return Tau(whole, np.nan, np.nan)
    rng = np.random.default_rng([bootstrap.seed, count])
    often = draw_counts(count, bootstrap.resamples, rng)[:, families]  # of every system, (resamples, S)
    weights = (often[:, :, None] * often[:, None, :] * pairs).astype(np.float64)
    drawn = tau_b(x.drawn, y.drawn, weights)
    known = drawn[np.isfinite(drawn)]
    low, high = percentile_interval(known, bootstrap.level) if len(known) else (np.nan, np.nan)
    return Tau(whole, low, high)


def tau_b(x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Kendall's tau-b over weighted pairs: ties in one order count against that order alone.

    Args:
        x: (..., S).
        y: (..., S).
        weights: of pairs, symmetric, (..., S, S).

    Returns:
        (...); NaN where one order has nothing but ties.
    """
    first, second = (np.sign(values[..., :, None] - values[..., None, :]) for values in (x, y))
    agree, in_x, in_y = (
        (weights * part).sum(axis=(-2, -1)) for part in (first * second, np.abs(first), np.abs(second))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(agree / np.sqrt(in_x * in_y))
