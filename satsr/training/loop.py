"""One loop for every method that learns: steps, averaged weights, curve, checkpoints; subclasses say what to learn."""

from __future__ import annotations

import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from satsr.common.device import best_device, best_layout, best_precision, can_compile, fewer_digits
from satsr.common.progress import Progress
from satsr.data.dates import median_of_valid
from satsr.data.pairs import Batch, Pairs, RandomCrop, spread_evenly
from satsr.metrics.clipscore import clipscore
from satsr.metrics.lpips import lpips
from satsr.metrics.psnr import psnr
from satsr.models.files import save_model
from satsr.models.methods import find_method
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.perception.clip import Clip
from satsr.perception.trunk import Trunk
from satsr.training.ahead import Ahead
from satsr.training.averaged import Averaged
from satsr.training.loss_record import LossRecord
from satsr.training.settings import TrainSettings

CHECKPOINT = "checkpoint.pt"
BATCHES_AHEAD = 2  # of a split that fits nowhere


def sample_order(
    count: int, batch: int, seed: int, step: int, weights: NDArray[np.float64] | None = None
) -> tuple[list[int], int]:
    """Return the samples of a step and its epoch: every epoch is a new permutation, an incomplete batch is left out.

    A batch larger than the split takes the whole split. With weights (count,), an epoch is as many draws with
    replacement, each sample as often as its weight says (Zooming Out's tile weights).
    """
    size = min(batch, count)
    epoch, position = divmod(step, count // size)
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(count) if weights is None else rng.choice(count, count, p=weights / weights.sum())
    return order[position * size : (position + 1) * size].tolist(), epoch


@torch.no_grad()
def start_at_mean(model: SuperResolver, training: Pairs, samples: int = 64) -> None:
    """Set the bias of the last convolution to the mean colour of some training images, in place.

    The published trainings are long enough to find it; in a few hundred steps a network would learn little else.
    """
    last = [module for module in model.modules() if isinstance(module, nn.Conv2d)][-1]
    batch = training.batch(range(min(samples, len(training))))
    if last.bias is None or len(last.bias) != batch.hr.shape[1]:
        raise ValueError(f"{model.card.method} does not end in a convolution with bias: unset start_at_mean")
    last.bias.copy_(batch.hr.mean(dim=(0, 2, 3)))


def with_filled_target(batch: Batch) -> Batch:
    """Put the enlarged median date where HR shows no ground (clouds, fill), so that nothing else is learned there.

    A GPU is not asked whether there is such a place, since the CPU would wait for the answer.
    """
    on_cpu = batch.hr_valid.device.type == "cpu"
    if batch.hr_whole or (on_cpu and batch.hr_valid.all()):
        return batch
    middle = median_of_valid(batch.lr)[:, : batch.hr.shape[1]]
    enlarged = F.interpolate(middle, size=batch.hr.shape[-2:], mode="bicubic", align_corners=False).clamp(0, 1)
    return replace(batch, hr=torch.where(batch.hr_valid[:, None], batch.hr, enlarged))


@dataclass(frozen=True)
class Task:
    """What is trained, on what and how.

    Attributes:
        card: what is trained.
        settings: losses, steps and optimizer.
        seed: of weights, order of the samples, frames, dropout and noise.
        training: pairs to learn from.
        validation: pairs for the curve.
        folder: for unfinished work.
        start: gives a new model the weights that it starts from; none for those of its seed.
        trunk: of the perceptual loss, where the settings ask for one.
        judge: scores the curve's images by LPIPS too.
        clip: of the CLIP loss, where the settings ask for one.
        clip_judge: scores the curve's images by CLIPScore too.
        tuned: use what makes a step fast; False is plain PyTorch, to compare with.
    """

    card: ModelCard
    settings: TrainSettings
    seed: int
    training: Pairs
    validation: Pairs
    folder: Path
    start: Callable[[SuperResolver], None] | None = None
    trunk: Trunk | None = None
    judge: Trunk | None = None
    clip: Clip | None = None
    clip_judge: Clip | None = None
    tuned: bool = True


class Loop(ABC):
    """The state of one training, and its loop.

    The loop never makes the CPU wait for a GPU: batches are put together there from the stored values, and losses stay
    there until a row of the curve or a checkpoint is written.
    """

    def __init__(self, task: Task) -> None:
        self.task, self.settings = task, task.settings
        precision = best_precision(self.settings.precision, find_method(task.card.method).gpu_precision)
        self.fabric = Fabric(accelerator=best_device().type, devices=1, precision=precision)  # type: ignore[arg-type]
        self.on_gpu = self.fabric.device.type == "cuda"
        if self.on_gpu:
            fewer_digits()
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.sums: dict[str, float] = {}
        self.record = LossRecord(task.card.method)
        model = SuperResolver(task.card, task.seed)
        if task.start is not None:
            task.start(model)
        if self.settings.start_at_mean:
            start_at_mean(model, task.training)
        self.generator, self.optimizer = self.prepared(model)
        self.averaged = Averaged(self.generator.module, self.settings.ema)
        if task.tuned and can_compile(self.fabric.device):
            model.compile_repeated()
        held = task.training.hold(self.fabric.device)
        batches = self.settings.steps * self.settings.accumulate
        self._ahead = None if held else Ahead(self._assembled, BATCHES_AHEAD, batches)

    @abstractmethod
    def update(self, batches: list[Batch]) -> None:
        """Update every network once, from the batches that are accumulated to one step."""

    def networks(self) -> dict[str, Any]:
        """Return everything that a checkpoint holds."""
        return {"generator": self.generator, "averaged": self.averaged, "optimizer": self.optimizer}

    def optimizers(self) -> list[Any]:
        """Return everything that follows the learning rate."""
        return [self.optimizer]

    def prepared(self, network: nn.Module) -> tuple[Any, Any]:
        """Return a network and its optimizer, on the device and in the precision of the settings."""
        if self.task.tuned:
            network = network.to(memory_format=best_layout(network, self.fabric.device))
        rate, betas = self.settings.learning_rate, self.settings.betas
        fused = True if self.task.tuned else None
        network = network.to(self.fabric.device)  # where a fused optimizer wants to find it
        optimizer = torch.optim.Adam(network.parameters(), lr=rate, betas=betas, fused=fused)
        return self.fabric.setup(network, optimizer)

    def finish(self, finished: Path) -> float:
        """Train to the last step, save model and curve under `finished`, and return samples per second of training.

        Raises:
            RuntimeError: a loss is not finite. It is noticed with the next row of the curve or checkpoint, so up to
                `validate_every` or `checkpoint_every` steps late, whichever is less, and before either is written.
        """
        self._resume()
        progress = Progress(f"train {self.task.card.method}", self.settings.steps - self.step, "steps")
        seconds, samples = 0.0, 0
        while self.step < self.settings.steps:
            started = time.perf_counter()
            samples += self.one_step()
            self.step += 1
            last = self.step == self.settings.steps
            row = last or self.step % self.settings.validate_every == 0
            checkpoint = not last and self.step % self.settings.checkpoint_every == 0
            if row or checkpoint:
                self._read_losses()  # which a GPU has to end its steps for, so that their time counts
            seconds += time.perf_counter() - started
            if row:
                self._write_row()
            if checkpoint:
                self._save_checkpoint()
            progress.step(note=f", {samples / seconds:.1f} samples/s")
        self._save(finished)
        return samples / seconds if samples else 0.0

    def one_step(self) -> int:
        """Update every network once; return the number of samples seen."""
        settings = self.settings
        rate = settings.learning_rate * settings.gamma ** sum(self.step >= m for m in settings.milestones)
        for group in (group for optimizer in self.optimizers() for group in optimizer.param_groups):
            group["lr"] = rate
        batches = [self._batch(self.step * settings.accumulate + part) for part in range(settings.accumulate)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.step_seed)  # dropout does not depend on what ran before
            self.update(batches)
        self.averaged.update(first=self.step == 0)
        return sum(len(b.tiles) for b in batches)

    @property
    def step_seed(self) -> int:
        """Seed of whatever a step draws."""
        return self.task.seed * 1_000_003 + self.step

    def _batch(self, number: int) -> Batch:
        return self._assembled(number) if self._ahead is None else self._ahead(number)

    def _assembled(self, number: int) -> Batch:
        """Return a batch on the device, which its number decides."""
        task, settings = self.task, self.settings
        weights = task.training.weights if settings.tile_weights else None
        numbers, epoch = sample_order(len(task.training), settings.batch, task.seed, number, weights)
        crop = None
        if settings.crop:
            crop = RandomCrop(settings.crop, np.random.default_rng([task.seed, number, 5]))
        # epoch 0 is evaluation's choice of frames
        return with_filled_target(task.training.batch(numbers, epoch + 1, crop, self.fabric.device))

    def backward(self, terms: dict[str, Tensor]) -> None:
        """Add the gradient of the sum of some losses, and keep the losses for the curve."""
        loss = sum(terms.values(), start=torch.zeros(()))
        self.fabric.backward(loss / self.settings.accumulate)
        self.record.add(self.step, terms, loss)

    def _read_losses(self) -> None:
        for losses in self.record.read():
            for name, value in losses.items():
                self.sums[name] = self.sums.get(name, 0.0) + value / self.settings.accumulate

    def _write_row(self) -> None:
        since = self.step - (int(self.history[-1]["step"]) if self.history else 0)
        means = {f"loss_{name}": total / since for name, total in self.sums.items()}
        self.history.append({"step": self.step, **self._validate(), **means})
        self.sums = {}

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Return mean scores (corrected) of the averaged weights on validation chips: PSNR in dB, LPIPS, CLIPScore."""
        self.averaged.eval()
        chosen = spread_evenly(len(self.task.validation), self.settings.validate_images or len(self.task.validation))
        dates = self.settings.validate_dates or self.task.validation.settings.dates
        scores: dict[str, list[Tensor]] = {}
        for start in range(0, len(chosen), 16):
            batch = self.task.validation.batch(chosen[start : start + 16])
            with self.fabric.autocast():
                sr = self.averaged(*map(self.fabric.to_device, batch.seen(dates)))
            sr = sr.float().clamp(0, 1).cpu()
            scores.setdefault("val_psnr", []).append(psnr(sr, batch.hr, "corrected", batch.hr_valid))
            if self.task.judge is not None:
                scores.setdefault("val_lpips", []).append(
                    lpips(sr, batch.hr, "corrected", batch.hr_valid, self.task.judge)
                )
            if self.task.clip_judge is not None:
                scores.setdefault("val_clipscore", []).append(
                    clipscore(sr, batch.hr, "corrected", batch.hr_valid, self.task.clip_judge)
                )
        return {name: float(torch.cat(values).mean()) for name, values in scores.items()}

    def _save_checkpoint(self) -> None:
        """Write the whole state beside the last checkpoint, then take its place."""
        state = {name: part.state_dict() for name, part in self.networks().items()}
        partial = self.task.folder / f"{CHECKPOINT}.partial"
        torch.save({"step": self.step, "history": self.history, "sums": self.sums, **state}, partial)
        os.replace(partial, self.task.folder / CHECKPOINT)

    def _resume(self) -> None:
        path = self.task.folder / CHECKPOINT
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.fabric.device, weights_only=True)
        for name, part in self.networks().items():
            part.load_state_dict(state[name])
        self.step, self.history, self.sums = state["step"], state["history"], state["sums"]

    def _save(self, finished: Path) -> None:
        partial = finished.with_name("finished.partial")
        shutil.rmtree(partial, ignore_errors=True)
        model = cast(SuperResolver, self.averaged.module)
        model.card = replace(self.task.card, scores={"validation PSNR (corrected), dB": self.history[-1]["val_psnr"]})
        save_model(model, partial)
        pd.DataFrame(self.history).to_csv(partial / "curve.csv", index=False, float_format="%.6g")
        write_live_metrics(partial / "live", self.history)
        os.replace(partial, finished)
        (self.task.folder / CHECKPOINT).unlink(missing_ok=True)


def write_live_metrics(folder: Path, history: list[dict[str, float]]) -> None:
    """Write a curve in DVCLive's form, for `dvc plots` and the editors that read it."""
    from dvclive import Live

    with Live(dir=str(folder), save_dvc_exp=False, dvcyaml=None) as live:
        for row in history:
            live.step = int(row["step"])
            for name in sorted(set(row) - {"step"}):
                live.log_metric(name.replace("_", "/", 1), row[name], timestamp=False)
            live.make_summary()
