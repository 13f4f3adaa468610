"""Networks on disk as diffusers lays them out: published folders and the study's own are read by the same code."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from satsr.common.digests import file_digest, text_digest
from satsr.models.autoencoder import Autoencoder, Config

CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
# Attention in Stable Diffusion 1's autoencoder has names that diffusers has given up.
NEW = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
OLD = re.compile("|".join(map(re.escape, NEW)))


@dataclass(frozen=True)
class Network:
    """A network on disk: diffusers' configuration and its weights."""

    config: Config
    weights: dict[str, Tensor]


def load_network(folder: str | Path) -> Network:
    """Read a folder in diffusers' form: `config.json` and `diffusion_pytorch_model.safetensors`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a file is damaged.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder} has no {name}: expected a folder as diffusers writes it, such as `vae` or `unet` of Stable "
                "Diffusion with its weights as safetensors"
            )
    try:
        config = json.loads((folder / CONFIG).read_text())
        weights = {OLD.sub(lambda found: NEW[found[0]], k): v for k, v in load_file(folder / WEIGHTS).items()}
        return Network({k: v for k, v in config.items() if k == "_class_name" or k[0] != "_"}, weights)
    except (ValueError, AttributeError, SafetensorError) as error:
        raise ValueError(f"{folder} cannot be read as a network ({error}): copy or train it again") from None


def save_network(network: Network, folder: Path) -> None:
    """Write a folder in diffusers' form."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(network.config, indent=1, sort_keys=True) + "\n")
    save_file({name: value.contiguous() for name, value in network.weights.items()}, folder / WEIGHTS)


def network_digest(folder: Path) -> str:
    """Return 16 hexadecimal digits that identify configuration and weights."""
    both = file_digest(folder / CONFIG) + file_digest(folder / WEIGHTS)
    return text_digest(both)[:16]


def open_autoencoder(folder: str | Path) -> Autoencoder:
    """Open an autoencoder, ready for inference.

    Raises:
        ValueError: weights of another network.
    """
    network = load_network(folder)
    autoencoder = Autoencoder(network.config)
    try:
        autoencoder.network.load_state_dict(network.weights)
    except RuntimeError as error:
        raise ValueError(f"{folder}: weights do not fit {CONFIG} ({str(error).splitlines()[0]})") from None
    return autoencoder.eval().requires_grad_(False)


@dataclass(frozen=True)
class StartingPoint:
    """What SatDiffMoE and ControlNet start from.

    Attributes:
        autoencoder: between images and latents.
        prior: the latent U-Net.
        digests: of both.
    """

    autoencoder: Network
    prior: Network
    digests: dict[str, str]

    @classmethod
    def of(cls, folder: Path) -> StartingPoint:
        """Read both from a profile's folder `artifacts/<profile>/latent`."""
        parts = {name: folder / name for name in ("autoencoder", "prior")}
        networks = {name: load_network(path) for name, path in parts.items()}
        return cls(**networks, digests={name: network_digest(path) for name, path in parts.items()})
