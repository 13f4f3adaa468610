"""How often a metric prefers the better of two outputs, and how strong the methods are that people prefer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from satsr.evaluation.intervals import check_level, draw_counts, percentile_interval
from satsr.metrics.facts import Better

Array = NDArray[np.float64]

MACRO = "macro average"
# Relative difference of two scores up to which a metric prefers neither: ten times float32's rounding, which differs
# between processors and would decide otherwise.
TIE = 1e-6
# Half a win and half a loss against an opponent that all methods share keep the strength of an undefeated one finite.
PRIOR = 0.5
MAX_STEPS, PRECISION = 1_000, 1e-10
# Farthest that two log strengths move against each other in one step of the fit.
LONGEST_STEP = 1.0


def outcomes(scores_a: ArrayLike, scores_b: ArrayLike, better_is_a: ArrayLike, direction: Better) -> Array:
    """Return whether a metric prefers the output that is known to be better, for every pair.

    Args:
        scores_a: the metric's scores of the outputs a (P,).
        scores_b: its scores of the outputs b (P,).
        better_is_a: whether a is known to be better than b, bool (P,).
        direction: whether a higher or a lower score is better.

    Returns:
        1.0 where the metric agrees, 0.0 where it prefers the other output, 0.5 where its scores tie (P,).

    Raises:
        ValueError: for different numbers of pairs, or a score that is not a number.
    """
    a, b, is_a = np.asarray(scores_a, np.float64), np.asarray(scores_b, np.float64), np.asarray(better_is_a, bool)
    if not a.shape == b.shape == is_a.shape:
        raise ValueError(f"got {a.shape}, {b.shape} and {is_a.shape}, expected one shape: score both outputs of a pair")
    lost = np.flatnonzero(np.isnan(a) | np.isnan(b))
    if len(lost):
        raise ValueError(f"pair {lost[0]}: got {a[lost[0]]} and {b[lost[0]]}, expected scores: leave the pair out")
    ties = np.isclose(a, b, rtol=TIE, atol=0)
    prefers_a = a > b if direction == "higher" else a < b
    return np.where(ties, 0.5, prefers_a == is_a)


def agreement_table(outcomes: pd.DataFrame, level: float = 0.95, resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Average each metric's outcomes, for every kind of pairs and over the kinds.

    Intervals are a percentile bootstrap over regions, each with all its pairs of all kinds. A resample without any
    pair of some kind leaves that kind out.

    Args:
        outcomes: columns metric, pair, kind, region and outcome (from the function `outcomes`).
        level: coverage of the intervals, between 0 and 1.
        resamples: number of bootstrap resamples.
        seed: of the resampling; metrics scored in the same regions share the resamples.

    Returns:
        Columns metric, kind, agreement, low, high, pairs and regions: a row per metric and kind, and after them the
        metric's "macro average", the mean of its kinds. Ends are NaN where all pairs are of one region.

    Raises:
        ValueError: for a missing value, two outcomes of one pair, or a level outside (0, 1).
    """
    check_level(level)
    _check_complete(outcomes, ["pair", "kind", "region", "outcome"])
    twice = outcomes[outcomes.duplicated(["metric", "kind", "pair"])]
    if len(twice):
        metric, kind, pair = twice[["metric", "kind", "pair"]].iloc[0]
        raise ValueError(f"pair {pair}: got two outcomes of {metric} in {kind}, expected one: drop repeated rows")
    rows = []
    for metric, part in outcomes.groupby("metric", sort=False):
        found = _agreement_rows(part, level, resamples, np.random.default_rng(seed))
        rows += [(metric, *row) for row in found]
    return pd.DataFrame(rows, columns=["metric", "kind", "agreement", "low", "high", "pairs", "regions"])


