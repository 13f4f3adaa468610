"""One loop for every method that learns, with a discriminator beside it when the losses ask for one."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from satsr.data.pairs import Batch, Pairs
from satsr.losses import adversarial_loss, discriminator_input, pixel_losses
from satsr.metrics.psnr import psnr
from satsr.models.superresolver import ModelCard, SuperResolver, build_discriminator, save_model
from satsr.perception.trunk import Trunk
from satsr.perceptual import PerceptualLoss, sharpen
from satsr.precision import best_device, best_precision
from satsr.progress import Progress
from satsr.settings import TrainSettings

CHECKPOINT = "checkpoint.pt"


def sample_order(count: int, batch: int, seed: int, step: int) -> tuple[list[int], int]:
    """Return the samples of a step and its epoch: every epoch is a new permutation, an incomplete batch is left out.

    A batch larger than the set takes the whole set.
    """
    size = min(batch, count)
    epoch, position = divmod(step, count // size)
    order = np.random.default_rng([seed, epoch]).permutation(count)
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


class Run:
    """The state of one training, and its loop."""

    def __init__(
        self,
        card: ModelCard,
        settings: TrainSettings,
        seed: int,
        training: Pairs,
        validation: Pairs,
        folder: Path,
        trunk: Trunk | None = None,
    ) -> None:
        self.card, self.settings, self.seed, self.folder = card, settings, seed, folder
        self.training, self.validation = training, validation
        precision = best_precision(settings.precision)
        self.fabric = Fabric(accelerator=best_device().type, devices=1, precision=precision)  # type: ignore[arg-type]
        self.step = 0
        self.history: list[dict[str, float]] = []
        self.sums: dict[str, float] = {}
        model = SuperResolver(card, seed)
        if settings.start_at_mean:
            start_at_mean(model, training)
        self.generator, self.optimizer = self._prepare(model)
        averaging = get_ema_multi_avg_fn(settings.ema)
        self.averaged = AveragedModel(self.generator.module, multi_avg_fn=averaging, use_buffers=True)
        self.discriminator: nn.Module | None = None
        if settings.losses.get("gan"):
            network = build_discriminator(card, dict(settings.discriminator), seed + 1)
            self.discriminator, self.discriminator_optimizer = self._prepare(network)
        self.perceptual: PerceptualLoss | None = None
        if settings.losses.get("perceptual"):
            assert trunk is not None, "the caller opens the trunk that the settings name"
            trunk = trunk.to(self.fabric.device).to(memory_format=torch.channels_last)
            self.perceptual = PerceptualLoss(trunk, settings.perceptual.layers)
        self._resume()

    def _prepare(self, network: nn.Module) -> tuple[Any, Any]:
        network = network.to(memory_format=torch.channels_last)
        betas = self.settings.betas
        optimizer = torch.optim.Adam(network.parameters(), lr=self.settings.learning_rate, betas=betas)
        return self.fabric.setup(network, optimizer)

    def finish(self, finished: Path) -> float:
        """Train to the last step, save model and curve under `finished`, and return samples per second."""
        progress = Progress(f"train {self.card.method}", self.settings.steps - self.step, "steps")
        started, samples = time.perf_counter(), 0
        while self.step < self.settings.steps:
            samples += self.one_step()
            self.step += 1
            last = self.step == self.settings.steps
            if self.step % self.settings.validate_every == 0 or last:
                self._write_row()
            if self.step % self.settings.checkpoint_every == 0 and not last:
                self._save_checkpoint()
            speed = samples / (time.perf_counter() - started)
            progress.step(note=f", {speed:.1f} samples/s")
        self._save(finished)
        return samples / (time.perf_counter() - started) if samples else 0.0

    def one_step(self) -> int:
        """Update generator and discriminator once; return the number of samples seen."""
        settings = self.settings
        for group in self._parameter_groups():
            group["lr"] = settings.learning_rate * settings.gamma ** sum(self.step >= m for m in settings.milestones)
        batches = [self._batch(self.step * settings.accumulate + part) for part in range(settings.accumulate)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * 1_000_003 + self.step)  # dropout does not depend on what ran before
            generated = self._update_generator(batches)
        if self.discriminator is not None and self.step >= settings.gan_start:
            self._update_discriminator(batches, generated)
        self.averaged.update_parameters(self.generator.module)
        return sum(len(b.tiles) for b in batches)

    def _parameter_groups(self) -> list[dict[str, Any]]:
        other = self.discriminator_optimizer.param_groups if self.discriminator is not None else []
        return [*self.optimizer.param_groups, *other]

    def _batch(self, number: int) -> Batch:
        numbers, epoch = sample_order(len(self.training), self.settings.batch, self.seed, number)
        batch = self.training.batch(numbers, epoch + 1)  # epoch 0 is evaluation's choice of frames
        if self.settings.crop:
            batch = batch.crop(self.settings.crop, np.random.default_rng([self.seed, number, 5]))
        return replace(batch, **{k: self.fabric.to_device(getattr(batch, k)) for k in ("lr", "dt_days", "hr")})

    def _update_generator(self, batches: list[Batch]) -> list[Tensor]:
        generated = []
        adversarial = self.discriminator is not None and self.step >= self.settings.gan_start
        if self.discriminator is not None:
            self.discriminator.requires_grad_(False)
        for batch in batches:
            sr = self.generator(batch.lr, batch.dt_days).float()
            terms = self._content_losses(sr, batch.hr)
            if adversarial:
                # the discriminator sees plain targets, so the generator is not asked to sharpen beyond them
                logits = self.discriminator(discriminator_input(sr, batch.lr))  # type: ignore[misc]
                terms["gan"] = self.settings.losses["gan"] * adversarial_loss(logits.float(), real=True)
            self._backward(self.generator, sum(terms.values()), terms)
            generated.append(sr.detach())
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return generated

    def _content_losses(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        target = sharpen(hr) if self.settings.sharpen else hr
        terms = pixel_losses(sr, target, {str(k): v for k, v in self.settings.losses.items()})
        if self.perceptual is not None:
            with self.fabric.autocast():
                terms["perceptual"] = self.settings.losses["perceptual"] * self.perceptual(sr, target)
        return terms

    def _update_discriminator(self, batches: list[Batch], generated: list[Tensor]) -> None:
        assert self.discriminator is not None
        self.discriminator.requires_grad_(True)
        for batch, sr in zip(batches, generated, strict=True):
            for image, real in ((batch.hr, True), (sr, False)):
                logits = self.discriminator(discriminator_input(image, batch.lr))
                loss = adversarial_loss(logits.float(), real)
                self._backward(self.discriminator, loss, {"d_real" if real else "d_fake": loss})
        self.discriminator_optimizer.step()
        self.discriminator_optimizer.zero_grad(set_to_none=True)

    def _backward(self, network: nn.Module, loss: Any, terms: dict[str, Tensor]) -> None:
        if not torch.isfinite(loss):
            raise RuntimeError(
                f"{self.card.method}: the loss is {float(loss.detach())} at step {self.step}; lower learning_rate "
                f"or the weight of one of {', '.join(terms)}"
            )
        self.fabric.backward(loss / self.settings.accumulate)
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach()) / self.settings.accumulate

    def _write_row(self) -> None:
        since = self.step - (int(self.history[-1]["step"]) if self.history else 0)
        means = {f"loss_{name}": total / since for name, total in self.sums.items()}
        self.history.append({"step": self.step, "val_psnr": self._validate(), **means})
        self.sums = {}

    @torch.no_grad()
    def _validate(self) -> float:
        """Return the mean PSNR (corrected) of the averaged weights over the validation set, in dB."""
        self.averaged.eval()
        values = []
        for _, batch in self.validation.batches(16):
            lr, dt_days = self.fabric.to_device(batch.lr), self.fabric.to_device(batch.dt_days)
            with self.fabric.autocast():
                sr = self.averaged(lr, dt_days)
            values.append(psnr(sr.float().clamp(0, 1).cpu(), batch.hr, "corrected"))
        return float(torch.cat(values).mean())

    def _networks(self) -> dict[str, Any]:
        networks = {"generator": self.generator, "averaged": self.averaged, "optimizer": self.optimizer}
        if self.discriminator is None:
            return networks
        return {**networks, "discriminator": self.discriminator, "d_optimizer": self.discriminator_optimizer}

    def _save_checkpoint(self) -> None:
        """Write the whole state beside the last checkpoint, then take its place."""
        state = {name: part.state_dict() for name, part in self._networks().items()}
        partial = self.folder / f"{CHECKPOINT}.partial"
        torch.save({"step": self.step, "history": self.history, "sums": self.sums, **state}, partial)
        os.replace(partial, self.folder / CHECKPOINT)

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT
        if not path.is_file():
            return
        state = torch.load(path, map_location=self.fabric.device, weights_only=True)
        for name, part in self._networks().items():
            part.load_state_dict(state[name])
        self.step, self.history, self.sums = state["step"], state["history"], state["sums"]

    def _save(self, finished: Path) -> None:
        partial = finished.with_name("finished.partial")
        shutil.rmtree(partial, ignore_errors=True)
        save_model(cast(SuperResolver, self.averaged.module), partial)
        pd.DataFrame(self.history).to_csv(partial / "curve.csv", index=False, float_format="%.6g")
        write_live_metrics(partial / "live", self.history)
        os.replace(partial, finished)
        (self.folder / CHECKPOINT).unlink(missing_ok=True)


def write_live_metrics(folder: Path, history: list[dict[str, float]]) -> None:
    """Write a curve in DVCLive's form, for `dvc plots` and the editors that read it."""
    from dvclive import Live

    with Live(dir=str(folder), save_dvc_exp=False, dvcyaml=None) as live:
        for row in history:
            live.step = int(row["step"])
            for name in sorted(set(row) - {"step"}):
                live.log_metric(name.replace("_", "/", 1), row[name], timestamp=False)
            live.make_summary()
