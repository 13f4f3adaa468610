"""Votes on the methods' outputs: by people, and by every metric as if it were a voter."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from satsr.metrics.facts import find_metric
from satsr.studies.agreement.preference import outcomes


def metric_wins(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Let a metric vote on every pair of methods at every place.

    Args:
        scores: columns method, tile, region, metric, value; of one protocol. Seeds are averaged.
        metric: which of its metrics votes.

    Returns:
        Columns winner, loser, weight and region, as `bradley_terry_interval` takes them; a tie is half a win for each.
    """
    part = scores[scores.metric == metric]
    by_place = part.groupby(["region", "tile", "method"], sort=False).value.mean().unstack("method")
    rows = []
    for a, b in combinations(by_place.columns, 2):
        for_a = outcomes(by_place[a], by_place[b], np.ones(len(by_place), dtype=bool), find_metric(metric).better)
        regions = by_place.index.get_level_values("region")
        rows.append(pd.DataFrame({"winner": a, "loser": b, "weight": for_a, "region": regions}))
        rows.append(pd.DataFrame({"winner": b, "loser": a, "weight": 1 - for_a, "region": regions}))
    wins = pd.concat(rows, ignore_index=True)
    return wins[wins.weight > 0]


def agreement_with_votes(decided: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """Compare every metric's preference with what people decided.

    Args:
        decided: from `decide`: place, model1, model2, preferred.
        scores: columns method, tile, region, metric, protocol, value. Seeds are averaged.

    Returns:
        Columns metric, protocol, pair, kind (the two methods), region and outcome.

    Raises:
        ValueError: a place that was voted on has no scores.
    """
    regions = scores.drop_duplicates("tile").set_index("tile").region
    if missing := sorted(set(decided.place) - set(regions.index)):
        raise ValueError(f"votes name the place {missing[0]!r}, which has no scores: vote on this profile's test split")
    pair = decided.place + ": " + decided.model1 + ", " + decided.model2
    facts = pd.DataFrame({"pair": pair, "kind": decided.model1 + " / " + decided.model2})
    facts = facts.assign(region=decided.place.map(regions).to_numpy())
    tables = []
    for (metric, protocol), part in scores.groupby(["metric", "protocol"], sort=False):
        value = part.groupby(["tile", "method"]).value.mean()
        first, second = (value.loc[list(zip(decided.place, decided[m], strict=True))] for m in ("model1", "model2"))
        agrees = outcomes(first, second, decided.preferred == decided.model1, find_metric(str(metric)).better)
        tables.append(facts.assign(metric=str(metric), protocol=str(protocol), outcome=agrees))
    return pd.concat(tables, ignore_index=True)