def bradley_terry(wins: pd.DataFrame, methods: Sequence[str]) -> pd.Series:
    """Fit strengths such that i beats j with probability p_i / (p_i + p_j) (Bradley and Terry, 1952).

    Fitted by Newton's method. As a prior, every method has half a win and half a loss
    against one virtual opponent, whose own strength is fitted too, so that it is an average one.

    Args:
        wins: columns winner, loser and weight; a tie is half a win for each: two rows of weight 0.5.
        methods: all names, each at least once in `wins`.

    Returns:
        Log strengths with zero mean, indexed by the methods: a difference of 1 means odds of e : 1.

    Raises:
        ValueError: for unknown, equal or absent methods, for groups of methods that nothing compares with each other,
            or for weights that are not positive.
        ArithmeticError: the fit did not settle.
    """
    _check_wins(wins, methods)
    counts = _win_counts(wins, methods)
    _check_linked(counts, methods)
    return pd.Series(_log_strengths(counts), index=list(methods), name="strength")


def bradley_terry_interval(
    wins: pd.DataFrame, methods: Sequence[str], level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> pd.DataFrame:
    """Bootstrap the strengths over regions, each with all its comparisons.

    A method that a resample does not compare has only the prior there, which makes it average.

    Args:
        wins: as for `bradley_terry`, and a column region.
        methods: all names, each at least once in `wins`.
        level: coverage of the percentile intervals, between 0 and 1.
        resamples: number of bootstrap resamples.
        seed: of the resampling.

    Returns:
        Columns method, strength (as from `bradley_terry`), low and high; the ends are NaN with one region.

    Raises:
        ValueError: from `bradley_terry`, for a row without a region, or for a level outside (0, 1).
        ArithmeticError: from `bradley_terry`.
    """
    check_level(level)
    _check_complete(wins, ["region"])
    strengths = bradley_terry(wins, methods)
    by_region = np.stack([_win_counts(part, methods) for _, part in wins.groupby("region")])
    ends = [(np.nan, np.nan)] * len(methods)
    if len(by_region) > 1:
        draws = draw_counts(len(by_region), resamples, np.random.default_rng(seed))
        samples = _log_strengths(np.einsum("br,rij->bij", draws, by_region, optimize=True))
        ends = [percentile_interval(of_method, level) for of_method in samples.T]
    low, high = zip(*ends, strict=True)
    return pd.DataFrame({"method": list(methods), "strength": strengths.to_numpy(), "low": low, "high": high})


def _check_complete(table: pd.DataFrame, columns: list[str]) -> None:
    """Refuse missing values, which pandas would leave out of sums and groups without a word."""
    lost = np.argwhere(table[columns].isna().to_numpy())
    if len(lost):
        row, column = table.index[lost[0, 0]], columns[lost[0, 1]]
        raise ValueError(f"row {row}: got no {column}, expected {columns} in every row: add it or drop the row")


def _agreement_rows(
    outcomes: pd.DataFrame, level: float, resamples: int, rng: np.random.Generator
) -> list[tuple[str, float, float, float, int, int]]:
    """Return kind, agreement, low, high, pairs and regions for one metric's kinds, then for their macro average."""
    kinds = list(dict.fromkeys(outcomes["kind"]))
    cells = outcomes.groupby(["region", "kind"])["outcome"]
    totals = cells.sum().unstack("kind", fill_value=0)[kinds].to_numpy()  # (R, K)
    counts = cells.size().unstack("kind", fill_value=0)[kinds].to_numpy()
    draws = draw_counts(len(counts), resamples, rng)
    drawn = draws @ counts
    shares = np.divide(draws @ totals, drawn, out=np.full(drawn.shape, np.nan), where=drawn > 0)  # (resamples, K)
    n_pairs, n_regions = counts.sum(axis=0), (counts > 0).sum(axis=0)
    agreement = totals.sum(axis=0) / n_pairs
    columns = [*zip(kinds, agreement, shares.T, n_pairs, n_regions, strict=True)]
    columns.append((MACRO, agreement.mean(), np.nanmean(shares, axis=1), n_pairs.sum(), len(counts)))
    return [(kind, mean, *_ends(samples, r, level), n, r) for kind, mean, samples, n, r in columns]


def _ends(samples: Array, n_regions: int, level: float) -> tuple[float, float]:
    return percentile_interval(samples[~np.isnan(samples)], level) if n_regions > 1 else (np.nan, np.nan)


def _check_wins(wins: pd.DataFrame, methods: Sequence[str]) -> None:
    compared = set(wins["winner"]) | set(wins["loser"])
    if compared != set(methods) or len(set(methods)) < len(methods):
        raise ValueError(f"got comparisons of {sorted(compared)}, expected each of {list(methods)}: name these alone")
    bad = wins[(wins["winner"] == wins["loser"]) | ~(wins["weight"] > 0) | ~np.isfinite(wins["weight"])]
    if len(bad):
        winner, loser, weight = bad[["winner", "loser", "weight"]].iloc[0]
        raise ValueError(
            f"{winner} against {loser}: got weight {weight}, expected two methods and a positive weight: drop the row"
        )


def _check_linked(counts: Array, methods: Sequence[str]) -> None:
    from scipy.sparse.csgraph import connected_components

    n_groups, group = connected_components(counts, directed=False)
    if n_groups > 1:
        apart = [method for method, number in zip(methods, group, strict=True) if number != group[0]]
        raise ValueError(
            f"got no comparison of {methods[0]} with {apart}, not even through others, expected all methods linked: "
            "compare them, or fit the groups apart"
        )


def _win_counts(wins: pd.DataFrame, methods: Sequence[str]) -> Array:
    """Sum the weights with which row beats column: (M, M)."""
    counts = wins.groupby(["winner", "loser"])["weight"].sum().unstack("loser")
    return counts.reindex(index=list(methods), columns=list(methods)).fillna(0).to_numpy(np.float64)


def _log_strengths(wins: Array) -> Array:
    """Fit any number of tables of wins (..., M, M) at once: (..., M), with zero mean.

    By Newton's method on the log strengths. The logarithm of the likelihood is concave and generalized self-concordant
    (Bach, 2010, "Self-concordant analysis for logistic regression", proposition 1), so a step that moves no two
    strengths by more than 1 against each other always improves it.
    """
    n = wins.shape[-1]
    table = np.zeros((*wins.shape[:-2], n + 1, n + 1))  # the last row and column are the virtual opponent's
    table[..., :n, :n] = wins
    table[..., :n, n] = table[..., n, :n] = PRIOR
    strengths, moved = np.zeros(table.shape[:-1]), np.inf
    for _ in range(MAX_STEPS):
        step = _newton_step(table, strengths)
        step /= np.maximum(np.ptp(step, axis=-1, keepdims=True) / LONGEST_STEP, 1)
        strengths, moved = strengths + step, np.abs(step).max()
        if moved < PRECISION:
            return strengths[..., :n] - strengths[..., :n].mean(axis=-1, keepdims=True)
    raise ArithmeticError(
        f"got strengths that move by {moved:.1g} after {MAX_STEPS} steps, expected {PRECISION}: "
        "some methods are hardly compared with the others, compare them more often"
    )


def _newton_step(table: Array, strengths: Array) -> Array:
    """Return the step (..., M) towards the likeliest log strengths; the last one, to which all are relative, stays."""
    wins_row = 1 / (1 + np.exp(strengths[..., None, :] - strengths[..., :, None]))  # chance that row beats column
    loses_row = wins_row.swapaxes(-1, -2)  # not 1 - wins_row, which loses the digits of small chances
    slope = (table * loses_row - table.swapaxes(-1, -2) * wins_row).sum(axis=-1)
    coupling = (table + table.swapaxes(-1, -2)) * wins_row * loses_row
    curvature = coupling.sum(axis=-1)[..., None] * np.eye(table.shape[-1]) - coupling
    step = np.zeros_like(strengths)
    step[..., :-1] = np.linalg.solve(curvature[..., :-1, :-1], slope[..., :-1, None])[..., 0]
    return step
