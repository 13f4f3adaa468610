"""Task networks: U-Net and SegFormer of segmentation-models-pytorch, and how they take what is coarser than labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.models.superresolver import SuperResolver
from satsr.studies.downstream.settings import NetworkSettings

FEATURES = {"srcnn": "sr", "highresnet": "sr", "esrgan": "conv_last"}  # what makes the image; features are its input


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
    import segmentation_models_pytorch as smp  # takes seconds

    kinds = {"unet": smp.Unet, "segformer": smp.Segformer}
    levels = {"encoder_depth": settings.depth, "decoder_channels": settings.widths} if settings.kind == "unet" else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            network: nn.Module = kinds[settings.kind](
                settings.encoder, encoder_weights=None, in_channels=channels, classes=classes, **levels
            )
        except KeyError:
            known = ", ".join(sorted(smp.encoders.get_encoder_names()))
            raise ValueError(f"got encoder {settings.encoder!r}, expected one of {known}") from None
    return network


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


class Features(nn.Module):
    """The features of a generator, in place of its image.

    Args:
        model: one of `FEATURES`.
    """

    def __init__(self, model: SuperResolver) -> None:
        super().__init__()
        self.model = model
        self._found: list[Tensor] = []
        layer = model.network.get_submodule(FEATURES[model.card.method])
        layer.register_forward_pre_hook(lambda module, given: self._found.append(given[0]))

    def forward(self, lr: Tensor) -> Tensor:
        """Return features (N, K, H, W) of series with their dates as channels (N, T * C, h, w)."""
        self._found.clear()
        self.model(lr.unflatten(1, (self.model.card.dates, -1)))
        return self._found.pop()


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
