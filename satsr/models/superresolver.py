"""One interface for every method: `forward(lr (N, T, C, h, w), dt_days (N, T)) -> sr (N, C_out, s h, s w)`.

A model is a folder with `weights.safetensors` (the network's own names) and `card.json` (what it is, and where it
comes from).
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from satsr.models.bicubic import BicubicMedian
from satsr.models.rrdbnet import SSR_RRDBNet
from satsr.models.srcnn import SRCNN
from satsr.models.unet_discriminator import SSR_UNetDiscriminatorSN

WEIGHTS, CARD = "weights.safetensors", "card.json"
Sizes = dict[str, int | float | bool]


@dataclass(frozen=True)
class ModelCard:
    """What a model is and takes.

    Attributes:
        method: a name in `METHODS`.
        network: the sizes that its constructor was given.
        dates: number of low-resolution dates T.
        bands_in: names of the input bands, in order.
        bands_out: names of the output bands, in order.
        scale: output pixels per input pixel.
        value_range: what 0 and 1 stand for in input and output.
        provenance: training data, settings, seed and scores.
    """

    method: str
    network: Sizes
    dates: int
    bands_in: tuple[str, ...]
    bands_out: tuple[str, ...]
    scale: int
    value_range: str = "8-bit value / 255"
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """How a method's network is made and fed.

    Attributes:
        network: class of the network; arguments that the card does not fix are its sizes.
        fixed: arguments that follow from the card.
        stacked: feed dates stacked on channels (N, T * C, h, w) instead of (N, T, C, h, w).
    """

    network: type[nn.Module]
    fixed: Callable[[ModelCard], Sizes]
    stacked: bool = False

    @property
    def learns(self) -> bool:
        """Whether the method has weights to train."""
        return self.network is not BicubicMedian


METHODS = {
    "bicubic": Method(BicubicMedian, lambda c: {"out_channels": len(c.bands_out), "scale": c.scale}),
    "srcnn": Method(
        SRCNN,
        lambda c: {
            "in_channels": len(c.bands_in),
            "out_channels": len(c.bands_out),
            "revisits": c.dates,
            "zoom_factor": c.scale,
        },
    ),
    "esrgan": Method(
        SSR_RRDBNet,
        lambda c: {"num_in_ch": c.dates * len(c.bands_in), "num_out_ch": len(c.bands_out), "scale": c.scale},
        stacked=True,
    ),
}


class SuperResolver(nn.Module):
    """A network behind the common interface, with its card.

    Args:
        card: what the model is.
        seed: of the initial weights; the caller's random state stays as it was.

    Raises:
        ValueError: unknown method, or a size that its network does not have.
    """

    def __init__(self, card: ModelCard, seed: int = 0) -> None:
        super().__init__()
        method = find_method(card.method)
        fixed = method.fixed(card)
        check_sizes(method.network, card.network, set(fixed), f"train.{card.method}.network")
        self.card = card
        self.stacked = method.stacked
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = method.network(**fixed, **card.network)

    def forward(self, lr: Tensor, dt_days: Tensor | None = None) -> Tensor:
        """Super-resolve a batch.

        Args:
            lr: (N, T, C_in, h, w) in [0, 1], any h and w.
            dt_days: (N, T), each date minus the wanted one; methods without time do not look at it.

        Returns:
            (N, C_out, scale * h, scale * w), not clipped.

        Raises:
            ValueError: wrong number of axes, dates or bands.
        """
        expected = (self.card.dates, len(self.card.bands_in))
        if lr.ndim != 5 or tuple(lr.shape[1:3]) != expected:
            raise ValueError(
                f"{self.card.method} got lr {tuple(lr.shape)}, expected (N, T={expected[0]}, C={expected[1]}, h, w): "
                "choose as many dates and the bands that the model's card names"
            )
        sr = self.network(lr.flatten(1, 2) if self.stacked else lr)
        return sr.flatten(1, 2) if sr.ndim == 5 else sr  # WorldStrat's networks return (N, 1, C, H, W)

    @property
    def parameter_count(self) -> int:
        """Number of trainable values."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def find_method(name: str) -> Method:
    """Return a method by name, or raise a ValueError that lists them."""
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}: expected one of {', '.join(METHODS)}")
    return METHODS[name]


def build_discriminator(card: ModelCard, sizes: Sizes, seed: int) -> SSR_UNetDiscriminatorSN:
    """Return ESRGAN's discriminator of an image beside the upsampled dates it was made from (27 channels at T = 8)."""
    check_sizes(SSR_UNetDiscriminatorSN, sizes, {"num_in_ch"}, f"train.{card.method}.discriminator")
    channels = len(card.bands_out) + card.dates * len(card.bands_in)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SSR_UNetDiscriminatorSN(num_in_ch=channels, **sizes)  # type: ignore[arg-type]


def check_sizes(network: type[nn.Module], sizes: Sizes, fixed: set[str], where: str) -> None:
    """Raise a ValueError unless every size is an argument of the network's constructor."""
    valid = sorted(set(inspect.signature(network).parameters) - fixed)
    unknown = sorted(set(sizes) - set(valid))
    if unknown:
        raise ValueError(f"{where}: unknown size {', '.join(unknown)}; {network.__name__} takes {', '.join(valid)}")


def save_model(model: SuperResolver, folder: Path) -> None:
    """Write weights and card into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    # cloned: published networks hold some tensors under two names, which safetensors refuses to share
    state = {name: value.detach().cpu().clone().contiguous() for name, value in model.network.state_dict().items()}
    save_file(state, folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(asdict(model.card), indent=1, sort_keys=True) + "\n")


def load_model(path: str | Path) -> SuperResolver:
    """Open a model folder, ready for inference on the CPU.

    Raises:
        FileNotFoundError: a file of the model is missing.
        ValueError: the card is not one of this project, or the weights are damaged or of another network.
    """
    folder = Path(path)
    for name in (CARD, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} has no {name}: expected a folder that `save_model` wrote")
    model = SuperResolver(_read_card(folder / CARD))
    try:
        model.network.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{folder / WEIGHTS} does not fit its card ({reason}): train or copy it again") from None
    return model.eval()


def _read_card(path: Path) -> ModelCard:
    try:
        values = json.loads(path.read_text())
        return ModelCard(**{**values, **{k: tuple(values[k]) for k in ("bands_in", "bands_out")}})
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a model card ({error}): train or copy the model again") from None
