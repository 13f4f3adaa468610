"""Which differences between methods may be called results: claims named beforehand, the rule for a verdict, words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from satsr.evaluation.paired import Chips, Comparison, chip_differences, compare_chips
from satsr.evaluation.power import Design, components, power
from satsr.evaluation.settings import Claim
from satsr.evaluation.tables import NOT_RUN
from satsr.metrics.facts import Better

Verdict = Literal["a beats b", "b beats a", "one seed: not said", "not shown"]

SIGNIFICANCE = 0.05
LEAST_SEEDS = 2  # of a method that learns; with one, its spread over trainings is not known
EXPLORATORY = "exploratory"  # of a pair that no claim names: it is looked at, not tested
COLUMNS = ["metric", "protocol", "a", "b", "difference", "low", "high", "p", "p_holm", "cliffs_delta"]
COLUMNS += ["images", "regions", "seeds", "smallest", "false_alarms", "claim", "verdict"]

Scores = Mapping[tuple[str, str], Mapping[str, Chips]]  # of each metric and protocol, by method


def comparisons(
    scores: pd.DataFrame,
    better: Mapping[str, Better],
    claims: Sequence[Claim] = (),
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    untrained: Collection[str] = (),
) -> pd.DataFrame:
    """Compare every pair of methods, for every metric and protocol; only what was claimed beforehand is tested.

    A claim's verdict is that of `verdict`, with p after Holm's adjustment over all claims that were run. Its row has
    the smallest difference that the rule shows (power 0.8, whatever the other claims say) and how often methods that
    are equal would be told apart, both from `satsr.evaluation.power`. Any other pair is exploratory.

    Two limits. Signed ranks of R regions give no p below 2^(1 - R), so of 7 regions three claims can be shown, four
    cannot. And the test is over regions: of seeds the rule asks only that the interval, whose bootstrap of few
    understates their spread, leaves 0 out, which of two means about that each alone does. Where seeds differ more than
    regions, equal methods are told apart far too often: `false_alarms` says how often, and a headline takes three.

    Args:
        scores: columns method, metric, protocol, tile, region, seed and value.
        better: whether a higher or a lower score is better, per metric.
        claims: what was named beforehand; one whose method or metric has no scores is listed as not run.
        level: coverage of the intervals.
        resamples: number of bootstrap resamples.
        seed: of the resampling.
        untrained: methods that do not learn, such as bicubic, so that one seed is all they can have.

    Returns:
        One row per claim, a the method that is claimed to be better, then one per metric, protocol and other pair in
        the order of `scores`, with the columns `COLUMNS`. `claim` says who claims it, "" for exploratory pairs.

    Raises:
        ValueError: for a metric without a direction; from `compare`, naming method, metric and protocol.
    """
    unknown = sorted(set(scores["metric"]) - set(better))
    if unknown:
        raise ValueError(f"got metrics {unknown}, expected some of {sorted(better)}: say which direction is better")
    cells: Scores = {
        (str(metric), str(protocol)): {
            str(name): Chips.of(part, f"{name}, {metric} ({protocol})")
            for name, part in family.groupby("method", sort=False)
        }
        for (metric, protocol), family in scores.groupby(["metric", "protocol"], sort=False)
    }

    def duel(metric: str, protocol: str, a: str, b: str) -> Comparison:
        methods, learns = cells[metric, protocol], (a not in untrained, b not in untrained)
        return compare_chips(methods[a], methods[b], better[metric], level, resamples, seed, learns)

    run = [c for c in claims if {c.better, c.worse} <= set(cells.get((c.metric, c.protocol), ()))]
    found = {claim: duel(claim.metric, claim.protocol, claim.better, claim.worse) for claim in run}
    tested = _claimed(found, cells, better, level)
    rows = [_names(claim) | tested.get(claim, {"verdict": NOT_RUN}) for claim in claims]
    asked = {(c.metric, c.protocol, frozenset((c.better, c.worse))) for c in claims}
    rows += [
        {"metric": metric, "protocol": protocol, "a": a, "b": b, "claim": "", "verdict": EXPLORATORY}
        | _numbers_of(duel(metric, protocol, a, b))
        for (metric, protocol), methods in cells.items()
        for a, b in combinations(methods, 2)
        if (metric, protocol, frozenset((a, b))) not in asked
    ]
    counts = {"images": "Int64", "regions": "Int64", "seeds": "Int64"}  # empty where a claim was not run
    return pd.DataFrame(rows, columns=COLUMNS).astype(counts)


def verdict(p: float, low: float, high: float, n_seeds: int, better: Better, rounding: float = 0.0) -> Verdict:
    """Return what a difference a - b may be called: the rule of every table and sentence.

    That one side beats the other needs p < 0.05, an interval without 0, and two seeds of each method that learns. Where
    only the seeds are wanting it is "one seed: not said", otherwise "not shown".

    Args:
        p: of the test, adjusted where several differences are tested together; NaN is no test.
        low: lower end of the difference's interval; NaN is no interval.
        high: upper end.
        n_seeds: training seeds of the learning method with fewer of them; 0 where the verdict is not about trainings:
            neither learns, or both sides are the same trainings.
        better: whether a higher or a lower score is better.
        rounding: differences up to this are none, in the unit of the scores.
    """
    # A NaN compares as false.
    if not (p < SIGNIFICANCE and (low > rounding or high < -rounding)):
        return "not shown"
    if 0 < n_seeds < LEAST_SEEDS:
        return "one seed: not said"
    return "a beats b" if (low > 0) == (better == "higher") else "b beats a"


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjust p values for testing several hypotheses, step-down (Holm, 1979).

    Args:
        p_values: (n,); NaN is no test and does not count as one.

    Returns:
        Adjusted p values (n,), at most 1; NaN stays NaN.
    """
    adjusted = np.array(p_values, np.float64)
    tested = np.flatnonzero(~np.isnan(adjusted))
    ascending = tested[np.argsort(adjusted[tested], kind="stable")]
    hypotheses_left = np.arange(len(ascending), 0, -1)
    adjusted[ascending] = np.maximum.accumulate(hypotheses_left * adjusted[ascending]).clip(max=1)
    return adjusted


