"""What stands in for Stable Diffusion: an autoencoder and an unconditional latent U-Net, both trained on HR images.

SatDiffMoE fine-tunes Stable Diffusion. Its weights, or any of the same form, take the place of a training by their
path; without them the study trains its own, small, on the training split.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import best_device
from satsr.common.minimize import minimize
from satsr.data.pairs import Pairs
from satsr.models.autoencoder import Autoencoder, tiny_config
from satsr.models.diffusers_files import Network, load_network, network_digest, open_autoencoder, save_network
from satsr.models.diffusion.process import Diffusion, asked
from satsr.models.diffusion.unet import latent_unet_config
from satsr.training.settings import AutoencoderSettings, PriorSettings

ENCODED_AT_ONCE = 32  # images
Made = TypeVar("Made", bound=nn.Module)


@dataclass(frozen=True)
class Lessons:
    """HR images to learn from, decoded once: uint8 (N, 3, H, W), and what identifies their split."""

    images: Tensor
    digest: str

    @classmethod
    def of(cls, pairs: Pairs, digest: str) -> Lessons:
        """Read the HR images of a split."""
        images = torch.stack([pairs.pair(number).hr for number in range(len(pairs))])
        asked = pairs.settings.model_dump_json(exclude_defaults=True)
        return cls((255 * images).round().to(torch.uint8), f"{digest} {asked}")

    def crops(self, batch: int, size: int, seed: int, step: int) -> Tensor:
        """Return random crops, mirrored at random, float32 (batch, 3, size, size) in [0, 1]; size 0 takes all."""
        rng = np.random.default_rng([seed, step])
        side = min(size or self.images.shape[-1], *self.images.shape[-2:])
        found = []
        for number in rng.integers(len(self.images), size=batch):
            top, left = (int(rng.integers(length - side + 1)) for length in self.images.shape[-2:])
            crop = self.images[number, :, top : top + side, left : left + side]
            found.append(crop.flip(-1) if rng.random() < 0.5 else crop)
        return torch.stack(found).float() / 255


def make_autoencoder(settings: AutoencoderSettings, lessons: Lessons, scratch: Path, folder: Path) -> None:
    """Train the autoencoder, or take it from scratch when this training is finished, or copy a published one.

    Args:
        settings: sizes and length.
        lessons: HR images.
        scratch: for finished work.
        folder: to write to.

    Raises:
        FileNotFoundError: published weights that are not there.
        ValueError: published weights that cannot be read.
    """
    made_from = {"settings": settings.model_dump(mode="json", exclude_defaults=True), "data": lessons.digest}
    _make("autoencoder", settings.weights, made_from, lambda: _learn(settings, lessons), scratch, folder)


def make_prior(settings: PriorSettings, autoencoder: Path, lessons: Lessons, scratch: Path, folder: Path) -> None:
    """Train the unconditional latent U-Net; as `make_autoencoder`, with the folder of the autoencoder."""

    def learn() -> Network:
        return _learn_prior(settings, open_autoencoder(autoencoder), lessons)

    made_from = {
        "settings": settings.model_dump(mode="json", exclude_defaults=True),
        "data": lessons.digest,
        "autoencoder": network_digest(autoencoder),
    }
    _make("prior", settings.weights, made_from, learn, scratch, folder)


def _make(
    name: str,
    published: str,
    made_from: Mapping[str, object],
    learn: Callable[[], Network],
    scratch: Path,
    folder: Path,
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if published:
        save_network(load_network(published), folder)
        return
    key = key_of(made_from, fingerprint({__name__}))
    finished = scratch_folder(scratch / "latent", name, key) / "finished"
    make_once(finished, lambda to: save_network(learn(), to))
    shutil.copytree(finished, folder)


def _learn(settings: AutoencoderSettings, lessons: Lessons) -> Network:
    """Minimize the L1 distance to the images, and a little the size of the latents."""
    config = tiny_config(settings.channels, settings.width, settings.levels, settings.blocks, settings.patch)
    model, device = _seeded(lambda: Autoencoder(config), settings.seed), best_device()

    def loss(step: int) -> Tensor:
        images = lessons.crops(settings.batch, settings.crop, settings.seed, step).to(device)
        latents, decoded = model(images)
        return F.l1_loss(decoded.float(), images) + settings.small_latents * latents.float().square().mean()

    minimize("autoencoder", model, loss, settings.steps, settings.learning_rate)
    latents = _encoded(model, lessons)
    config["latents_mean"] = latents.mean(dim=(0, 2, 3)).tolist()
    config["scaling_factor"] = 1 / float(latents.var(dim=(0, 2, 3)).mean().sqrt())
    return Network(config, dict(model.network.state_dict()))


def _learn_prior(settings: PriorSettings, autoencoder: Autoencoder, lessons: Lessons) -> Network:
    """Minimize the denoising error of latents of HR images, without any condition."""
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    channels = autoencoder.channels
    config = latent_unet_config(channels, settings.widths, settings.blocks, settings.attention, settings.groups)
    model, device = _seeded(lambda: UNet2DConditionModel.from_config(config), settings.seed), best_device()
    chain = Diffusion(1000, 0.00085, 0.012, "scaled_linear", settings.zero_snr)  # Stable Diffusion's
    latents = _encoded(autoencoder, lessons)

    def loss(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        clean = latents[torch.randint(len(latents), (settings.batch,), generator=generator)].to(device)
        noise = torch.randn(clean.shape, generator=generator).to(device)
        time = chain.drawn(len(clean), generator).to(device)
        alpha, sigma = (share.view(-1, 1, 1, 1) for share in chain.mix(time))
        output = model(alpha * clean + sigma * noise, chain.told(time), None).sample.float()
        return F.mse_loss(output, asked(settings.prediction, clean, noise, alpha, sigma))

    minimize("prior", model, loss, settings.steps, settings.learning_rate)
    return Network(config, dict(model.state_dict()))


@torch.inference_mode()
def _encoded(autoencoder: Autoencoder, lessons: Lessons) -> Tensor:
    """Return the latents of all images, (N, C, h, w)."""
    device = best_device()
    autoencoder.to(device)
    parts = lessons.images.split(ENCODED_AT_ONCE)
    latents = torch.cat([autoencoder.encode(part.to(device).float() / 255).cpu() for part in parts])
    autoencoder.cpu()
    return latents.clone()


def _seeded(build: Callable[[], Made], seed: int) -> Made:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
