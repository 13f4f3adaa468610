"""Training by the images that come out: content losses, and a discriminator where the losses ask for one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from satsr.data.pairs import Batch
from satsr.models.object_discriminator import ObjectDiscriminator, cut_out
from satsr.models.superresolver import build_discriminator
from satsr.training.clip_loss import ClipLoss
from satsr.training.loop import Loop, Task
from satsr.training.losses import adversarial_loss, discriminator_input, pixel_losses
from satsr.training.perceptual import PerceptualLoss, sharpen


class ImageTraining(Loop):
    """Trains a network that maps dates to an image."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.discriminator: nn.Module | None = None
        if self.settings.losses.get("gan"):
            sees = self.settings.discriminator_sees
            network = build_discriminator(task.card, dict(self.settings.discriminator), task.seed + 1, sees)
            self.discriminator, self.discriminator_optimizer = self.prepared(network)
        self.objects: ObjectGame | None = None
        if self.settings.losses.get("objects"):
            self.objects = ObjectGame(self)
        self.perceptual: PerceptualLoss | None = None
        if self.settings.losses.get("perceptual"):
            assert task.trunk is not None, "the caller opens the trunk that the settings name"
            trunk = task.trunk.to(self.fabric.device).to(memory_format=torch.channels_last)
            self.perceptual = PerceptualLoss(trunk, self.settings.perceptual.layers)
        self.clip: ClipLoss | None = None
        if self.settings.losses.get("clip"):
            assert task.clip is not None, "the caller opens the CLIP that the settings name"
            self.clip = ClipLoss(task.clip.to(self.fabric.device), self.settings.clip.distance)

    def networks(self) -> dict[str, Any]:
        """Return everything that a checkpoint holds."""
        found = super().networks()
        if self.discriminator is not None:
            found |= {"discriminator": self.discriminator, "d_optimizer": self.discriminator_optimizer}
        if self.objects is not None:
            found |= {"object_discriminator": self.objects.network, "o_optimizer": self.objects.optimizer}
        return found

    def optimizers(self) -> list[Any]:
        """Return everything that follows the learning rate."""
        found = [self.optimizer]
        if self.discriminator is not None:
            found.append(self.discriminator_optimizer)
        if self.objects is not None:
            found.append(self.objects.optimizer)
        return found

    def update(self, batches: list[Batch]) -> None:
        """Update the generator, then the discriminator."""
        adversarial = self.step >= self.settings.gan_start
        generated = self._update_generator(batches, adversarial)
        if adversarial and self.discriminator is not None:
            self._update_discriminator(batches, generated)
        if adversarial and self.objects is not None:
            self.objects.learn(batches, generated)

    def _update_generator(self, batches: list[Batch], adversarial: bool) -> list[Tensor]:
        generated = []
        for judge in (self.discriminator, self.objects.network if self.objects is not None else None):
            if judge is not None:
                judge.requires_grad_(False)
        for batch in batches:
            sr = self.generator(batch.lr, batch.dt_days).float()
            terms = self._content_losses(sr, batch)
            if adversarial and self.discriminator is not None:
                # the discriminator sees plain targets, so the generator is not asked to sharpen beyond them
                logits = self._judged(sr, batch)
                terms["gan"] = self.settings.losses["gan"] * adversarial_loss(logits.float(), real=True)
            if adversarial and self.objects is not None:
                terms |= self.objects.asked(sr, batch)
            self.backward(terms)
            generated.append(sr.detach())
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return generated

    def _judged(self, image: Tensor, batch: Batch) -> Tensor:
        """Return the discriminator's logits of images, with what it sees beside them."""
        assert self.discriminator is not None
        sees = self.settings.discriminator_sees
        given = batch.lr if "lr" in sees else None, batch.old_hr if "old_hr" in sees else None
        return self.discriminator(discriminator_input(image, *given))

    def _content_losses(self, sr: Tensor, batch: Batch) -> dict[str, Tensor]:
        target = sharpen(batch.hr) if self.settings.sharpen else batch.hr
        terms = pixel_losses(sr, target, {str(k): v for k, v in self.settings.losses.items()})
        if self.perceptual is not None:
            with self.fabric.autocast():
                terms["perceptual"] = self.settings.losses["perceptual"] * self.perceptual(sr, target)
        if self.clip is not None:
            # a whole chip without a hole is the same target in every epoch
            same = batch.hr_whole and not self.settings.crop
            with self.fabric.autocast():
                terms["clip"] = self.settings.losses["clip"] * self.clip(sr, target, batch.tiles if same else None)
        return terms

    def _update_discriminator(self, batches: list[Batch], generated: list[Tensor]) -> None:
        assert self.discriminator is not None
        self.discriminator.requires_grad_(True)
        for batch, sr in zip(batches, generated, strict=True):
            for image, real in ((batch.hr, True), (sr, False)):
                logits = self._judged(image, batch)
                loss = adversarial_loss(logits.float(), real)
                self.backward({"d_real" if real else "d_fake": loss})
        self.discriminator_optimizer.step()
        self.discriminator_optimizer.zero_grad(set_to_none=True)


class ObjectGame:
    """The discriminator of objects: what is in the boxes of a place is real in HR and generated in an output.

    Source: Zooming Out, A.5.1 and its code, of which `form: published` keeps two faults: generated objects are called
    real, and no logit can be negative.

    Args:
        loop: the training that it belongs to.
    """

    def __init__(self, loop: ImageTraining) -> None:
        self.loop, self.weight = loop, loop.settings.losses["objects"]
        self.published = loop.settings.objects.form == "published"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(loop.task.seed + 2)
            network = ObjectDiscriminator(loop.settings.objects.num_feat, positive=self.published)
        self.network, self.optimizer = loop.prepared(network)

    def asked(self, sr: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return what the generator is asked for: that its objects pass for real ones; nothing without objects."""
        logits = self._judged(sr, batch)
        return {} if logits is None else {"objects": self.weight * adversarial_loss(logits, real=True)}

    def learn(self, batches: list[Batch], generated: list[Tensor]) -> None:
        """Learn to tell the objects of HR from those of outputs."""
        self.network.requires_grad_(True)
        for batch, sr in zip(batches, generated, strict=True):
            for image, real in ((batch.hr, True), (sr, False)):
                logits = self._judged(image, batch)
                if logits is not None:
                    loss = adversarial_loss(logits, real or self.published)
                    self.loop.backward({"o_real" if real else "o_fake": loss})
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _judged(self, images: Tensor, batch: Batch) -> Tensor | None:
        assert batch.boxes is not None, "the caller asks for data with objects"
        found = cut_out(images, batch.boxes)
        return self.network(found).float() if len(found) else None
