"""The stand-in for people: images of the designed pairs, and what every metric prefers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.data.pairs import Pair, Pairs
from satsr.evaluation.degradations.context import Box, Context
from satsr.evaluation.degradations.faults import DEGRADATIONS, applicable
from satsr.evaluation.degradations.objects import THINGS, things
from satsr.evaluation.degradations.sharp_error import sharp_error
from satsr.metrics.facts import find_metric, split_name
from satsr.metrics.protocol import Protocol
from satsr.metrics.scoring import score
from satsr.studies.agreement.preference import MACRO, outcomes

# Figure 2: each image is the one before it, blurred more; the paper shows four.
CHAIN_BLUR_PX = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
CHAIN_METRICS = ("psnr", "ssim")


@dataclass(frozen=True)
class Candidates:
    """Two renderings of one place, of which it is known which is closer.

    Attributes:
        target: float32 (C, H, W) in [0, 1].
        better: the same shape.
        worse: `better` with more of one fault.
        region: of the place.
    """

    target: Tensor
    better: Tensor
    worse: Tensor
    region: str


def candidates(row: pd.Series, pairs: Pairs) -> Candidates:
    """Make the two images of a designed pair.

    Args:
        row: of `read_design`.
        pairs: the split that the pair's chip number is taken in; for faults of objects, the next chip that has enough.

    Raises:
        ValueError: no chip of the split has enough objects.
    """
    number, objects = _place(row, pairs)
    pair = pairs.pair(number)
    base = pair.hr if row.base == "target" else sharp_error(pair.hr, Context(int(row.seed)))
    context = Context(int(row.seed) + 1, objects)
    better, worse = (_degraded(base, row.kind, strength, context) for strength in (row.low, row.high))
    return Candidates(pair.hr, better, worse, pair.region)


def possible(design: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """Return the pairs whose fault can be made on some chip of a set: chips of a folder may show no objects."""
    kinds = design.kind.unique()
    chips = [things(pairs.chips.objects(tile)) for tile in pairs.tiles]
    found = {kind for kind in kinds if any(applicable(kind, objects) for objects in chips)}
    return design[design.kind.isin(found)]


def preferences(
    design: pd.DataFrame, pairs: Pairs, metrics: dict[str, str], protocols: Sequence[Protocol]
) -> pd.DataFrame:
    """Ask every metric which of two images is closer to the target.

    Args:
        design: some of the designed pairs.
        pairs: the split that they are taken from.
        metrics: name for the table -> full name.
        protocols: of the metrics.

    Returns:
        One row per metric, protocol and pair: metric, protocol, pair, kind, base, region, outcome (1 agrees, 0 does
        not, 0.5 cannot tell).
    """
    made = [candidates(row, pairs) for _, row in design.iterrows()]
    target, better, worse = (torch.stack([getattr(c, n) for c in made]) for n in ("target", "better", "worse"))
    facts = design[["pair", "kind", "base"]].assign(region=[c.region for c in made])
    tables = []
    for protocol in protocols:
        good, bad = (score(images, target, list(metrics.values()), protocol) for images in (better, worse))
        for name, full in metrics.items():
            direction = find_metric(full).better
            agrees = outcomes(good[full], bad[full], np.ones(len(facts), dtype=bool), direction)
            tables.append(facts.assign(metric=name, protocol=protocol, outcome=agrees))
    return pd.concat(tables, ignore_index=True)


def chain(pair: Pair, seed: int) -> Tensor:
    """Return renderings of a place from best to worst: a sharp one, then blurred more and more (8, C, H, W)."""
    sharp = sharp_error(pair.hr, Context(seed))
    return torch.stack([_degraded(sharp, "blur", sigma_px, Context(seed)) for sigma_px in CHAIN_BLUR_PX])


def chain_scores(pairs: Pairs, protocol: Protocol) -> pd.DataFrame:
    """Score the chain of every place of a split with PSNR and SSIM.

    Returns:
        One row per place: tile, region, psnr_0 .. psnr_7, ssim_0 .. ssim_7 (best to worst), and against: over how many
        images from the best on, each worse than the one before, both scores rise; 1 when they fall at once.
    """
    rows = []
    for number in range(len(pairs)):
        pair = pairs.pair(number)
        images = chain(pair, number)
        found = score(images, pair.hr.expand_as(images), CHAIN_METRICS, protocol)
        values = {f"{m}_{i}": float(v) for m in CHAIN_METRICS for i, v in enumerate(found[m])}
        rows.append({"tile": pair.tile, "region": pair.region, **values, "against": rising(*found.values())})
    return pd.DataFrame(rows)


def rising(*scores: NDArray[np.float64]) -> int:
    """Return over how many entries, from the first on, all scores (n,) rise at every step."""
    steps = np.all([np.diff(s) > 0 for s in scores], axis=0)
    return 1 + int(np.argmin(np.append(steps, False)))


def best_candidate(table: pd.DataFrame, prefix: str) -> str:
    """Return the network with the highest macro-averaged agreement among the metrics `prefix:NETWORK`; first of ties.

    Args:
        table: from `agreement_table`.
        prefix: a metric.

    Raises:
        ValueError: no candidate is in the table.
    """
    rows = table[(table.kind == MACRO) & table.metric.str.startswith(f"{prefix}:")]
    if rows.empty:
        raise ValueError(f"got no metric {prefix}:NETWORK in the table, expected at least one candidate")
    best = rows.sort_values(["agreement", "metric"], ascending=[False, True]).iloc[0]
    return split_name(str(best.metric))[1]


def _place(row: pd.Series, pairs: Pairs) -> tuple[int, tuple[Box, ...]]:
    """Return the number of the chip on which a fault is made, and its objects."""
    for step in range(len(pairs)):
        number = (int(row.chip) + step) % len(pairs)
        objects = things(pairs.chips.objects(pairs.tiles[number]))
        if applicable(row.kind, objects):
            return number, objects
    raise ValueError(
        f"{row.pair}: no chip of {pairs.chips.folder} has enough objects ({', '.join(THINGS)}) for {row.kind}: "
        "leave this fault out of the pairs"
    )


def _degraded(image: Tensor, kind: str, strength: float, context: Context) -> Tensor:
    return DEGRADATIONS[kind](image, strength, context) if strength else image
