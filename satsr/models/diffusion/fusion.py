"""SatDiffMoE's fusion: the trajectories of several dates are pulled towards a common centre.

Luo, Song and Shen, "SatDiffMoE: A Mixture of Estimation Method for Satellite Image Super-resolution with Latent
Diffusion Models", 2024. What the paper leaves open is an option here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from satsr.models.diffusion.noise import place_noise

# Steps to a centre that has no closed form, and the first one's length in units of the trajectories' spread.
CENTRE_STEPS, CENTRE_STEP = 5, 0.1
# Fields of noise are numbered from 0 on by the samplers; the fields that choose trajectories lie far away.
CHOICE_DRAW = 1 << 40

# Maps latents (M, C, h, w) to the features whose distance counts.
Features = Callable[[Tensor], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Fusion:
    """How trajectories agree.

    Attributes:
        every: pull at every so many sampling steps; 0 never does. Published: 5.
        strength: share of the way to the centre that each estimate goes: 0 leaves it, 1 makes all equal.
        distance: whose sum over the trajectories the centre minimizes: `l2` of latents, which is their mean, or `lpips`
            of decoded images, by gradient from the mean on. Published: LPIPS, as summaries say.
        drop: share of the trajectories that a centre leaves out (DiffusionDrop).
        drop_per: draw them anew at every `step`, or once for the whole `sample`.
        renoise: compute each trajectory's noise anew from its pulled estimate; the algorithm as summaries give it keeps
            the noise that the network found.
        returned: which estimate becomes the image: the `centre`, that of the `nearest` date, or one at `random`.

    Raises:
        ValueError: a value outside its range.
    """

    every: int = 5
    strength: float = 0.5
    distance: Literal["l2", "lpips"] = "l2"
    drop: float = 0.0
    drop_per: Literal["step", "sample"] = "step"
    renoise: bool = False
    returned: Literal["centre", "nearest", "random"] = "centre"

    def __post_init__(self) -> None:
        named = {
            "distance": (self.distance, ("l2", "lpips")),
            "drop_per": (self.drop_per, ("step", "sample")),
            "returned": (self.returned, ("centre", "nearest", "random")),
        }
        for name, (got, expected) in named.items():
            if got not in expected:
                raise ValueError(f"fusion: got {name}={got!r}, expected one of {', '.join(expected)}")
        if self.every < 0 or not 0 <= self.strength <= 1 or not 0 <= self.drop < 1:
            raise ValueError(
                f"fusion: got every={self.every}, strength={self.strength}, drop={self.drop}; expected at least 0, "
                "0 to 1, and 0 to below 1"
            )

    def due(self, step: int) -> bool:
        """Return whether estimates are pulled together at a step, counted from 0."""
        return self.every > 0 and (step + 1) % self.every == 0

    def taking_part(self, place: Tensor, usable: Tensor, step: int) -> Tensor:
        """Choose the trajectories of a centre, by place, so that batching changes nothing.

        Args:
            place: int64 (N, 2).
            usable: bool (N, K), trajectories whose date shows something; at least one per image.
            step: number of the sampling step.

        Returns:
            bool (N, K), at least one per image.
        """
        if not self.drop:
            return usable
        draw = CHOICE_DRAW + (step if self.drop_per == "step" else 0)
        lots = place_noise(place, (usable.shape[1], 1, 1), draw)[..., 0, 0].masked_fill(~usable, torch.inf)
        kept = ((1 - self.drop) * usable.sum(dim=1, keepdim=True)).round().clamp(min=1)
        return lots.argsort(dim=1).argsort(dim=1) < kept

    def pulled(self, estimates: Tensor, centre: Tensor) -> Tensor:
        """Return all estimates (N, K, C, h, w), moved towards the centre (N, C, h, w)."""
        return torch.lerp(estimates, centre[:, None].expand_as(estimates), self.strength)


def mean_centre(estimates: Tensor, part: Tensor) -> Tensor:
    """Return the point with the least sum of squared distances, which is the mean.

    Args:
        estimates: (N, K, C, h, w).
        part: bool (N, K), which of them count.

    Returns:
        (N, C, h, w).
    """
    share = part.to(estimates) / part.sum(dim=1, keepdim=True)
    return (share[:, :, None, None, None] * estimates).sum(dim=1)


def feature_centre(estimates: Tensor, part: Tensor, features: Features) -> Tensor:
    """Return a point with a small sum of squared feature distances, from the mean on down the gradient.

    A step that makes it worse is taken back and halved, image by image: the result is never worse than the mean.

    Args:
        estimates: (N, K, C, h, w).
        part: bool (N, K), which of them count.
        features: of latents (M, C, h, w), differentiable.

    Returns:
        (N, C, h, w).
    """
    with torch.inference_mode(False), torch.enable_grad():
        estimates, part = estimates.detach().clone(), part.clone()
        share = part.to(estimates) / part.sum(dim=1, keepdim=True)
        with torch.no_grad():
            targets = [target.unflatten(0, part.shape) for target in features(estimates.flatten(0, 1))]

        def distance(point: Tensor) -> Tensor:
            """Return (N,)."""
            layers = zip(features(point), targets, strict=True)
            squared = [(own[:, None] - target).square().sum(dim=2).mean(dim=(2, 3)) for own, target in layers]
            return (share * torch.stack(squared).sum(dim=0)).sum(dim=1)

        best = trial = mean_centre(estimates, part)
        slope, least = torch.zeros_like(best), torch.full((len(best), 1, 1, 1), torch.inf, device=best.device)
        length = CENTRE_STEP * _size(estimates - best[:, None], share)
        for _ in range(CENTRE_STEPS + 1):
            trial = trial.detach().requires_grad_()
            found = distance(trial)
            (gradient,) = torch.autograd.grad(found.sum(), [trial])
            better = found.detach().view(-1, 1, 1, 1) < least
            best, least = torch.where(better, trial, best), torch.where(better, found.view(-1, 1, 1, 1), least).detach()
            slope = torch.where(better, gradient / _size(gradient[:, None]).clamp(min=1e-30), slope)
            length = torch.where(better, length, length / 2)
            trial = best - length * slope
        return best.detach()


def _size(members: Tensor, share: Tensor | None = None) -> Tensor:
    """Return the root mean square of (N, K, C, h, w) as (N, 1, 1, 1), members weighted by their share."""
    squared = members.square().mean(dim=(2, 3, 4))
    return (squared.mean(dim=1) if share is None else (share * squared).sum(dim=1)).sqrt().view(-1, 1, 1, 1)
