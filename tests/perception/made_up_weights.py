"""Made-up checkpoints of published networks: of the right names and shapes, small on disk."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from satsr.perception.published import PUBLISHED, as_trunk
from satsr.perception.trunk import Trunk, TrunkCard, build_trunk

# open_clip's configuration of a CLIP of some thousand weights.
TINY_CLIP = {
    "model_cfg": {
        "embed_dim": 8,
        "vision_cfg": {
            "image_size": 32,
            "layers": 1,
            "width": 16,
            "head_width": 8,
            "patch_size": 8,
            "pool_type": "avg",
        },
        "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1},
    },
    "preprocess_cfg": {
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
        "interpolation": "bilinear",
        "resize_mode": "squash",
    },
}


def save_state(state: Mapping[str, Tensor], file: Path, part: str) -> Path:
    """Write a state dict in which everything outside one part is zero, which takes no room: storage is shared.

    Args:
        state: of the whole network.
        file: to write to.
        part: prefix of the weights that matter.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = {k: v if k.startswith(part) else v.new_zeros(()).expand(v.shape) for k, v in state.items()}
    torch.save(kept, file)
    return file


def published_state(name: str, seed: int = 0) -> dict[str, Tensor]:
    """Return a state dict of torchvision's form with random features and a classifier of zeros."""
    with torch.device("meta"):
        network = getattr(torchvision.models, PUBLISHED[name].builder)(weights=None)
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for key, value in network.state_dict().items():
        # as He et al. (2015), so that values neither vanish nor explode over 16 layers
        spread = (2 / max(1, value[0].numel())) ** 0.5 if value.ndim == 4 else 0.05
        random = key.startswith("features.")
        state[key] = (
            spread * torch.randn(value.shape, generator=generator) if random else torch.zeros(()).expand(value.shape)
        )
    return state


def lpips_package(net: str, **options: Any) -> nn.Module:
    """Return the lpips package's network with a random trunk and its published heads."""
    import lpips

    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")  # it calls torchvision the old way
        torch.manual_seed(0)
        return lpips.LPIPS(net=net, pnet_rand=True, verbose=False, **options)


def trunk_of(package: nn.Module) -> Trunk:
    """Return our trunk with the weights of the lpips package's."""
    layers = [layer for part in package.net.children() for layer in part]  # type: ignore[operator, union-attr]
    return as_trunk(package.pnet_type, copy.deepcopy(nn.Sequential(*layers))).requires_grad_(False)  # type: ignore[arg-type]


def study_trunk(kind: str = "vgg", seed: int = 0, widths: tuple[int, ...] = (4, 6, 8)) -> tuple[Trunk, TrunkCard]:
    """Return a small trunk of the study, untrained."""
    card = TrunkCard(kind, widths, (0.4, 0.5, 0.6), (0.2, 0.3, 0.25), seed, ("forest", "suburb"))  # type: ignore[arg-type]
    return build_trunk(card).requires_grad_(False), card


def tiny_clip_model(seed: int = 0) -> nn.Module:
    """Return open_clip's module of `TINY_CLIP`, untrained."""
    import open_clip

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(**TINY_CLIP["model_cfg"]).eval()
        # an untrained tower sees the mean color and its own positions, hardly the image
        first = model.visual.conv1.weight.data
        first.copy_(50 * (first - first.mean(dim=(1, 2, 3), keepdim=True)))
    return model
