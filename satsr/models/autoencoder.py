"""The latent space: an autoencoder between images and latents, from diffusers.

`AutoencoderKL` is Stable Diffusion's (Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models",
2022, section 3.1). `AutoencoderTiny` has no normalization and so trains many times faster on a CPU; the study has one.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Config = dict[str, Any]

IMAGE_CHANNELS = 3
KL, TINY = "AutoencoderKL", "AutoencoderTiny"
OWN = ("_class_name", "patch", "centred", "latents_mean")


def tiny_config(channels: int, width: int, levels: int, blocks: int, patch: int) -> Config:
    """Return the configuration, as diffusers writes it, of a small autoencoder.

    Args:
        channels: of a latent.
        width: channels of every level.
        levels: every one but the first halves height and width.
        blocks: residual blocks per level.
        patch: side of the squares of pixels that become channels before the first level.
    """
    return {
        "_class_name": TINY,
        "patch": patch,
        "centred": True,
        "in_channels": IMAGE_CHANNELS * patch**2,
        "out_channels": IMAGE_CHANNELS * patch**2,
        "latent_channels": channels,
        "encoder_block_out_channels": [width] * levels,
        "decoder_block_out_channels": [width] * levels,
        "num_encoder_blocks": [blocks] * levels,
        "num_decoder_blocks": [blocks] * levels,
        "scaling_factor": 1.0,
    }


class Autoencoder(nn.Module):
    """Images (N, 3, H, W) in [0, 1] to latents of about unit variance (N, C, H / factor, W / factor), and back.

    Args:
        config: of one of diffusers' two classes, which `_class_name` tells; its `scaling_factor` makes the variance.
            Three entries are this project's own: `patch` (1 where there is none) is the side of the squares of pixels
            that are channels to it; `centred` says that it sees [-1, 1] where AutoencoderTiny's own range is [0, 1],
            without which a short training ends 2 dB lower; `latents_mean` is taken away from every channel.

    Raises:
        ValueError: another class.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.kind = config.get("_class_name", KL)
        self.patch, self.centred = int(config.get("patch", 1)), bool(config.get("centred"))
        self.network: Any = _build(self.kind, {k: v for k, v in config.items() if k not in OWN})
        known: Config = self.network.config  # with diffusers' defaults, where a file does not say
        widths = known["block_out_channels" if self.kind == KL else "encoder_block_out_channels"]
        self.channels = int(known["latent_channels"])
        self.factor = self.patch * 2 ** (len(widths) - 1)
        self.scaling = float(known["scaling_factor"])
        self.mean: Tensor
        mean = torch.tensor(config.get("latents_mean") or [0.0])
        self.register_buffer("mean", mean.view(-1, 1, 1), persistent=False)

    def encode(self, images: Tensor) -> Tensor:
        """Return latents; of a KL autoencoder the means, without the noise of the posterior."""
        signed = 4 * images - 3 if self.centred else 2 * images - 1
        encoded = self.network.encode(F.pixel_unshuffle(signed, self.patch))
        latents = encoded.latent_dist.mode() if self.kind == KL else encoded.latents
        return (latents - self.mean) * self.scaling

    def decode(self, latents: Tensor) -> Tensor:
        """Return images, not clipped."""
        signed = F.pixel_shuffle(self.network.decode(latents / self.scaling + self.mean).sample, self.patch)
        return (signed + 3) / 4 if self.centred else (signed + 1) / 2

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return latents, and what is left of the images."""
        latents = self.encode(images)
        return latents, self.decode(latents)


def _build(kind: str, config: Config) -> Any:
    if kind == KL:
        from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

        return AutoencoderKL.from_config(config)
    if kind == TINY:
        from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny

        return AutoencoderTiny.from_config(config)
    raise ValueError(f"got an autoencoder of class {kind}, expected {KL} or {TINY}")
