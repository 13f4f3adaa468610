"""The autoencoder gives what diffusers gives, in latents of unit variance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from torch import Tensor

from satsr.models.autoencoder import Autoencoder, Config, tiny_config

SMALL = tiny_config(channels=4, width=8, levels=2, blocks=1, patch=2)
KL_SIZES: dict[str, Any] = {
    "block_out_channels": (8, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "norm_num_groups": 4,
    "latent_channels": 5,
}
TINY_SIZES: dict[str, Any] = {
    "encoder_block_out_channels": (8, 8, 8),
    "decoder_block_out_channels": (8, 8, 8),
    "num_encoder_blocks": (1, 1, 1),
    "num_decoder_blocks": (1, 1, 1),
    "latent_channels": 3,
}


def autoencoder(config: Config, seed: int = 0) -> Autoencoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Autoencoder(config).eval().requires_grad_(False)


def images(size: tuple[int, int] = (16, 24), seed: int = 0) -> Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("levels", "patch", "factor"), [(1, 1, 1), (2, 1, 2), (1, 4, 4), (2, 2, 4), (3, 2, 8)])
def test_levels_and_patches_make_the_factor(levels: int, patch: int, factor: int) -> None:
    model = autoencoder(tiny_config(channels=5, width=8, levels=levels, blocks=1, patch=patch))
    latents, left = model(images())
    assert model.factor == factor
    assert latents.shape == (2, 5, 16 // factor, 24 // factor)
    assert left.shape == (2, 3, 16, 24)
    assert torch.equal(latents, model.encode(images()))
    assert torch.equal(left, model.decode(latents))


@pytest.mark.parametrize("scaling", [None, 0.5])
def test_a_kl_autoencoder_is_that_of_diffusers(scaling: float | None) -> None:
    """As `vae.encode(x).latent_dist.mode() * vae.config.scaling_factor` in diffusers' pipelines, and back."""
    reference = AutoencoderKL(**KL_SIZES, **({} if scaling is None else {"scaling_factor": scaling})).eval()
    model = autoencoder(dict(reference.config))
    model.network.load_state_dict(reference.state_dict())
    factor = scaling or 0.18215  # Stable Diffusion's
    with torch.no_grad():
        expected = reference.encode(2 * images() - 1).latent_dist.mode() * factor
        back = (reference.decode(expected / factor).sample + 1) / 2
    torch.testing.assert_close(model.encode(images()), expected)
    torch.testing.assert_close(model.decode(expected), back)
    assert (model.factor, model.channels) == (2, 5)


def test_old_files_of_kl_autoencoders_do_not_name_their_scaling_factor() -> None:
    """Those of Stable Diffusion 1 have the default of diffusers."""
    config = {"_class_name": "AutoencoderKL", **KL_SIZES}
    model, expected = autoencoder(config), autoencoder({**config, "scaling_factor": 0.18215})
    assert torch.equal(model.encode(images()), expected.encode(images()))


def test_a_published_tiny_autoencoder_is_that_of_diffusers() -> None:
    reference = AutoencoderTiny(**TINY_SIZES).eval()
    model = autoencoder({**dict(reference.config), "_class_name": "AutoencoderTiny"})
    model.network.load_state_dict(reference.state_dict())
    with torch.no_grad():
        expected = reference.encode(2 * images() - 1).latents
        back = (reference.decode(expected).sample + 1) / 2
    torch.testing.assert_close(model.encode(images()), expected)
    torch.testing.assert_close(model.decode(expected), back)
    assert (model.factor, model.channels) == (4, 3)


def test_the_studys_own_sees_patches_from_minus_one_to_one() -> None:
    """diffusers' encoder halves what it is given and adds a half, its decoder goes back."""
    model = autoencoder(SMALL)
    pixels = images().numpy().reshape(2, 3, 8, 2, 12, 2).transpose(0, 1, 3, 5, 2, 4).reshape(2, 12, 8, 12)
    signed = torch.from_numpy(2 * pixels - 1)
    expected = model.network.encoder.layers(signed)
    torch.testing.assert_close(model.encode(images()), expected, atol=1e-5, rtol=1e-4)
    bounded = 3 * torch.tanh(expected / 3)  # as diffusers does
    patches = model.network.decoder.layers(bounded).reshape(2, 3, 2, 2, 8, 12)
    back = (patches.permute(0, 1, 4, 2, 5, 3).reshape(2, 3, 16, 24) + 1) / 2
    torch.testing.assert_close(model.decode(expected), back, atol=1e-5, rtol=1e-4)


def test_mean_and_scale_of_latents_are_taken_away_and_given_back() -> None:
    mean = np.array([0.3, -0.1, 0.0, 2.0])
    plain, scaled = (autoencoder(c) for c in (SMALL, {**SMALL, "latents_mean": mean.tolist(), "scaling_factor": 2.5}))
    latents = plain.encode(images())
    found = scaled.encode(images())
    np.testing.assert_allclose(found, (latents.numpy() - mean[:, None, None]) * 2.5, atol=1e-5)
    torch.testing.assert_close(scaled.decode(found), plain.decode(latents), atol=1e-5, rtol=1e-4)
    assert scaled.state_dict().keys() == plain.state_dict().keys()


def test_the_latents_of_an_image_do_not_depend_on_its_batch() -> None:
    model = autoencoder(SMALL)
    torch.testing.assert_close(model.encode(images()[1:]), model.encode(images())[1:])


def test_another_class_is_refused() -> None:
    with pytest.raises(ValueError, match="got an autoencoder of class VQModel, expected AutoencoderKL or Autoenc"):
        Autoencoder({**SMALL, "_class_name": "VQModel"})
