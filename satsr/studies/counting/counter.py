"""A counter of one kind of objects: a small U-Net that learns their cores, and what it counts."""

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
from satsr.studies.counting import kinds
from satsr.studies.counting.kinds import Kind
from satsr.studies.counting.network import UNetCounter
from satsr.studies.counting.settings import CounterSettings

BODY, CORE = 0, 1  # channels: pixels of an object, and those of its inside, which keep neighbours apart
THRESHOLD = 0.5
SMALL_PX = 9  # an object of fewer pixels may have no inside
AT_ONCE = 8  # images: more do not fit a core's cache
WEIGHTS, CARD = "weights.safetensors", "counter.json"


def targets(labels: Labels, kind: Kind) -> NDArray[np.float32]:
    """Return what the counter is asked for: objects and their cores, (2, H, W).

    The core of a building is what is not at its edge. A boat of 2 px has no such inside: its core lies about its
    centre. Pixels of roads are not told apart.
    """
    bodies = labels > 0
    if kind.pixels:
        return np.stack([bodies, bodies]).astype(np.float32)
    edges = (ndimage.minimum_filter(labels, 3) != labels) | (ndimage.maximum_filter(labels, 3) != labels)
    cores = bodies & ~edges
    for row, column in _centres(labels) if kind.least_px < SMALL_PX else ():
        cores[row, column] = bodies[row, column]
    return np.stack([bodies, cores]).astype(np.float32)


def make_counter(
    images: Tensor,
    labels: Sequence[Labels],
    kind: Kind,
    settings: CounterSettings,
    data_digest: str,
    scratch: Path,
    folder: Path,
) -> None:
    """Train the counter, or take it from scratch when this training is finished, and write it to a folder.

    Args:
        images: as of `train_counter`.
        labels: as of `train_counter`.
        kind: of the objects.
        settings: sizes and length.
        data_digest: identifies the data set; work on other data is not reused.
        scratch: folder for finished work.
        folder: to write to; what is there is replaced.
    """

    def learn(partial: Path) -> None:
        partial.mkdir(parents=True)
        weights = train_counter(images, labels, kind, settings).state_dict()
        save_file({name: value.contiguous() for name, value in weights.items()}, partial / WEIGHTS)
        (partial / CARD).write_text(json.dumps({"kind": kind.name, "widths": settings.widths}) + "\n")

    own = settings.model_dump(mode="json", exclude_defaults=True, exclude={"kinds"})
    made_from = {"kind": kind.name, "settings": own, "data": data_digest}
    finished = (
        scratch_folder(scratch, "counter", key_of(made_from, fingerprint({__name__, kinds.__name__}))) / "finished"
    )
    make_once(finished, learn)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(finished, folder)


def open_counter(folder: Path) -> nn.Module:
    """Open a counter that `make_counter` wrote.

    Raises:
        FileNotFoundError: there is none.
    """
    if not (folder / CARD).is_file():
        raise FileNotFoundError(f"{folder} holds no counter: run the counter stage (dvc repro counter)")
    network = UNetCounter(json.loads((folder / CARD).read_text())["widths"], classes=2)
    network.load_state_dict(load_file(folder / WEIGHTS))
    return network.eval()


def train_counter(images: Tensor, labels: Sequence[Labels], kind: Kind, settings: CounterSettings) -> nn.Module:
    """Train the counter on HR images.

    Args:
        images: (N, 3, H, W) in [0, 1].
        labels: N label maps (H, W).
        kind: of the objects.
        settings: sizes and length.

    Returns:
        A network from images to two logits per pixel, on the CPU.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = UNetCounter(settings.widths, classes=2)
    wanted = torch.from_numpy(np.stack([targets(label, kind) for label in labels]))
    each = enumerate(() if kind.pixels else labels)  # roads are nearly everywhere
    centres = [(chip, *centre) for chip, label in each for centre in _centres(label)]
    device = best_device()

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng([settings.seed, step])
        seen, asked = _crops(images, wanted, centres, settings, rng)
        # tones differ between methods; what makes an object is not its tone
        gain = torch.from_numpy(rng.uniform(0.7, 1.3, (len(seen), 1, 1, 1))).to(seen)
        return _overlap_loss(network((seen * gain).to(device)).float(), asked.to(device))

    minimize(f"counter of {kind.name}", network, loss, settings.steps, settings.learning_rate)
    return network


def _overlap_loss(logits: Tensor, asked: Tensor) -> Tensor:
    """Return cross-entropy, and one minus the Dice coefficient of each class, so that rare objects count."""
    chance = logits.sigmoid()
    both, each = (chance * asked).sum(dim=(0, 2, 3)), (chance + asked).sum(dim=(0, 2, 3))
    dice = (2 * both + 1) / (each + 1)
    return F.binary_cross_entropy_with_logits(logits, asked) + (1 - dice).mean()


def _centres(labels: Labels) -> list[tuple[int, int]]:
    """Return row and column of the centre of every object."""
    found = ndimage.center_of_mass(labels > 0, labels, range(1, int(labels.max()) + 1))
    return [(round(row), round(column)) for row, column in found]


def _crops(
    images: Tensor,
    wanted: Tensor,
    centres: Sequence[tuple[int, int, int]],
    settings: CounterSettings,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Return crops of images and of what is asked for, turned and mirrored; most of them about some object."""
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
def count(counter: nn.Module, images: Tensor, kind: Kind) -> list[Labels]:
    """Return the objects that the counter sees in images (N, 3, H, W), as label maps; pixels of roads are 1."""
    from skimage.segmentation import watershed

    device = best_device()
    layout = best_layout(counter, device)
    counter.to(device).to(memory_format=layout)
    found = []
    for part in images.contiguous(memory_format=layout).split(AT_ONCE):
        for body, core in counter(part.to(device)).float().sigmoid().cpu().numpy():
            if kind.pixels:
                found.append((body > THRESHOLD).astype(np.int32))
                continue
            seeds, _ = ndimage.label(core > THRESHOLD)
            labels = watershed(-body, seeds, mask=body > THRESHOLD).astype(np.int32)
            found.append(renumbered(labels, kind.least_px))
    return found
