"""How far an output's fine detail may be from the ground: intervals whose coverage was measured.

What a model's views differ by (`satsr.models.views`) is far too small to be its error, and says nothing where a model
is sure of itself and wrong. The half width of an interval is therefore a sum of three parts: the same everywhere, by
how much the views differ, and by how much detail the output shows around a pixel,

    half width = constant + spread * (views' standard deviation) + detail * (standard deviation of the 5 x 5 pixels).

The weights are found on validation regions, for each level by linear quantile regression (Koenker and Bassett,
"Regression quantiles", 1978) with weights that are not negative; then one factor brings the coverage there to the
level.

The error is that of an output in agreement with its input, against the ground in the satellite's own tone: the target
image, brought into agreement with the same input. So the interval speaks of the detail that the sensor does not see;
haze, noise and a shift that output and input share are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

LEVELS = (0.5, 0.8, 0.95)  # of intervals
AROUND_PX = 5  # side of the square of output pixels in which detail is measured
REACH_PX = AROUND_PX // 2
PARTS = ("constant", "spread", "detail")
LEAST = 1e-6  # of a half width, so that a factor can be found
CARD_NAME = "q{percent}_{part}"  # on a model's card
VIEWS = 4


@dataclass(frozen=True)
class Calibration:
    """Weights of the parts of a half width, by level of the interval.

    Attributes:
        weights: level -> weights of `PARTS`, in shares of white.
    """

    weights: Mapping[float, tuple[float, float, float]]

    def half_width(self, level: float, spread: Tensor, detail: Tensor) -> Tensor:
        """Return the half width of an interval, in shares of white.

        Args:
            level: one that was calibrated.
            spread: of the views, any shape.
            detail: of the output, the same shape.

        Raises:
            ValueError: another level.
        """
        if level not in self.weights:
            known = ", ".join(f"{100 * one:g}" for one in self.weights)
            raise ValueError(f"got an interval of {100 * level:g} %, expected one that was calibrated: {known}")
        constant, by_spread, by_detail = self.weights[level]
        return constant + by_spread * spread + by_detail * detail

    def for_card(self) -> dict[str, float]:
        """Return the same as a model's card has it."""
        named = {level: zip(PARTS, weights, strict=True) for level, weights in self.weights.items()}
        return {_name(level, part): float(f"{w:.4g}") for level, parts in named.items() for part, w in parts}

    @classmethod
    def of_card(cls, on_scenes: Mapping[str, float]) -> Calibration | None:
        """Return what a card says, None where it says nothing."""
        known = [level for level in LEVELS if all(_name(level, part) in on_scenes for part in PARTS)]
        weights = {level: [float(on_scenes[_name(level, part)]) for part in PARTS] for level in known}
        return cls({level: (w[0], w[1], w[2]) for level, w in weights.items()}) if weights else None


def detail(image: Tensor) -> Tensor:
    """Return the standard deviation of the pixels around each, (..., C, H, W); beyond the border its pixels repeat."""
    padded = F.pad(image.float(), (REACH_PX,) * 4, mode="replicate")
    mean = F.avg_pool2d(padded, AROUND_PX, 1)
    return (F.avg_pool2d(padded.square(), AROUND_PX, 1) - mean.square()).clamp(min=0).sqrt()


def spread(outputs: Sequence[Tensor]) -> Tensor:
    """Return the standard deviation over views of one input; 0 of a single one."""
    return torch.stack(list(outputs)).std(dim=0, correction=0)


def calibrate(
    error: NDArray[np.float32],
    spread: NDArray[np.float32],
    detail: NDArray[np.float32],
    samples: int = 3000,
) -> Calibration:
    """Find the weights by which intervals cover the errors as often as their level says.

    Args:
        error: (n,), output minus ground, in shares of white.
        spread: (n,) of the views.
        detail: (n,) of the output.
        samples: pixels that the regression sees, drawn without replacement; the factor sees all.

    Raises:
        ValueError: arrays of other lengths, fewer than 100 pixels, or values that are no numbers.
    """
    far = np.abs(np.asarray(error, np.float64))
    parts = np.stack([np.ones_like(far), spread, detail], axis=1)
    if len(far) < 100 or parts.shape != (len(far), len(PARTS)) or not np.isfinite(parts).all():
        raise ValueError(f"got {far.shape} errors and {parts.shape} parts, expected at least 100 finite pixels of each")
    chosen = np.random.default_rng(0).permutation(len(far))[:samples]
    weights = {}
    for level in LEVELS:
        found = _quantile_regression(parts[chosen], far[chosen], level)
        factor = np.quantile(far / np.maximum(parts @ found, LEAST), level)
        scaled = [float(weight) for weight in found * factor]
        weights[level] = (max(scaled[0], LEAST), scaled[1], scaled[2])
    return Calibration(weights)


def _quantile_regression(parts: NDArray[np.float64], values: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Return weights >= 0 of a linear quantile regression, as a linear programme."""
    from scipy import sparse
    from scipy.optimize import linprog

    count, width = parts.shape
    size = parts.max(axis=0)
    size[size <= 0] = 1.0
    above = sparse.hstack([sparse.csr_array(parts / size), sparse.eye_array(count), -sparse.eye_array(count)])
    cost = np.concatenate([np.zeros(width), np.full(count, level), np.full(count, 1 - level)])
    solved = linprog(cost, A_eq=above.tocsc(), b_eq=values, bounds=(0, None), method="highs")
    if not solved.success:
        raise ValueError(f"no weights were found for the {100 * level:g} % interval: {solved.message}")
    return np.asarray(solved.x[:width] / size)


def _name(level: float, part: str) -> str:
    return CARD_NAME.format(percent=round(100 * level), part=part)
