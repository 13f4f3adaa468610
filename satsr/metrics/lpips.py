"""LPIPS: distance of the features of a trunk.

Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", CVPR 2018, equation 1.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from satsr.metrics.checks import check_images
from satsr.metrics.protocol import CHUNK_IMAGES, Protocol, as_published, map_chunks, mask_of, replace_invalid
from satsr.perception.trunk import Trunk, unit_features

# Trunks hold large maps: a few images at a time.


def lpips(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None, trunk: Trunk) -> Tensor:
    """Compute LPIPS.

    Unit-length features of some layers, squared difference, weighted per channel by the linear heads, mean over
    positions, sum over layers. A published trunk has the published heads (version 0.1); any other has unit heads.
    "published" repeats the reference code: 8-bit rounding, BGR order, values of [0, 1] where the trunk's
    normalization expects [-1, 1], mask ignored; no border is removed. "corrected" is the definition; invalid pixels of
    SR are replaced by those of HR.

    Args:
        sr: super-resolved images (N, 3, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.
        trunk: the network.

    Returns:
        float64 (N,), 0 for identical images, lower is better.

    Raises:
        ValueError: from `check_images`, or for images that are too small for the trunk.
    """
    check_images(sr, hr, protocol, valid)
    sr = replace_invalid(sr, hr, mask_of(valid, protocol))
    device = next(trunk.parameters()).device

    def distance(x: Tensor, y: Tensor) -> Tensor:
        target = trunk.memory.features(y, protocol, lambda image: _features(trunk, image.to(device), protocol))
        return _distance(_features(trunk, x.to(device), protocol), target, heads(trunk)).double().cpu()

    return map_chunks(distance, sr, hr, size=CHUNK_IMAGES)


def heads(trunk: Trunk) -> tuple[Tensor, ...] | None:
    """Return the published linear heads of a trunk, one (1, C, 1, 1) per tap, or None for unit heads."""
    return published_heads(trunk.heads) if trunk.heads else None


@cache
def published_heads(name: str) -> tuple[Tensor, ...]:
    """Read the linear heads that the lpips package ships: `alex`, `vgg` or `squeeze`."""
    package = importlib.util.find_spec("lpips")  # found, not imported, which takes seconds
    assert package is not None
    folder = Path(str(package.origin)).parent
    file = folder / "weights" / "v0.1" / f"{name}.pth"
    state = torch.load(file, map_location="cpu", weights_only=True)
    return tuple(state[key] for key in sorted(state))


def _features(trunk: Trunk, images: Tensor, protocol: Protocol) -> tuple[Tensor, ...]:
    ready = images.float()
    if protocol == "published":
        # u where 2u - 1 is expected is (u + 1) / 2 where u is expected.
        ready = (as_published(ready) + 1) / 2
    return unit_features(trunk, ready)


def _distance(x: tuple[Tensor, ...], y: tuple[Tensor, ...], weights: tuple[Tensor, ...] | None) -> Tensor:
    total = torch.zeros(len(x[0]), device=x[0].device)
    for layer, (a, b) in enumerate(zip(x, y, strict=True)):
        squared = (a - b.to(a.device)).square()
        weighted = squared if weights is None else squared * weights[layer].to(a.device)
        total = total + weighted.sum(dim=1).mean(dim=(1, 2))
    return total
