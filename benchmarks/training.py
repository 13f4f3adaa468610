"""Whole training steps in fp32 eager against the settings that the study ships."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import torch

from satsr.common.device import best_precision
from satsr.common.paths import project_root
from satsr.data.pairs import Batch
from satsr.models.methods import find_method
from satsr.models.superresolver import ModelCard
from satsr.perception.trunk import TrunkCard, build_trunk
from satsr.pipeline.params import load_study
from satsr.training.denoiser import DenoiserTraining
from satsr.training.image_training import ImageTraining
from satsr.training.loop import Loop, Task
from satsr.training.settings import TrainSettings

ROUNDS, WARM_UP = 7, 2
LOSS_TRUNK = TrunkCard("vgg", (16, 32, 64), (0.5,) * 3, (0.25,) * 3, seed=0, words=())  # the default study's size


class MadeUpPairs:
    """Stands where `Pairs` does: one random batch, so that no data are needed and none are read."""

    def __init__(self, batch: int, dates: int) -> None:
        generator = torch.Generator().manual_seed(0)
        lr = torch.rand((batch, dates, 3, 32, 32), generator=generator)
        hr = torch.rand((batch, 3, 128, 128), generator=generator)
        names = tuple(map(str, range(batch)))
        masks = torch.ones(batch, dates, 32, 32, dtype=torch.bool), torch.ones(batch, 128, 128, dtype=torch.bool)
        where = torch.zeros(batch, 2, dtype=torch.int64), torch.zeros(batch, dtype=torch.float64)
        self.made = Batch(lr, masks[0], torch.zeros(batch, dates), hr, masks[1], *where, names, names)

    def __len__(self) -> int:
        return len(self.made.tiles)

    def batch(self, numbers: list[int], epoch: int = 0) -> Batch:
        """Return the same batch, whatever is asked."""
        return self.made


def prepared(method: str, settings: TrainSettings, dates: int, channels_last: bool) -> Loop:
    """Return a training that is past its start of the adversarial loss."""
    rgb = ("red", "green", "blue")
    card = ModelCard(method, dict(settings.network), dates, rgb, rgb, 4)
    pairs = MadeUpPairs(settings.batch, dates)
    trunk = build_trunk(LOSS_TRUNK) if settings.losses.get("perceptual") else None
    task = Task(card, settings, 0, pairs, pairs, Path(tempfile.mkdtemp()), trunk=trunk)  # type: ignore[arg-type]
    run: Loop = DenoiserTraining(task) if find_method(method).denoises else ImageTraining(task)
    if not channels_last:
        for network in filter(None, (run.generator, getattr(run, "discriminator", None))):
            network.to(memory_format=torch.contiguous_format)
    run.step = settings.gan_start
    return run


def seconds(run: Loop) -> float:
    """Return the time of one whole training step."""
    started = time.perf_counter()
    run.one_step()
    run.step += 1
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def compare(method: str) -> str:
    """Time both settings in turn and return one line."""
    study = load_study(project_root())
    settings, dates = study.train[method], study.pairs.dates
    slow = prepared(method, settings.model_copy(update={"precision": "32-true"}), dates, channels_last=False)
    fast = prepared(method, settings, dates, channels_last=True)
    for _ in range(WARM_UP):
        seconds(slow), seconds(fast)
    times = [(seconds(slow), seconds(fast)) for _ in range(ROUNDS)]
    ratio = statistics.median(a / b for a, b in times)
    plain, shipped = (settings.batch / statistics.median(column) for column in zip(*times, strict=True))
    return f"{method:10s} fp32 eager {plain:7.1f} samples/s   shipped {shipped:7.1f} samples/s   ratio {ratio:.2f}"


def report() -> None:
    """Print one line per method that learns."""
    print(f"training; shipped precision {best_precision()}, channels last")
    for method in load_study(project_root()).train:
        print(compare(method))
