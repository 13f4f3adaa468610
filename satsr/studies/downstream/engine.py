"""Train a task network for every task, input and seed, and count its answers on the test places."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import best_device
from satsr.common.tile_grid import HR_PX
from satsr.data.making.own_masks import OwnMasks
from satsr.evaluation.pooled import Pooled
from satsr.models.features import Features
from satsr.studies.downstream import networks, tasks, truth
from satsr.studies.downstream.inputs import Images, Inputs
from satsr.studies.downstream.networks import Enlarged, WithFeatures, build_network
from satsr.studies.downstream.settings import DownstreamSettings, NetworkSettings
from satsr.studies.downstream.tasks import Task, tasks_of
from satsr.studies.downstream.truth import Truth, check_own, told
from satsr.training import dense
from satsr.training.dense import Place, fit_dense
from satsr.training.dense_settings import DenseSettings

LIBRARY = "segmentation-models-pytorch"
OTHER_LABELS = "HR, labels of other places"
RATES = ["input", "rate", "val_score", "chosen"]
COUNTS, ANSWERS = "counts.parquet", "answers.npy"
AT_ONCE = 16  # places
PLACES = 8  # of a chip, about which crops lie


@dataclass(frozen=True)
class Tried:
    """What the task networks left.

    Attributes:
        tasks: those that were run; of those that the settings ask for, the data must tell of the labels.
        counts: by task, one row per network, input, seed and test place: network, input, seed, tile, region, and the
            counts of the task.
        rates: learning rate that was chosen for every input, with its score on the validation places.
        answers: by input, what the first seed's network of the first task says of every test place, bool (N, H, W);
            none where that task is not one of masks.
    """

    tasks: tuple[Task, ...]
    counts: dict[str, pd.DataFrame]
    rates: pd.DataFrame
    answers: dict[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Trainer:
    """Trains and counts; what is finished is not done again.

    Attributes:
        inputs: of the task networks.
        settings: of the study.
        own: the user's own masks, where the settings tell of them.
    """

    inputs: Inputs
    settings: DownstreamSettings
    own: OwnMasks | None = None
    _kept: dict[str, tuple[int, Images]] = field(default_factory=dict, init=False, repr=False)  # the last input
    _truth: dict[str, Truth] = field(default_factory=dict, init=False, repr=False)  # by split

    def run(self) -> Tried:
        """Train everything that this profile asks for and whose labels the data tell of.

        Raises:
            ValueError: the user's own masks do not fit the images, or what was said of them.
        """
        if not self.tasks:
            return Tried((), {}, pd.DataFrame(columns=RATES), {})
        if self.own is not None and self.settings.own is not None:
            check_own({split: self._known(split) for split in self.inputs.data.pairs}, self.settings.own)
        rates = self._rates()
        chosen = rates[rates.chosen].set_index("input").rate.to_dict()
        counts: dict[str, list[pd.DataFrame]] = {task.name: [] for task in self.tasks}
        for network, asked in self._networks().items():
            for name in self.settings.inputs:
                for seed in self.settings.seeds:
                    for task in asked:
                        counts[task.name].append(self._counted(task, name, network, seed, chosen[name], "test"))
        if self.settings.random_labels:
            first, network, rate = self._first, next(iter(self.settings.networks)), self.settings.rates[0]
            for seed in self.settings.seeds:
                counts[first.name].append(self._counted(first, OTHER_LABELS, network, seed, rate, "test"))
        answers = {name: self._answers(name, chosen[name]) for name in self.settings.inputs if self._first.masks}
        found = {task: pd.concat(rows, ignore_index=True) for task, rows in counts.items()}
        return Tried(self.tasks, found, rates, answers)

    @cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that are run: those that the settings ask for, and whose labels the data tell of."""
        known = tasks_of(self.settings)
        return told([known[name] for name in self.settings.tasks], self._known("train")) if self.settings.tasks else ()

    def wanted(self) -> NDArray[np.bool_]:
        """Return what the first task asks for of every test place, (N, H, W); none where it is not one of masks."""
        if not self.tasks or not self._first.masks:
            return np.zeros((0, HR_PX, HR_PX), bool)
        return np.asarray(self._known("test").labels(self._first)[:, 0].numpy() > 0)

    @property
    def _first(self) -> Task:
        return self.tasks[0]

    def _answers(self, name: str, rate: float) -> NDArray[np.bool_]:
        network, seed = next(iter(self.settings.networks)), self.settings.seeds[0]
        found: NDArray[np.bool_] = np.load(self._finished(self._first, name, network, seed, rate, "test") / ANSWERS)
        return found

    def _networks(self) -> dict[str, tuple[Task, ...]]:
        """Return the tasks of every network: the first runs all, the others those that are named."""
        first, *others = self.settings.networks
        named = tuple(task for task in self.tasks if task.name in self.settings.other_networks_on)
        return {first: self.tasks, **dict.fromkeys(others if named else (), named)}

    def _rates(self) -> pd.DataFrame:
        """Return, for every input, the score of each learning rate on the validation places of the first task.

        With one rate to choose from, nothing is trained for that.
        """
        task, network = self._first, next(iter(self.settings.networks))
        metric, seed = task.metrics[0], self.settings.seeds[0]
        rows = []
        for name in self.settings.inputs:
            of_rate = dict.fromkeys(self.settings.rates, float("nan"))
            if len(of_rate) > 1:
                for rate in of_rate:
                    rows_of = self._counted(task, name, network, seed, rate, "val")
                    of_rate[rate] = Pooled.of(rows_of, metric.columns, metric.score).value
            sign = 1 if metric.better == "higher" else -1
            best = max(of_rate, key=lambda rate: sign * of_rate[rate]) if len(of_rate) > 1 else next(iter(of_rate))
            rows += [(name, rate, score, rate == best) for rate, score in of_rate.items()]
        return pd.DataFrame(rows, columns=RATES)

    def _counted(self, task: Task, name: str, network: str, seed: int, rate: float, split: str) -> pd.DataFrame:
        """Return the counts of one training on a split, as `Tried.counts` has them."""
        finished = self._finished(task, name, network, seed, rate, split)
        return pd.read_parquet(finished / COUNTS).assign(network=network, input=name, seed=seed)

    def _finished(self, task: Task, name: str, network: str, seed: int, rate: float, split: str) -> Path:
        """Return the folder of one training's counts on a split, and its answers where they are masks."""
        other, data = name == OTHER_LABELS, self.inputs.data
        source, own = "HR" if other else name, self.settings.networks[network]
        pairs, training = data.pairs[split], self.inputs.training(source, seed)
        made_from = {
            **self.inputs.made_from(source, training),
            "task": task.name,
            "network": own.model_dump(mode="json"),
            "train": self.settings.train.model_copy(update={"learning_rate": rate}).model_dump(mode="json"),
            "data": {"digest": data.digest, "pairs": pairs.settings.model_dump(mode="json", exclude_defaults=True)},
            "labels": "other" if other else "own",
            "own": self._own_made_from() if task.known == "own" else "",
            "seed": seed,
            "split": split,
            "library": metadata.version(LIBRARY),
        }
        code = fingerprint({__name__, tasks.__name__, truth.__name__, networks.__name__, dense.__name__, *data.code})
        what = f"{task.name}-{source}-{network}".replace(" ", "-")
        folder = scratch_folder(data.folders.scratch / "downstream", what, key_of(made_from, code))

        def make(partial_folder: Path) -> None:
            partial_folder.mkdir(parents=True)
            images = self._images(source, training)
            trained = self._trained(task, images, own, seed, rate, other, f"{task.name} from {name}, seed {seed}")
            answers = answered(trained, images.of[split])
            each = counts_of(task, answers, self._known(split).labels(task))
            places = {"tile": pairs.tiles, "region": pairs.index.region.tolist()}
            pd.DataFrame(places).join(each).to_parquet(partial_folder / COUNTS, index=False)
            if task.masks:
                np.save(partial_folder / ANSWERS, (answers[:, 0] > 0).numpy())

        make_once(folder / "finished", make)
        return folder / "finished"

    def _own_made_from(self) -> str:
        assert self.own is not None
        assert self.settings.own is not None
        return self.own.digest + self.settings.own.model_dump_json(exclude={"masks", "title"})

    def _images(self, name: str, training: int) -> Images:
        """Return an input; the last one is kept, since the tasks that it serves come one after another."""
        if name not in self._kept or self._kept[name][0] != training:
            self._kept.clear()
            self._kept[name] = training, self.inputs.made(name, training)
        return self._kept[name][1]

    def _known(self, split: str) -> Truth:
        if split not in self._truth:
            self._truth[split] = Truth.of(self.inputs.data, split, self.own)
        return self._truth[split]

    def _trained(
        self, task: Task, images: Images, own: NetworkSettings, seed: int, rate: float, other: bool, what: str
    ) -> nn.Module:
        wanted = self._known("train").labels(task)
        if other:  # a place gets the labels of one half a split away
            wanted = wanted.roll(len(wanted) // 2, dims=0)
        train = self.settings.train.model_copy(update={"learning_rate": rate})
        return learned(what, task, images, wanted, own, train, seed)


def learned(
    what: str, task: Task, images: Images, wanted: Tensor, own: NetworkSettings, train: DenseSettings, seed: int
) -> nn.Module:
    """Return a task network that has learned on an input's training places.

    Args:
        what: name for the progress lines.
        task: what is asked.
        images: the input.
        wanted: labels of the training places, (N, channels, H, W).
        own: sizes of the network.
        train: length, crops, learning rate, and the seed of the first training.
        seed: of the weights; those of the order and of crops go with it.
    """
    network = network_for(task, images, own, wanted.shape[-1], seed)
    settings = train.model_copy(update={"seed": train.seed + seed})
    fit_dense(what, network, images.of["train"], wanted, task.loss, settings, places_of(task, wanted))
    return network


def counts_of(task: Task, answers: Tensor, wanted: Tensor) -> pd.DataFrame:
    """Return the counts of a task, a row for every place."""
    return pd.DataFrame([task.counts(*pair) for pair in zip(answers, wanted, strict=True)])


def network_for(task: Task, images: Images, own: NetworkSettings, side: int, seed: int) -> nn.Module:
    """Return a task network that takes an input as it is, and answers in the size of the labels.

    Args:
        task: tells the channels of the answer.
        images: the input.
        own: sizes of the network.
        side: of the labels, in px.
        seed: of the weights.
    """
    train = images.of["train"]
    if images.model is not None:
        features = Features(copy.deepcopy(images.model))  # it learns, and the next task starts where this one did
        with torch.inference_mode():
            shape = features.to(best_device())(train[:1].to(best_device())).shape
        build = partial(build_network, own, shape[1], task.channels, seed)
        return WithFeatures(features, Enlarged(build(), side // shape[-1]) if shape[-1] < side else build())
    network, scale = build_network(own, train.shape[1], task.channels, seed), side // train.shape[-1]
    return Enlarged(network, scale) if scale > 1 else network


def places_of(task: Task, wanted: Tensor) -> list[Place]:
    """Return some pixels of what a mask shows in every chip that has any, about which crops lie; of classes none."""
    if task.channels > 1:
        return []
    found: list[Place] = []
    for chip, mask in enumerate(wanted):
        pixels = mask[0].nonzero()
        for row, column in pixels[:: max(1, len(pixels) // PLACES)][:PLACES].tolist():
            found.append((chip, row, column))
    return found


@torch.inference_mode()
def answered(network: nn.Module, images: Tensor) -> Tensor:
    """Return what a network answers to images (N, C, h, w), on the CPU."""
    device = best_device()
    network.to(device).eval()
    return torch.cat([network(part.to(device)).float().cpu() for part in images.split(AT_ONCE)])
