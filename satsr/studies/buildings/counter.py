"""The counter of buildings: a small U-Net that learns their cores, and what it counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy import ndimage
from torch import Tensor, nn

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import best_device, best_layout
from satsr.common.minimize import minimize
from satsr.data.making.footprints import Labels, renumbered
from satsr.studies.buildings.network import UNetCounter
from satsr.studies.buildings.settings import CounterSettings

ROOF, CORE = 0, 1  # channels: pixels of a roof, and those that are not at its edge, which keep neighbours apart
THRESHOLD = 0.5
AT_ONCE = 8  # images: more do not fit a core's cache
WEIGHTS, CARD = "weights.safetensors", "counter.json"


def targets(labels: Labels) -> NDArray[np.float32]:
    """Return what the counter is asked for: roofs and their cores, (2, H, W)."""
    edges = (ndimage.minimum_filter(labels, 3) != labels) | (ndimage.maximum_filter(labels, 3) != labels)
    return np.stack([labels > 0, (labels > 0) & ~edges]).astype(np.float32)


def make_counter(
    images: Tensor, labels: Sequence[Labels], settings: CounterSettings, data_digest: str, scratch: Path, folder: Path
) -> None:
    """Train the counter, or take it from scratch when this training is finished, and write it to a folder.

    Args:
        images: as of `train_counter`.
        labels: as of `train_counter`.
        settings: sizes and length.
        data_digest: identifies the data set; work on other data is not reused.
        scratch: folder for finished work.
        folder: to write to; what is there is replaced.
    """

    def learn(partial: Path) -> None:
        partial.mkdir(parents=True)
        weights = train_counter(images, labels, settings).state_dict()
        save_file({name: value.contiguous() for name, value in weights.items()}, partial / WEIGHTS)
        (partial / CARD).write_text(json.dumps({"widths": settings.widths}) + "\n")

    made_from = {"settings": settings.model_dump(mode="json", exclude_defaults=True), "data": data_digest}
    finished = scratch_folder(scratch, "counter", key_of(made_from, fingerprint({__name__}))) / "finished"
    make_once(finished, learn)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(finished, folder)


def open_counter(folder: Path) -> nn.Module:
    """Open a counter that `make_counter` wrote.

    Raises:
        FileNotFoundError: there is none.
    """
    if not (folder / CARD).is_file():
        raise FileNotFoundError(f"{folder} holds no counter of buildings: run the counter stage (dvc repro counter)")
    network = UNetCounter(json.loads((folder / CARD).read_text())["widths"], classes=2)
    network.load_state_dict(load_file(folder / WEIGHTS))
    return network.eval()


def train_counter(images: Tensor, labels: Sequence[Labels], settings: CounterSettings) -> nn.Module:
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
    centres = [(chip, *centre) for chip, label in enumerate(labels) for centre in _centres(label)]
    device = best_device()

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng([settings.seed, step])
        seen, asked = _crops(images, wanted, centres, settings, rng)
        # tones differ between methods; what makes a building is not its tone
        gain = torch.from_numpy(rng.uniform(0.7, 1.3, (len(seen), 1, 1, 1))).to(seen)
        return _overlap_loss(network((seen * gain).to(device)).float(), asked.to(device))

    minimize("building counter", network, loss, settings.steps, settings.learning_rate)
    return network


def _overlap_loss(logits: Tensor, asked: Tensor) -> Tensor:
    """Return cross-entropy, and one minus the Dice coefficient of each class, so that rare roofs count."""
    chance = logits.sigmoid()
    both, each = (chance * asked).sum(dim=(0, 2, 3)), (chance + asked).sum(dim=(0, 2, 3))
    dice = (2 * both + 1) / (each + 1)
    return F.binary_cross_entropy_with_logits(logits, asked) + (1 - dice).mean()


def _centres(labels: Labels) -> list[tuple[int, int]]:
    """Return row and column of the centre of every building."""
    found = ndimage.center_of_mass(labels > 0, labels, range(1, int(labels.max()) + 1))
    return [(round(row), round(column)) for row, column in found]


def _crops(
    images: Tensor,
    wanted: Tensor,
    centres: Sequence[tuple[int, int, int]],
    settings: CounterSettings,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Return crops of images and of what is asked for, turned and mirrored; most of them about some building."""
    height, width = images.shape[-2:]
    size = min(settings.crop or height, height, width)
    pairs = []
    for _ in range(settings.batch):
        if centres and rng.random() < settings.near:
            chip, row, column = centres[int(rng.integers(len(centres)))]
            row, column = np.array([row, column]) - size // 2 + rng.integers(-size // 3, size // 3 + 1, 2)
        else:
            chip, row, column = rng.integers([len(images), height - size + 1, width - size + 1])
        row, column = np.clip([row, column], 0, [height - size, width - size])
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        cut = (part[chip, :, row : row + size, column : column + size] for part in (images, wanted))
        pairs.append([_turned(part, turns, mirror) for part in cut])
    seen, asked = (torch.stack(part) for part in zip(*pairs, strict=True))
    return seen, asked


def _turned(part: Tensor, turns: int, mirror: bool) -> Tensor:
    turned = torch.rot90(part, turns, dims=(-2, -1))
    return turned.flip(-1) if mirror else turned


@torch.inference_mode()
def count(counter: nn.Module, images: Tensor) -> list[Labels]:
    """Return the buildings that the counter sees in images (N, 3, H, W), as label maps."""
    from skimage.segmentation import watershed

    device = best_device()
    layout = best_layout(counter, device)
    counter.to(device).to(memory_format=layout)
    found = []
    for part in images.contiguous(memory_format=layout).split(AT_ONCE):
        for roof, core in counter(part.to(device)).float().sigmoid().cpu().numpy():
            seeds, _ = ndimage.label(core > THRESHOLD)
            found.append(renumbered(watershed(-roof, seeds, mask=roof > THRESHOLD).astype(np.int32)))
    return found
