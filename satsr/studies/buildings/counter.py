"""The counter of buildings: a small U-Net that learns their cores, and what it counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from satsr.common.device import best_device
from satsr.common.minimize import minimize
from satsr.data.making.footprints import Labels, renumbered
from satsr.studies.buildings.network import UNetCounter
from satsr.studies.buildings.settings import BuildingSettings

ROOF, CORE = 0, 1  # channels: pixels of a roof, and those that are not at its edge, which keep neighbours apart


THRESHOLD = 0.5


AT_ONCE = 32  # images


def targets(labels: Labels) -> NDArray[np.float32]:
    """Return what the counter is asked for: roofs and their cores, (2, H, W)."""
    edges = (ndimage.minimum_filter(labels, 3) != labels) | (ndimage.maximum_filter(labels, 3) != labels)
    return np.stack([labels > 0, (labels > 0) & ~edges]).astype(np.float32)


def train_counter(images: Tensor, labels: Sequence[Labels], settings: BuildingSettings) -> nn.Module:
    """Train the counter on HR images.

    Args:
        images: (N, 3, H, W) in [0, 1].
        labels: N label maps (H, W).
        settings: sizes and length.

    Returns:
        A network from images to two logits per pixel, on the CPU.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = UNetCounter(settings.widths, classes=2)
    wanted = torch.from_numpy(np.stack([targets(label) for label in labels]))
    device = best_device()

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng([settings.seed, step])
        chosen = rng.integers(len(images), size=settings.batch)
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        seen, asked = (_turned(part[chosen], turns, mirror).to(device) for part in (images, wanted))
        # tones differ between methods; what makes a building is not its tone
        gain = torch.from_numpy(rng.uniform(0.7, 1.3, (len(chosen), 1, 1, 1))).to(seen)
        return _overlap_loss(network(seen * gain).float(), asked)

    minimize("building counter", network, loss, settings.steps, settings.learning_rate)
    return network


def _overlap_loss(logits: Tensor, asked: Tensor) -> Tensor:
    """Return cross-entropy, and one minus the Dice coefficient of each class, so that rare roofs count."""
    chance = logits.sigmoid()
    both, each = (chance * asked).sum(dim=(0, 2, 3)), (chance + asked).sum(dim=(0, 2, 3))
    dice = (2 * both + 1) / (each + 1)
    return F.binary_cross_entropy_with_logits(logits, asked) + (1 - dice).mean()


def _turned(part: Tensor, turns: int, mirror: bool) -> Tensor:
    turned = torch.rot90(part, turns, dims=(-2, -1))
    return turned.flip(-1) if mirror else turned


@torch.inference_mode()
def count(counter: nn.Module, images: Tensor) -> list[Labels]:
    """Return the buildings that the counter sees in images (N, 3, H, W), as label maps."""
    from skimage.segmentation import watershed

    device = best_device()
    counter.to(device)
    found = []
    for part in images.split(AT_ONCE):
        for roof, core in counter(part.to(device)).float().sigmoid().cpu().numpy():
            seeds, _ = ndimage.label(core > THRESHOLD)
            found.append(renumbered(watershed(-roof, seeds, mask=roof > THRESHOLD).astype(np.int32)))
    return found
