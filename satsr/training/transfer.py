"""How methods are trained on the papers' other data sets: on from the main one's models, or for another length."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from satsr.data.pairs import Pairs, spread_evenly
from satsr.models.superresolver import SuperResolver
from satsr.training.settings import TrainSettings

TRIES = 5  # of the mean, which an activation after the last convolution makes less than linear in its bias
IMAGES = 16  # that the mean is taken over


def of_length(settings: TrainSettings, length: float) -> TrainSettings:
    """Return a training of another length, watched at its end only.

    Args:
        settings: of the method's own training.
        length: share of its steps; milestones, the start of the GAN and the average of the weights move with it.
    """

    def share(steps: int) -> int:
        return max(1, round(length * steps))

    return settings.model_copy(
        update={
            "steps": share(settings.steps),
            "gan_start": round(length * settings.gan_start),
            "ema": settings.ema ** (1 / length),
            "milestones": tuple(map(share, settings.milestones)),
            "validate_every": share(settings.steps),
            "validate_images": 2,
        }
    )


def fitted(model: SuperResolver, pairs: Pairs) -> SuperResolver:
    """Return a trained model for other bands, dates and scale, so that it sees in them what it saw in its own.

    Input weights are shared out over the new channels: each date counts as much as any other, a single band as the sum
    of the old ones. Output weights of bands that become one are averaged. Everything else is as it was.

    Args:
        model: of a method that is fed low-resolution images, not latents.
        pairs: of the data set that it goes on with.
    """
    card = replace(
        model.card,
        dates=pairs.settings.dates,
        bands_in=pairs.bands_in,
        bands_out=pairs.bands_out,
        scale=pairs.scale,
    )
    made, old = SuperResolver(card), model.network.state_dict()
    noisy = _noisy_channels(model), _noisy_channels(made)
    with torch.no_grad():
        for name, value in made.network.state_dict().items():
            if name in old:  # HighResNet's levels of pairing share one block
                value.copy_(_fit(old[name], value.shape, noisy))
    return made


@torch.no_grad()
def at_mean(model: SuperResolver, pairs: Pairs) -> SuperResolver:
    """Move the bias of a fitted model's last convolution, so that its images have the mean of HR; return the model.

    Other sensors' values differ by a factor, and in a few steps a network would learn little else. What samples its
    images learns their mean from the noise, and stays as it is.

    Args:
        model: from `fitted`; changed in place.
        pairs: of the data set that it goes on with.
    """
    if model.method.denoises:
        return model
    last = [module for module in model.network.modules() if isinstance(module, nn.Conv2d)][-1]
    batch = pairs.batch(spread_evenly(len(pairs), IMAGES))
    model.eval()
    assert last.bias is not None
    for _ in range(TRIES):
        last.bias += (batch.hr - model(*batch.seen())).movedim(1, -1)[batch.hr_valid].mean(dim=0)
    return model


def _noisy_channels(model: SuperResolver) -> int:
    """Return how many of the first convolution's channels a denoiser's noisy image takes, which come first."""
    patch = getattr(model.network, "patch", 0)
    return len(model.card.bands_out) * patch**2


def _fit(value: Tensor, shape: torch.Size, noisy: tuple[int, int]) -> Tensor:
    if value.shape == shape:
        return value
    if value.ndim > 1 and value.shape[1] != shape[1]:
        before, after = noisy
        parts = (value[:, :before], after), (value[:, before:], shape[1] - after)
        value = torch.cat([_shared_out(part, 1, count) * part.shape[1] / max(count, 1) for part, count in parts], dim=1)
    return _shared_out(value, 0, shape[0])


def _shared_out(value: Tensor, dim: int, count: int) -> Tensor:
    """Return `count` channels: those that lie a common divisor apart are averaged, then repeated."""
    if value.shape[dim] == count:
        return value
    kept = math.gcd(value.shape[dim], count)
    folded = value.unflatten(dim, (-1, kept)).mean(dim)
    return torch.cat([folded] * (count // kept), dim)
