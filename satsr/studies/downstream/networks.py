"""Task networks: a plain U-Net, those of segmentation-models-pytorch, and how they take what is coarser than labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.models.features import Features
from satsr.models.plain_unet import PlainUNet
from satsr.studies.downstream.settings import NetworkSettings

MULTIPLE_PX = 32  # of the sides that the library's networks take


def build_network(settings: NetworkSettings, channels: int, classes: int, seed: int) -> nn.Module:
    """Return a task network from images (N, channels, h, w) to answers (N, classes, h, w), from random weights.

    Args:
        settings: which network.
        channels: of the images.
        classes: of the answers.
        seed: of the weights; the caller's random state stays as it was.

    Raises:
        ValueError: an encoder that the library does not have.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if settings.kind == "plain":
            return PlainUNet(settings.widths, classes, channels)
        return _of_library(settings, channels, classes)


def _of_library(settings: NetworkSettings, channels: int, classes: int) -> nn.Module:
    import segmentation_models_pytorch as smp  # takes seconds

    kinds, decoder = {"unet": smp.Unet, "segformer": smp.Segformer}, settings.widths[::-1]
    levels = {"encoder_depth": len(decoder), "decoder_channels": decoder} if settings.kind == "unet" else {}
    try:
        network: nn.Module = kinds[settings.kind](
            settings.encoder, encoder_weights=None, in_channels=channels, classes=classes, **levels
        )
    except KeyError:
        known = ", ".join(sorted(smp.encoders.get_encoder_names()))
        raise ValueError(f"got encoder {settings.encoder!r}, expected one of {known}") from None
    return Padded(network, MULTIPLE_PX)


class Padded(nn.Module):
    """A network that takes sides of whole multiples alone: others are filled up, and the answer is cut back.

    Args:
        network: from (N, C, h, w) to (N, K, h, w).
        multiple: of the sides.
    """

    def __init__(self, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.network, self.multiple = network, multiple

    def forward(self, images: Tensor) -> Tensor:
        """Return answers of the size of the images."""
        height, width = images.shape[-2:]
        right, bottom = -width % self.multiple, -height % self.multiple
        if not right and not bottom:
            return self.network(images)
        return self.network(F.pad(images, (0, right, 0, bottom), mode="replicate"))[..., :height, :width]


class Enlarged(nn.Module):
    """A network whose answer is enlarged, so that it may look at images that are coarser than the labels.

    Args:
        network: from (N, C, h, w) to (N, K, h, w).
        scale: of the labels to the images.
    """

    def __init__(self, network: nn.Module, scale: int) -> None:
        super().__init__()
        self.network, self.scale = network, scale

    def forward(self, images: Tensor) -> Tensor:
        """Return answers (N, K, scale * h, scale * w)."""
        return F.interpolate(self.network(images), scale_factor=self.scale, mode="bilinear", align_corners=False)


class WithFeatures(nn.Module):
    """A task network on the features of a generator that learns with it.

    Args:
        features: of the generator.
        network: from features (N, K, H, W) to answers.
    """

    def __init__(self, features: Features, network: nn.Module) -> None:
        super().__init__()
        self.features, self.network = features, network

    def forward(self, lr: Tensor) -> Tensor:
        """Return answers of series with their dates as channels (N, T * C, h, w)."""
        return self.network(self.features(lr))
