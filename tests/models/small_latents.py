"""A latent diffusion network that is small enough for tests, and what it takes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from satsr.data.seen import Seen
from satsr.models.autoencoder import Autoencoder, tiny_config
from satsr.models.diffusion.unet import latent_unet_config
from satsr.models.latent_diffusion import LatentDiffusion
from satsr.models.sizes import build_network
from satsr.models.superresolver import NETWORKS

AUTOENCODER = tiny_config(channels=4, width=8, levels=2, blocks=1, patch=2)
UNET = latent_unet_config(4, (8, 16), 1, ())
PLACE, DAY = torch.tensor([[0, 0], [32, 96]]), torch.tensor([18000.0, 15000.0], dtype=torch.float64)


def network(**changes: Any) -> LatentDiffusion:
    """Return an untrained network, with settings changed, whose zero weights are random too: all it is told counts."""
    sizes = {"bands": 3, "out_channels": 3, "scale": 4, "autoencoder": AUTOENCODER, "unet": UNET, "sampling_steps": 3}
    with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = build_network(LatentDiffusion, {**sizes, **changes}, NETWORKS["satdiffmoe"].groups)
        for parameter in made.parameters():
            if not parameter.any():
                nn.init.normal_(parameter.data, std=0.1)
    return made.eval()


def series(dates: int = 3, size: tuple[int, int] = (8, 8), seed: int = 0) -> Tensor:
    """Return LR (2, T, 3, h, w)."""
    return torch.rand(2, dates, 3, *size, generator=torch.Generator().manual_seed(seed))


def days(dates: int = 3) -> Tensor:
    """Return dt_days (2, T) that all differ; the nearest is not the first."""
    return torch.arange(2.0 * dates).view(2, dates) * 7 - 5 * dates


def seen(lr: Tensor, dt_days: Tensor) -> Seen:
    """Return what a network takes, of two places and days."""
    return Seen(lr, dt_days, PLACE, DAY)


def autoencoder_weights(seed: int = 0) -> dict[str, Tensor]:
    """Return weights of an autoencoder."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return dict(Autoencoder(AUTOENCODER).network.state_dict())


def prior(seed: int = 0) -> Any:
    """Return an unconditional latent U-Net."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return UNet2DConditionModel.from_config(UNET).eval()
