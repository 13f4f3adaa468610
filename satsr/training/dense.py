"""One trainer for networks that say something of every pixel: of tasks on outputs, and of the counters of objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.common.device import best_device
from satsr.common.minimize import minimize
from satsr.training.dense_settings import DenseSettings

Place = tuple[int, int, int]  # image, row and column


def fit_dense(
    what: str,
    network: nn.Module,
    images: Tensor,
    wanted: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor],
    settings: DenseSettings,
    places: Sequence[Place] = (),
) -> None:
    """Train a network in place, and bring it back to the CPU.

    Crops are turned and mirrored, and their tone is changed by up to 30 %: tones differ between methods, and what
    makes an object is not its tone.

    Args:
        what: name for the progress lines.
        network: from images (N, C, h, w) to (N, K, H, W).
        images: (N, C, h, w).
        wanted: (N, K, H, W), a whole multiple of the images in size.
        loss: of what the network returns, and of what is wanted, as float32.
        settings: length, crops and seed.
        places: about which crops lie, in pixels of `wanted`.

    Raises:
        RuntimeError: a loss is not finite.
    """
    device = best_device()

    def of_step(step: int) -> Tensor:
        rng = np.random.default_rng([settings.seed, step])
        seen, asked = crops(images, wanted, places, settings, rng)
        gain = torch.from_numpy(rng.uniform(0.7, 1.3, (len(seen), 1, 1, 1))).to(seen)
        return loss(network((seen * gain).to(device)).float(), asked.to(device))

    minimize(what, network, of_step, settings.steps, settings.learning_rate)


def overlap_loss(logits: Tensor, asked: Tensor) -> Tensor:
    """Return cross-entropy, and one minus the Dice coefficient of each class, so that rare objects count.

    Args:
        logits: (N, K, H, W).
        asked: the same shape, 0 or 1.
    """
    chance = logits.sigmoid()
    both, each = (chance * asked).sum(dim=(0, 2, 3)), (chance + asked).sum(dim=(0, 2, 3))
    dice = (2 * both + 1) / (each + 1)
    return F.binary_cross_entropy_with_logits(logits, asked) + (1 - dice).mean()


def crops(
    images: Tensor, wanted: Tensor, places: Sequence[Place], settings: DenseSettings, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Return crops of images and of what is wanted, turned and mirrored; most of them about some place."""
    scale = wanted.shape[-1] // images.shape[-1]
    height, width = (side * scale for side in images.shape[-2:])
    size = min(settings.crop or height, height, width)
    pairs = []
    for _ in range(settings.batch):
        if places and rng.random() < settings.near:
            chip, row, column = places[int(rng.integers(len(places)))]
            row, column = np.array([row, column]) - size // 2 + rng.integers(-size // 3, size // 3 + 1, 2)
        else:
            chip, row, column = rng.integers([len(images), height - size + 1, width - size + 1])
        row, column = np.clip([row, column], 0, [height - size, width - size])
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        cut = (
            _window(part[chip], row // scale, column // scale, size, by, scale)
            for part, by in ((images, 1), (wanted, scale))
        )
        pairs.append([_turned(part, turns, mirror) for part in cut])
    seen, asked = (torch.stack(part) for part in zip(*pairs, strict=True))
    return seen, asked


def _window(image: Tensor, row: int, column: int, size: int, by: int, scale: int) -> Tensor:
    """Return a window of `size` label pixels of an image whose pixels are `scale / by` label pixels wide."""
    side = size * by // scale
    return image[:, row * by : row * by + side, column * by : column * by + side]


def _turned(part: Tensor, turns: int, mirror: bool) -> Tensor:
    turned = torch.rot90(part, turns, dims=(-2, -1))
    return turned.flip(-1) if mirror else turned
