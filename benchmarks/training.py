"""Whole training steps in fp32 eager against the settings that the study ships."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from satsr.common.device import best_precision
from satsr.common.paths import project_root
from satsr.data.pairs import Batch, Pairs
from satsr.models.methods import find_method
from satsr.models.superresolver import ModelCard
from satsr.perception.clip import Clip
from satsr.perception.trunk import Trunk, TrunkCard, build_trunk
from satsr.pipeline.params import load_study
from satsr.training.denoiser import DenoiserTraining
from satsr.training.image_training import ImageTraining
from satsr.training.loop import Loop, Task
from satsr.training.settings import TrainSettings

ROUNDS, WARM_UP = 7, 2
LOSS_TRUNK = TrunkCard("vgg", (16, 32, 64), (0.5,) * 3, (0.25,) * 3, seed=0, words=())  # the default study's size


class MadeUpPairs:
    """Stands where `Pairs` does: one random batch, so that no data are needed and none are read."""

    def __init__(self, batch: int, dates: int, lr_px: int) -> None:
        generator = torch.Generator().manual_seed(0)
        lr = torch.rand((batch, dates, 3, lr_px, lr_px), generator=generator)
        hr = torch.rand((batch, 3, 4 * lr_px, 4 * lr_px), generator=generator)
        names = tuple(map(str, range(batch)))
        masks = torch.ones_like(lr[:, :, 0], dtype=torch.bool), torch.ones_like(hr[:, 0], dtype=torch.bool)
        where = torch.zeros(batch, 2, dtype=torch.int64), torch.zeros(batch, dtype=torch.float64)
        self.made = Batch(lr, masks[0], torch.zeros(batch, dates), hr, masks[1], *where, names, names, hr_whole=True)

    def __len__(self) -> int:
        return len(self.made.tiles)

    def hold(self, device: torch.device) -> bool:
        """Keep the batch on a device."""
        own = vars(self.made).items()
        there: dict[str, Any] = {name: part.to(device) for name, part in own if isinstance(part, torch.Tensor)}
        self.made = replace(self.made, **there)
        return True

    def batch(self, *asked: object) -> Batch:
        """Return the same batch, whatever is asked."""
        return self.made


def prepared(
    method: str,
    settings: TrainSettings,
    dates: int,
    tuned: bool,
    pairs: Pairs | None = None,
    clip: Clip | None = None,
    trunk: Trunk | None = None,
) -> Loop:
    """Return a training that is past its start of the adversarial loss.

    Args:
        method: its name.
        settings: of the training.
        dates: of a pair.
        tuned: as the study trains, or plain PyTorch.
        pairs: to learn from; by default one random batch that stays on the device.
        clip: of the CLIP loss, where the settings ask for one.
        trunk: of the perceptual loss; by default one of the default study's size.
    """
    rgb = ("red", "green", "blue")
    card = ModelCard(method, dict(settings.network), dates, rgb, rgb, 4)
    given: Any = pairs or MadeUpPairs(settings.batch, dates, settings.crop or 32)
    looks = (trunk or build_trunk(LOSS_TRUNK)) if settings.losses.get("perceptual") else None
    task = Task(card, settings, 0, given, given, Path(tempfile.mkdtemp()), trunk=looks, clip=clip, tuned=tuned)
    run: Loop = DenoiserTraining(task) if find_method(method).denoises else ImageTraining(task)
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
    slow = prepared(method, settings.model_copy(update={"precision": "32-true"}), dates, tuned=False)
    fast = prepared(method, settings, dates, tuned=True)
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
