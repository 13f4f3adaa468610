"""Learn classes of scenes by few labels from what every encoder sees, and count what is right on test places."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.device import best_device
from satsr.evaluation import in_batches
from satsr.evaluation.in_batches import AT_ONCE
from satsr.studies.transfer.encoders import Encoders
from satsr.studies.transfer.probes import Classifier, best_linear, fine_tuned, neighbours, standardized
from satsr.studies.transfer.scenes import Scenes
from satsr.studies.transfer.settings import TransferSettings

COLUMNS = ["encoder", "probe", "share", "labels", "seed", "tile", "region", "truth", "answer", "right", "number"]


@dataclass(frozen=True)
class Places:
    """What one encoder knows of all places, by split.

    Attributes:
        vectors: (N, D) each, not standardized.
        labels: numbers of their classes, (N,) each.
        series: the images themselves, (N, T * C, h, w), where something learns on them.
        classes: their number.
    """

    vectors: dict[str, Tensor]
    labels: dict[str, Tensor]
    series: dict[str, Tensor]
    classes: int


def transferred(settings: TransferSettings, encoders: Encoders, scenes: Scenes | None) -> pd.DataFrame:
    """Return, for every encoder, way of learning, share of labels and seed, what is right on every test place.

    Args:
        settings: of the study.
        encoders: make the vectors.
        scenes: the classes of the places, where the data tell of them.

    Returns:
        Columns `COLUMNS`; labels is their number, number is 1. No rows where the data tell of no classes.
    """
    data = encoders.data
    if not settings.running or scenes is None:
        return pd.DataFrame(columns=COLUMNS)
    labels = {split: torch.from_numpy(numbers) for split, numbers in scenes.of.items()}
    test = {"tile": data.pairs["test"].tiles, "region": data.pairs["test"].index.region.tolist()}
    learning = ("train", "test") if "fine-tuned" in settings.probes else ()
    series = {split: in_batches.series(data.pairs[split]) for split in learning}
    rows = []
    for name in settings.running:
        encoder, seen = settings.encoders[name], dict[int, Places]()
        for seed in settings.seeds:
            training = encoders.training(encoder, seed)
            if training not in seen:
                vectors = {split: encoders.encode(encoder, training, split) for split in labels}
                seen[training] = Places(vectors, labels, series, len(scenes.names))
            for share in settings.shares:
                chosen = drawn(len(labels["train"]), share, seed)
                for probe, answer in _answers(settings, encoders, seen[training], chosen, seed, name):
                    right = (answer == labels["test"]).numpy().astype(int)
                    own = {"truth": labels["test"].numpy(), "answer": answer.numpy(), "right": right, "number": 1}
                    facts = {"encoder": name, "probe": probe, "share": share, "labels": len(chosen), "seed": seed}
                    rows.append(pd.DataFrame({**test, **own, **facts}))
    return pd.concat(rows, ignore_index=True)[COLUMNS]


def drawn(count: int, share: float, seed: int) -> NDArray[np.int64]:
    """Draw a share of training places; of one seed, a smaller share lies within a larger one."""
    order = np.random.default_rng([seed, count]).permutation(count)
    return order[: max(1, math.ceil(share * count))]


def _answers(
    settings: TransferSettings,
    encoders: Encoders,
    places: Places,
    chosen: NDArray[np.int64],
    seed: int,
    name: str,
) -> Iterator[tuple[str, Tensor]]:
    """Yield the answer of every way of learning on the test places, (N,)."""
    encoder = settings.encoders[name]
    train, val, test = standardized(places.vectors["train"][chosen], places.vectors["val"], places.vectors["test"])
    labels, classes = places.labels["train"][chosen], places.classes
    head = best_linear((train, labels), (val, places.labels["val"]), classes, settings.penalties)
    for probe in settings.probes:
        if probe == "linear":
            yield probe, head(test).argmax(dim=1)
        elif probe == "neighbours":
            yield probe, neighbours(train, labels, test, classes, settings.neighbours)
        elif encoder.kind == "generator":
            network = encoders.generator(encoder, encoders.training(encoder, seed))
            what, own = f"{name}, {len(chosen)} labels", places.series["train"][chosen]
            yield (
                probe,
                _classified(fine_tuned(what, network, head, own, labels, settings, seed), places.series["test"]),
            )


@torch.no_grad()
def _classified(network: Classifier, images: Tensor) -> Tensor:
    device = best_device()
    network.to(device).eval()
    return torch.cat([network(part.to(device)).argmax(dim=1).cpu() for part in images.split(AT_ONCE)])
