"""Does the spread of the trajectories tell the error: coverage before and after one factor, and rank correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from satsr.data.pairs import Batch
from satsr.models.superresolver import SuperResolver
from satsr.studies.fusion.variants import Variant, _seen


@dataclass(frozen=True)
class Spread:
    """Images with their uncertainty.

    Attributes:
        sr: (N, C, H, W).
        deviation: standard deviation over trajectories, of the same shape.
        error: absolute difference to HR, of the same shape.
        valid: bool (N, H, W), HR pixels that count.
    """

    sr: Tensor
    deviation: Tensor
    error: Tensor
    valid: Tensor

    def chosen(self, what: Tensor) -> Tensor:
        """Return the values of valid pixels, flat."""
        return what[self.valid[:, None].expand_as(what)]


@torch.inference_mode()
def spread(model: SuperResolver, batch: Batch, variant: Variant) -> Spread:
    """Return images, how far their trajectories differ, and how far they are from HR.

    Values without a deviation, of images with one date that shows something, are not valid.
    """
    device = next(p.device for p in model.parameters())
    sr, deviation = (part.cpu() for part in model.spread(*_seen(batch, variant).to(device)))
    sr = sr.clamp(0, 1)
    known = deviation.isfinite().all(dim=1)
    return Spread(sr, deviation, (sr - batch.hr).abs(), batch.hr_valid & known)


def calibration_factor(found: Spread) -> float:
    """Return the factor on the deviations that makes their mean square that of the errors."""
    squares = [found.chosen(part).double().square().mean() for part in (found.error, found.deviation)]
    return float((squares[0] / squares[1]).sqrt())


def coverage(found: Spread, levels: Sequence[float], factor: float = 1.0) -> pd.DataFrame:
    """Return how many HR values lie within an interval that a normal distribution would give a nominal level.

    Args:
        found: images with their uncertainty.
        levels: nominal levels, in (0, 1).
        factor: on the deviations.

    Returns:
        One row per level: nominal, share.
    """
    error, deviation = found.chosen(found.error).double(), found.chosen(found.deviation).double() * factor
    widths = torch.distributions.Normal(0.0, 1.0).icdf(torch.tensor([(1 + level) / 2 for level in levels]))
    shares = [float((error <= width * deviation).double().mean()) for width in widths.tolist()]
    return pd.DataFrame({"nominal": list(levels), "share": shares})


def rank_correlation(found: Spread) -> float:
    """Return Spearman's correlation of deviation and error within an image, averaged over images."""
    from scipy.stats import spearmanr

    values = []
    for number, valid in enumerate(found.valid):
        counted = valid.expand_as(found.error[number])
        if counted.any():
            pair = (part[number][counted].numpy() for part in (found.deviation, found.error))
            values.append(float(spearmanr(*pair).statistic))
    return float(np.mean(values)) if values else float("nan")
