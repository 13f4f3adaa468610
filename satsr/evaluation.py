"""Score a model on a set of pairs: one value per image, metric and protocol."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from satsr.data.pairs import Batch, Pairs
from satsr.metrics.scoring import score
from satsr.models.superresolver import ModelCard, SuperResolver, find_method, load_model
from satsr.params import EvaluateSettings
from satsr.progress import Progress


def trained_models(method: str, seeds: Sequence[int], models: Path, pairs: Pairs) -> list[tuple[int, SuperResolver]]:
    """Return a method's models by seed, on the fastest device; one, for seed 0, when it has nothing to train.

    Args:
        method: a name in `METHODS`.
        seeds: of the trained models.
        models: folder with `<method>/seed-<seed>`.
        pairs: tell dates, bands and scale of a method without weights.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if find_method(method).learns:
        return [(seed, load_model(models / method / f"seed-{seed}").to(device)) for seed in seeds]
    card = ModelCard(method, {}, pairs.settings.dates, pairs.bands_in, pairs.bands_out, pairs.scale)
    return [(0, SuperResolver(card).to(device).eval())]


@torch.inference_mode()
def super_resolve(model: SuperResolver, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the outputs for a batch, clipped to [0, 1], and the share of values that clipping changed.

    In float32, so that machines agree as well as they can.

    Returns:
        sr (N, C, H, W) on the CPU, and clipped share (N,).
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    raw = model(batch.lr.to(device), batch.dt_days.to(device)).float().cpu()
    clipped = ((raw < 0) | (raw > 1)).float().mean(dim=(1, 2, 3))
    return raw.clamp(0, 1), clipped


def evaluate(model: SuperResolver, pairs: Pairs, settings: EvaluateSettings, seed: int, what: str) -> pd.DataFrame:
    """Score a model on every pair of a set, with evaluation's fixed choice of frames.

    Args:
        model: the super-resolver, on any device.
        pairs: the set.
        settings: metrics, protocols and batch size.
        seed: the training seed, kept as a column.
        what: name for the progress lines.

    Returns:
        One row per image, metric and protocol: tile, region, seed, metric, protocol, value, clipped_share.

    Raises:
        FloatingPointError: a score is not finite.
    """
    progress = Progress(f"score {what}", len(pairs), "images")
    tables = []
    for numbers, batch in pairs.batches(settings.batch):
        tables.append(_score_batch(model, batch, settings))
        progress.step(len(numbers))
    table = pd.concat(tables, ignore_index=True).assign(seed=seed)
    lost = table[~np.isfinite(table.value)]
    if len(lost):
        first = lost.iloc[0]
        raise FloatingPointError(f"{what}: {len(lost)} scores are not finite, first {first.metric} of {first.tile}")
    return table


def _score_batch(model: SuperResolver, batch: Batch, settings: EvaluateSettings) -> pd.DataFrame:
    sr, clipped = super_resolve(model, batch)
    tables = []
    for protocol in settings.protocols:
        scores = score(sr, batch.hr, names=settings.metrics, protocol=protocol, lr=batch.lr, valid=batch.hr_valid)
        for metric, values in scores.items():
            columns = {"tile": batch.tiles, "region": batch.regions, "metric": metric, "protocol": protocol}
            tables.append(pd.DataFrame({**columns, "value": values, "clipped_share": clipped.numpy()}))
    return pd.concat(tables, ignore_index=True)
