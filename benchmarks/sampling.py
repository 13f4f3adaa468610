"""Sampling with SatDiffMoE: what fusion costs, and what all trajectories in one batch save."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from satsr.common.device import best_device
from satsr.data.seen import Seen
from satsr.models.autoencoder import tiny_config
from satsr.models.diffusion.fusion import Fusion
from satsr.models.diffusion.unet import latent_unet_config
from satsr.models.latent_diffusion import LatentDiffusion

IMAGES, DATES, LR_PX, STEPS, ROUNDS = 4, 8, 32, 10, 7


def report() -> None:
    """Print both ratios."""
    model, given = made_up()
    by_dates = [given._replace(lr=given.lr[:, k : k + 1], dt_days=given.dt_days[:, k : k + 1]) for k in range(DATES)]
    fused, plain, apart = [], [], []
    with torch.inference_mode():
        model(given)
        for _ in range(ROUNDS):
            fused.append(seconds(lambda: model(given)))
            with without_fusion(model):
                plain.append(seconds(lambda: model(given)))
                apart.append(seconds(lambda: [model(one) for one in by_dates]))
    share = statistics.median(a / b - 1 for a, b in zip(fused, plain, strict=True))
    batched = statistics.median(a / b for a, b in zip(apart, plain, strict=True))
    print(f"sampling; {IMAGES} images, {DATES} dates, {STEPS} steps: {statistics.median(fused):.2f} s")
    print(f"  fusion (L2) at every step: {100 * share:+.1f} % of sampling without it")
    print(f"  trajectories one after another, against one batch: ratio {batched:.2f}")


def made_up() -> tuple[LatentDiffusion, Seen]:
    """Return a network of the overnight profile's size, without training, and what it takes."""
    torch.manual_seed(0)
    autoencoder = tiny_config(channels=4, width=64, levels=2, blocks=2, patch=2)
    unet = latent_unet_config(4, (48, 96, 128), 1, (2,))
    model = LatentDiffusion(3, 3, 4, autoencoder, unet, sampling_steps=STEPS, fusion=Fusion(every=1))
    lr = torch.rand(IMAGES, DATES, 3, LR_PX, LR_PX)
    place = LR_PX * torch.arange(2 * IMAGES).view(IMAGES, 2)
    given = Seen(lr, torch.linspace(-200, 200, DATES).expand(IMAGES, DATES), place, torch.zeros(IMAGES))
    return model.eval().to(best_device()), given.to(best_device())


@contextmanager
def without_fusion(model: LatentDiffusion) -> Iterator[None]:
    """Keep trajectories apart for a while."""
    kept, model.fusion = model.fusion, replace(model.fusion, every=0)
    try:
        yield
    finally:
        model.fusion = kept


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes, to its end on a GPU."""
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started
