"""Trunks: convolutional networks whose inner layers measure how alike two images look.

Two kinds that the study trains itself, named after what they are small versions of. Published ones are in
`satsr.perception.published`.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from satsr.common.weight_files import reason_of
from satsr.perception.identity import weights_digest
from satsr.perception.memory import FeatureMemory

WEIGHTS, CARD = "weights.safetensors", "trunk.json"
TrunkKind = Literal["vgg", "alex"]


@dataclass(frozen=True)
class TrunkCard:
    """What a trunk of the study is.

    Attributes:
        kind: `vgg` or `alex`.
        widths: channels of its stages.
        mean: of the training images, per band, subtracted first.
        std: of the training images, per band.
        seed: of its weights and of the order of its training images.
        words: what it was trained to tell: the words of a caption.
    """

    kind: TrunkKind
    widths: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    seed: int
    words: tuple[str, ...]


class Trunk(nn.Module):
    """Named layers in a row.

    Args:
        name: of the network, for tables.
        layers: the layers in order; none works in place, so that every output can be looked at.
        taps: the layers that are compared, in order.
        mean: of each input band.
        std: of each input band.
        heads: name of the published linear heads that belong to it, "" for unit heads.
    """

    def __init__(
        self,
        name: str,
        layers: nn.Sequential,
        taps: Sequence[str],
        mean: Sequence[float],
        std: Sequence[float],
        heads: str = "",
    ) -> None:
        super().__init__()
        self.name, self.layers, self.taps, self.heads = name, layers, tuple(taps), heads
        self.mean, self.std = tuple(mean), tuple(std)
        self.memory = FeatureMemory()

    def forward(self, images: Tensor, names: Sequence[str] = ()) -> dict[str, Tensor]:
        """Return the outputs of some layers.

        Args:
            images: (N, 3, H, W) in [0, 1].
            names: the layers; none means the taps.

        Returns:
            Layer -> (N, C, h, w), in the order of the network.

        Raises:
            ValueError: a layer that it does not have.
        """
        wanted = set(names or self.taps)
        known = [name for name, _ in self.layers.named_children()]
        if unknown := sorted(wanted - set(known)):
            raise ValueError(f"{self.name} has no layer {', '.join(unknown)}, expected some of {', '.join(known)}")
        # sent without waiting: a loss calls this in every step
        mean, std = (
            torch.tensor(v, dtype=images.dtype)[:, None, None].to(images.device, non_blocking=True)
            for v in (self.mean, self.std)
        )
        x, found = (images - mean) / std, {}
        for name, layer in self.layers.named_children():
            x = layer(x)
            if name in wanted:
                found[name] = x
            if len(found) == len(wanted):
                break
        return found

    @property
    def digest(self) -> str:
        """Digest of its weights."""
        return weights_digest(self.layers)


def build_trunk(card: TrunkCard) -> Trunk:
    """Return a trunk with weights drawn from its seed; the caller's random state stays as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(card.seed)
        layers, taps = {"vgg": _vgg, "alex": _alex}[card.kind](card.widths)
    return Trunk(f"study {card.kind}", layers, taps, card.mean, card.std)


def _vgg(widths: tuple[int, ...]) -> tuple[nn.Sequential, list[str]]:
    """Return stages of two 3 px convolutions and a pooling, named as in VGG (Simonyan and Zisserman, 2015)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for stage, width in enumerate(widths, 1):
        for number in (1, 2):
            layers[f"conv{stage}_{number}"] = nn.Conv2d(channels, width, 3, padding=1)
            layers[f"relu{stage}_{number}"] = nn.ReLU()
            channels = width
        layers[f"pool{stage}"] = nn.MaxPool2d(2)
    return nn.Sequential(layers), [f"relu{stage}_2" for stage in range(1, len(widths) + 1)]


def _alex(widths: tuple[int, ...]) -> tuple[nn.Sequential, list[str]]:
    """Return a row of convolutions of 7, 5, 3, 3 ... px, the first of stride 2 and the first two followed by pooling.

    A small AlexNet (Krizhevsky et al., 2012); its 11 px of stride 4 would leave little of 128 px.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = 3
    for number, width in enumerate(widths, 1):
        size = {1: 7, 2: 5}.get(number, 3)
        layers[f"conv{number}"] = nn.Conv2d(channels, width, size, stride=2 if number == 1 else 1, padding=size // 2)
        layers[f"relu{number}"] = nn.ReLU()
        if number <= 2:
            layers[f"pool{number}"] = nn.MaxPool2d(2)
        channels = width
    return nn.Sequential(layers), [f"relu{number}" for number in range(1, len(widths) + 1)]


def save_trunk(trunk: Trunk, card: TrunkCard, folder: Path) -> None:
    """Write weights and card of a trunk of the study into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().cpu().contiguous() for k, v in trunk.layers.state_dict().items()}, folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(asdict(card), indent=1, sort_keys=True) + "\n")


def open_trunk(folder: Path) -> Trunk:
    """Open a trunk of the study.

    Raises:
        ValueError: the card is not a trunk's, or the weights are damaged or of another architecture.
    """
    try:
        values: dict[str, Any] = json.loads((folder / CARD).read_text())
        values |= {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
        card = TrunkCard(**values)
        trunk = build_trunk(card)
        trunk.layers.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError, RuntimeError) as error:
        raise ValueError(
            f"{folder} does not hold a trunk of the study ({reason_of(error)}): train or copy it again"
        ) from None
    return trunk.eval().requires_grad_(False)


def unit_features(trunk: Trunk, images: Tensor) -> tuple[Tensor, ...]:
    """Return the features (N, C, h, w) of some layers, of unit length at every position.

    Args:
        trunk: the network.
        images: float32 (N, 3, H, W) in [0, 1].

    Raises:
        ValueError: images that are too small for the trunk.
    """
    try:
        maps = trunk(images)
    except RuntimeError as error:
        height, width = images.shape[-2:]
        raise ValueError(
            f"all images: got {height}x{width} px, too small for {trunk.name} ({error}): score larger images"
        ) from None
    # The lpips package's own constant against division by zero.
    return tuple(m / (m.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) for m in maps.values())
