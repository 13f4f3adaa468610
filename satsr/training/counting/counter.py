"""A counter of one kind of objects: a small U-Net that learns their cores, and what it counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy import ndimage
from torch import Tensor, nn

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import best_device, best_layout
from satsr.data.making.footprints import Labels, renumbered
from satsr.models.plain_unet import PlainUNet
from satsr.training.counting import kinds
from satsr.training.counting.kinds import Kind
from satsr.training.counting.settings import CounterSettings
from satsr.training.dense import fit_dense, overlap_loss

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
    network = PlainUNet(json.loads((folder / CARD).read_text())["widths"], classes=2)
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
        network = PlainUNet(settings.widths, classes=2)
    wanted = torch.from_numpy(np.stack([targets(label, kind) for label in labels]))
    each = enumerate(() if kind.pixels else labels)  # roads are nearly everywhere
    places = [(chip, *centre) for chip, label in each for centre in _centres(label)]
    fit_dense(f"counter of {kind.name}", network, images, wanted, overlap_loss, settings, places)
    return network


def _centres(labels: Labels) -> list[tuple[int, int]]:
    """Return row and column of the centre of every object."""
    found = ndimage.center_of_mass(labels > 0, labels, range(1, int(labels.max()) + 1))
    return [(round(row), round(column)) for row, column in found]


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
