"""Training by the images that come out: content losses, and a discriminator where the losses ask for one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from satsr.data.pairs import Batch
from satsr.models.superresolver import build_discriminator
from satsr.training.loop import Loop, Task
from satsr.training.losses import adversarial_loss, discriminator_input, pixel_losses
from satsr.training.perceptual import PerceptualLoss, sharpen


class ImageTraining(Loop):
    """Trains a network that maps dates to an image."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.discriminator: nn.Module | None = None
        if self.settings.losses.get("gan"):
            network = build_discriminator(task.card, dict(self.settings.discriminator), task.seed + 1)
            self.discriminator, self.discriminator_optimizer = self.prepared(network)
        self.perceptual: PerceptualLoss | None = None
        if self.settings.losses.get("perceptual"):
            assert task.trunk is not None, "the caller opens the trunk that the settings name"
            trunk = task.trunk.to(self.fabric.device).to(memory_format=torch.channels_last)
            self.perceptual = PerceptualLoss(trunk, self.settings.perceptual.layers)

    def networks(self) -> dict[str, Any]:
        """Return everything that a checkpoint holds."""
        if self.discriminator is None:
            return super().networks()
        beside = {"discriminator": self.discriminator, "d_optimizer": self.discriminator_optimizer}
        return {**super().networks(), **beside}

    def optimizers(self) -> list[Any]:
        """Return everything that follows the learning rate."""
        return [self.optimizer, *([self.discriminator_optimizer] if self.discriminator is not None else [])]

    def update(self, batches: list[Batch]) -> None:
        """Update the generator, then the discriminator."""
        adversarial = self.discriminator is not None and self.step >= self.settings.gan_start
        generated = self._update_generator(batches, adversarial)
        if adversarial:
            self._update_discriminator(batches, generated)

    def _update_generator(self, batches: list[Batch], adversarial: bool) -> list[Tensor]:
        generated = []
        if self.discriminator is not None:
            self.discriminator.requires_grad_(False)
        for batch in batches:
            sr = self.generator(batch.lr, batch.dt_days).float()
            terms = self._content_losses(sr, batch.hr)
            if adversarial:
                # the discriminator sees plain targets, so the generator is not asked to sharpen beyond them
                logits = self.discriminator(discriminator_input(sr, batch.lr))  # type: ignore[misc]
                terms["gan"] = self.settings.losses["gan"] * adversarial_loss(logits.float(), real=True)
            self.backward(terms)
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
                self.backward({"d_real" if real else "d_fake": loss})
        self.discriminator_optimizer.step()
        self.discriminator_optimizer.zero_grad(set_to_none=True)
