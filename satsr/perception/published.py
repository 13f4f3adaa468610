"""Published trunks: AlexNet, VGG-16, VGG-19 and SqueezeNet with the ImageNet weights that torchvision names.

LPIPS compares the first, second and fourth (Zhang et al., 2018); ESRGAN's perceptual loss takes VGG-19 (Wang et al.,
2018).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from satsr.common.weight_files import read_weights, reason_of
from satsr.perception.trunk import Trunk

# ImageNet's, in [0, 1]; LPIPS has the same ones written for [-1, 1].
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Published:
    """A published trunk.

    Attributes:
        builder: torchvision's constructor.
        weights: name of torchvision's weights.
        names: gives each layer of `features` its name.
        taps: the layers that LPIPS compares.
        heads: whether LPIPS publishes linear heads for it.
    """

    builder: str
    weights: str
    names: Callable[[nn.Sequential], list[str]]
    taps: tuple[str, ...]
    heads: bool


def _numbers(features: nn.Sequential) -> list[str]:
    return [str(number) for number in range(len(features))]


def _vgg_names(features: nn.Sequential) -> list[str]:
    """Name layers as the literature does: conv1_1, relu1_1, conv1_2, relu1_2, pool1, conv2_1 ..."""
    names, stage, number = [], 1, 0
    for layer in features:
        if isinstance(layer, nn.MaxPool2d):
            names.append(f"pool{stage}")
            stage, number = stage + 1, 0
            continue
        number += isinstance(layer, nn.Conv2d)
        names.append(f"{'conv' if isinstance(layer, nn.Conv2d) else 'relu'}{stage}_{number}")
    return names


PUBLISHED = {
    "alex": Published("alexnet", "AlexNet_Weights.IMAGENET1K_V1", _numbers, ("1", "4", "7", "9", "11"), True),
    "vgg": Published(
        "vgg16",
        "VGG16_Weights.IMAGENET1K_V1",
        _vgg_names,
        ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"),
        True,
    ),
    "vgg19": Published(
        "vgg19",
        "VGG19_Weights.IMAGENET1K_V1",
        _vgg_names,
        ("relu1_2", "relu2_2", "relu3_4", "relu4_4", "relu5_4"),
        False,
    ),
    "squeeze": Published(
        "squeezenet1_1",
        "SqueezeNet1_1_Weights.IMAGENET1K_V1",
        _numbers,
        ("1", "4", "7", "9", "10", "11", "12"),
        True,
    ),
}


def open_published(name: str, file: Path | None = None) -> Trunk:
    """Open a published trunk.

    Args:
        name: a key of `PUBLISHED`.
        file: its weights; without one, torchvision's cache or its download.

    Raises:
        OSError: the weights are not on this machine and cannot be downloaded; says which file to put where.
        ValueError: the file is not a state dict of this architecture.
    """
    import torchvision

    published = PUBLISHED[name]
    with torch.device("meta"):  # no memory and no random weights for what the file fills
        network = getattr(torchvision.models, published.builder)(weights=None)
    state = read_weights(file) if file else _cached(name, published)
    try:
        network.load_state_dict(state, strict=True, assign=True)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{file or name} holds no weights of {published.builder} ({reason_of(error)}): copy it again"
        ) from None
    return as_trunk(name, network.features.float()).eval().requires_grad_(False)


def as_trunk(name: str, features: nn.Sequential) -> Trunk:
    """Return the `features` of a torchvision network as a trunk, whatever its weights are."""
    published = PUBLISHED[name]
    for layer in features.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    layers = nn.Sequential(OrderedDict(zip(published.names(features), features, strict=True)))
    return Trunk(name, layers, published.taps, MEAN, STD, heads=name if published.heads else "")


def _cached(name: str, published: Published) -> Any:
    import torchvision

    weights = torchvision.models.get_weight(published.weights)
    place = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[-1]
    if place.is_file():
        return read_weights(place)
    try:
        return weights.get_state_dict(progress=False, check_hash=True)
    except OSError as error:
        raise OSError(
            f"the weights of {name} are not on this machine and cannot be downloaded ({error}): "
            f"put {weights.url} at {place}, or name a file as {name}/FILE, or use a trunk of the study"
        ) from None