def _claimed(
    found: Mapping[Claim, Comparison], cells: Scores, better: Mapping[str, Better], level: float
) -> dict[Claim, dict[str, object]]:
    """Return the numbers and verdicts of the claims that were run: they are tested together."""
    adjusted = holm([f.p for f in found.values()])
    alpha = SIGNIFICANCE / max(1, int(np.isfinite(adjusted).sum()))
    rows: dict[Claim, dict[str, object]] = {}
    for (claim, f), p_holm in zip(found.items(), adjusted, strict=True):
        said = verdict(p_holm, f.low, f.high, f.n_seeds, better[claim.metric])
        rows[claim] = _numbers_of(f) | {"p_holm": p_holm, "verdict": said} | _power(claim, f, cells, alpha, level)
    return rows


def _power(claim: Claim, found: Comparison, cells: Scores, alpha: float, level: float) -> dict[str, object]:
    """Return what the rule can show of a claim; nothing without the seeds and regions that it asks for."""
    if found.n_seeds < LEAST_SEEDS or found.n_regions < 2:
        return {}
    methods = cells[claim.metric, claim.protocol]
    differences = chip_differences(methods[claim.better].scores, methods[claim.worse].scores)
    design = Design(found.n_regions, found.n_images / found.n_regions, differences.shape[1])
    able = power(components(differences), design, alpha, level)
    return {"smallest": able.smallest, "false_alarms": able.false_alarms}


def _names(claim: Claim) -> dict[str, object]:
    names = {"metric": claim.metric, "protocol": claim.protocol, "a": claim.better, "b": claim.worse}
    return {**names, "claim": claim.source}


def _numbers_of(found: Comparison) -> dict[str, object]:
    counts = {"images": found.n_images, "regions": found.n_regions, "seeds": found.n_seeds}
    test = {"p": found.p, "cliffs_delta": found.cliffs_delta}
    return {"difference": found.difference, "low": found.low, "high": found.high, **test, **counts}
