"""What agreement with the input costs, and gives: every method's outputs as they are, and brought into agreement.

An output agrees with its input where the sensor would see in it what it saw (`satsr.models.consistent`), up to noise.
The input stands for itself by the median of its dates, as in `satsr super-resolve`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from satsr.data.data_set import DataSet
from satsr.data.pairs import Batch, Pairs
from satsr.evaluation.evaluate import clip, score_images
from satsr.evaluation.outputs import load_outputs
from satsr.evaluation.paired import compare
from satsr.evaluation.settings import EvaluateSettings, TableSettings
from satsr.evaluation.verdicts import holm, verdict
from satsr.metrics.facts import find_metric
from satsr.models.consistent import observe
from satsr.scenes.of_pairs import InAgreement

PROTOCOL = "corrected"
LEVELS = 255
COLUMNS = ["method", "metric", "free", "consistent", "difference", "low", "high", "p", "p_holm", "verdict", "n_seeds"]


@dataclass(frozen=True)
class Agreeing:
    """Outputs of one training, brought into agreement with their inputs.

    Attributes:
        outputs: (N, C, H, W) in [0, 1].
        at: tile -> number of its output.
        inputs: what they are to agree with.
    """

    outputs: Tensor
    at: Mapping[str, int]
    inputs: InAgreement

    @classmethod
    def of(cls, outputs: Tensor, pairs: Pairs) -> Agreeing:
        """Take the outputs of a split, in its order."""
        return cls(outputs, {tile: n for n, tile in enumerate(pairs.tiles)}, InAgreement.of(pairs))

    def free(self, batch: Batch) -> Tensor:
        """Return the outputs as they are."""
        return self.outputs[[self.at[tile] for tile in batch.tiles]]

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the outputs in agreement, clipped, and the share that clipping changed."""
        return clip(self.inputs.apply(self.free(batch), batch))

    def residual(self, batch: Batch) -> Tensor:
        """Return how far, in levels of 255, the sensor's view of the free outputs is from the median: (N,) means."""
        reference, known = self.inputs.reference(batch)
        far = (observe(self.free(batch), self.inputs.sensor) - reference).abs() * known
        return LEVELS * far.sum(dim=(1, 2, 3)) / known.sum(dim=(1, 2, 3)).clamp(min=1)


@torch.inference_mode()
def score_consistent(
    data: DataSet,
    methods: Sequence[str],
    seeds: Mapping[str, Sequence[int]],
    settings: EvaluateSettings,
    names: Mapping[str, str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every method's saved outputs after they were brought into agreement.

    Args:
        data: whose test split was scored before.
        methods: names of methods.
        seeds: of their trainings.
        settings: metrics and batch size; the corrected protocol is computed.
        names: the metrics' full names.

    Returns:
        Scores as of `Evaluation`, with a column method; and how far the free outputs are from their inputs: method,
        seed and levels.

    Raises:
        FileNotFoundError: a method has no outputs.
        FloatingPointError: a score is not finite.
    """
    test = data.pairs["test"]
    corrected = settings.model_copy(update={"protocols": (PROTOCOL,)})
    scores, far = [], []
    for method in methods:
        for seed, outputs in zip(seeds[method], load_outputs(data.folders.outputs, method), strict=True):
            images = Agreeing.of(outputs, test)
            found = score_images(images, test, corrected, seed, f"{method} in agreement, seed {seed}", names).scores
            scores.append(found.assign(method=method))
            levels = torch.cat([images.residual(batch) for _, batch in test.batches(settings.batch)])
            far.append({"method": method, "seed": seed, "levels": float(levels.mean())})
    return pd.concat(scores, ignore_index=True), pd.DataFrame(far)


def differences(free: pd.DataFrame, agreeing: pd.DataFrame, table: TableSettings) -> pd.DataFrame:
    """Compare outputs in agreement with free ones, paired by chip and seed; p adjusted over all rows (Holm).

    Args:
        free: scores of the outputs as they are, with a column method.
        agreeing: of the same in agreement.
        table: of the intervals.

    Returns:
        One row per method and metric, `COLUMNS`; difference is agreement minus free. Both sides are the same trainings,
        so the verdict does not ask for a second seed.
    """
    rows = []
    for (method, metric), own in agreeing.groupby(["method", "metric"], sort=False):
        other = free[(free.method == method) & (free.metric == metric) & (free.protocol == PROTOCOL)]
        better = find_metric(str(metric)).better
        found = compare(own, other, better, table.level, table.resamples, table.seed)
        means = {"free": other.value.mean(), "consistent": own.value.mean()}
        interval = {"difference": found.difference, "low": found.low, "high": found.high, "p": found.p}
        rows.append({"method": method, "metric": metric, **means, **interval, "n_seeds": own.seed.nunique()})
    frame = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("p_holm", "verdict")])
    adjusted = holm(frame.p)
    ends = zip(adjusted, frame.low, frame.high, frame.metric, strict=True)
    said = [verdict(p, low, high, 0, find_metric(metric).better) for p, low, high, metric in ends]
    words = {"a beats b": "better", "b beats a": "worse"}
    return frame.assign(p_holm=adjusted, verdict=[words.get(one, one) for one in said])[COLUMNS]


def sentence(table: pd.DataFrame) -> str:
    """Say by rule what agreement changes, metric by metric."""
    parts = []
    for metric, rows in table.groupby("metric", sort=False):
        groups = {word: list(rows.method[rows.verdict == word]) for word in ("better", "worse")}
        said = [f"{word} for {', '.join(methods)}" for word, methods in groups.items() if methods]
        parts.append(f"{metric}: {' and '.join(said) if said else 'no difference is shown'}")
    return f"**Outputs in agreement with their inputs against free ones, by rule.** {'; '.join(parts)}."


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table for people: a row per method and metric, differences with their intervals."""
    rows = []
    for _, row in table.iterrows():
        interval = (
            f"{row.difference:+.3g} [{row.low:.3g}, {row.high:.3g}]"
            if np.isfinite(row.low)
            else f"{row.difference:+.3g}"
        )
        rows.append((row.method, row.metric, f"{row.free:.3f}", f"{row.consistent:.3f}", interval, row.verdict))
    return pd.DataFrame(rows, columns=["method", "metric", "free", "in agreement", "difference", "in agreement it is"])
