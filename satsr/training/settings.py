"""Settings of everything that is trained to make images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from satsr.common.settings import (
    Count,
    Momentum,
    Options,
    Part,
    Precision,
    Rate,
    Seed,
    Settings,
    Size,
    Switches,
    Weight,
)


class PerceptualSettings(Settings):
    """What the perceptual loss compares: weighted layers of a trunk, before their activation."""

    network: str = "loss"  # the study's loss trunk, or what `load_trunk` takes
    layers: dict[str, Weight] = {}


class ClipLossSettings(Settings):
    """Which CLIP's features the CLIP loss compares, and how."""

    network: str = "loss"  # the study's CLIP of the loss side, or what `load_clip` takes
    distance: Literal["l1", "cosine"] = "l1"  # the paper's; the cosine is what CLIPScore measures


class ObjectSettings(Settings):
    """The discriminator of objects (Zooming Out, A.5.1); its weight stands in the losses."""

    # published: generated objects are called real too, and no logit is negative, so nothing is told apart
    form: Literal["repaired", "published"] = "repaired"
    num_feat: Size = 64


class AutoencoderSettings(Settings):
    """The latent space: published weights, or a small autoencoder that the study trains on HR images."""

    weights: str = ""  # a folder in diffusers' form, such as `vae` of Stable Diffusion, in place of a training
    channels: Size = 4  # of a latent
    width: Size = 48
    levels: Size = 2
    blocks: Count = 1
    patch: Size = 2  # side of the squares of pixels that become channels
    steps: Size = 100
    batch: Size = 8
    crop: int = Field(64, ge=0, multiple_of=16)  # HR px; 0 takes whole chips
    learning_rate: Rate = 4e-3
    small_latents: Weight = 1e-4  # weight of the latents' mean square
    seed: Seed = 0


class PriorSettings(Settings):
    """The latent U-Net that SatDiffMoE and ControlNet start from: published weights, or a small one."""

    weights: str = ""  # a folder in diffusers' form, such as `unet` of Stable Diffusion, in place of a training
    prediction: Literal["noise", "clean", "v"] = "noise"
    zero_snr: bool = False
    widths: tuple[Size, ...] = (32, 64)
    blocks: Size = 1
    attention: tuple[Count, ...] = ()
    groups: Count = 0  # of channels that are normalized together; 0: as many as fit, up to 32
    steps: Size = 100
    batch: Size = 16
    learning_rate: Rate = 2e-3
    seed: Seed = 0


class LatentSettings(Settings):
    """What stands in for Stable Diffusion."""

    autoencoder: AutoencoderSettings
    prior: PriorSettings


class TrainSettings(Settings):
    """One method's training. `network` and `discriminator` are the constructors' own arguments."""

    network: Options = {}
    discriminator: Switches = {}
    losses: dict[Literal["l1", "mse", "ssim", "perceptual", "clip", "gan", "objects", "noise_l1", "noise_mse"], Weight]
    perceptual: PerceptualSettings = PerceptualSettings()
    clip: ClipLossSettings = ClipLossSettings()
    discriminator_sees: tuple[Literal["lr", "old_hr"], ...] = ("lr",)  # beside the image: the dates, the older HR
    objects: ObjectSettings = ObjectSettings()
    sharpen: bool = False  # content losses compare with the USM-sharpened target
    steps: Size
    gan_start: Count = 0  # the generator trains without the adversarial loss before this step
    batch: Size = 8
    tile_weights: bool = False  # draw training samples by their weight in the data set, rare objects more often
    crop: int = Field(0, ge=0, multiple_of=8)  # train on random LR crops of this side in px; 0 takes whole chips
    accumulate: Size = 1
    learning_rate: Rate = 1e-4
    betas: tuple[Momentum, Momentum] = (0.9, 0.99)
    milestones: tuple[Count, ...] = ()
    gamma: Part = 0.5
    ema: Momentum = 0.999
    precision: Precision = "auto"
    start_at_mean: bool = False  # let an untrained network put out the mean colour, which a short training needs
    validate_every: Size = 100
    validate_images: Count = 0  # that the curve scores; 0 scores all
    validate_dates: Count = 0  # that they are made from, the first ones; 0 takes all
    validate_network: str = ""  # the trunk by which the curve has LPIPS too: `judge`, or what `load_trunk` takes
    validate_clip: str = ""  # the CLIP by which the curve has CLIPScore: `judge`, or what `load_clip` takes
    checkpoint_every: Size = 100
