"""From noise to an image: DDIM and everything between it and the ancestral sampler, with a hook on the clean estimate.

Song et al., "Denoising Diffusion Implicit Models", 2021, equation 12. On a straight flow a step without new noise is
Euler's.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from satsr.models.diffusion.process import Prediction, Process, clean_estimate

Denoise = Callable[[Tensor, Tensor], Tensor]
CleanHook = Callable[[int, Tensor], Tensor]


def sample(
    denoise: Denoise,
    start: Tensor,
    process: Process,
    prediction: Prediction,
    steps: int,
    eta: float = 0.0,
    fresh_noise: Callable[[int], Tensor] | None = None,
    on_clean: CleanHook | None = None,
    noise_follows: bool = True,
) -> Tensor:
    """Go from noise to images.

    Args:
        denoise: maps noisy images (N, C, H, W) and what is told of the time (N,) to what the network predicts.
        start: noise (N, C, H, W).
        process: the way.
        prediction: what the network predicts.
        steps: number of network calls.
        eta: share of the ancestral sampler's noise that every step adds: 0 is DDIM, 1 with all steps is DDPM.
        fresh_noise: gives that noise for a step; needed where eta is not 0.
        on_clean: may change the clean estimate of a step (clip it, or pull trajectories together).
        noise_follows: the noise estimate is what the changed clean estimate leaves, as clipping wants it; or it stays
            that of the network.

    Returns:
        The last clean estimate, of the shape of `start`.
    """
    noisy = clean = start
    for step, (now, then) in enumerate(pairwise(process.times(steps))):
        time = torch.full((len(start),), now, device=start.device)
        alpha, sigma = (share.view(-1, 1, 1, 1) for share in process.mix(time))
        clean = own = clean_estimate(prediction, denoise(noisy, process.told(time)), noisy, alpha, sigma)
        if on_clean is not None:
            clean = on_clean(step, own)
        noise = (noisy - alpha * (clean if noise_follows else own)) / sigma
        next_alpha, next_sigma = (share.view(-1, 1, 1, 1) for share in process.mix(torch.full_like(time, then)))
        added = torch.zeros_like(sigma)
        if eta and then > 0:
            added = eta * (next_sigma / sigma) * (1 - (alpha / next_alpha) ** 2).clamp(min=0).sqrt()
        noisy = next_alpha * clean + (next_sigma**2 - added**2).clamp(min=0).sqrt() * noise
        if eta and then > 0:
            assert fresh_noise is not None, "a sampler with eta above 0 needs noise"
            noisy = noisy + added * fresh_noise(step)
    return clean
