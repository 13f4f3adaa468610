"""Training by denoising: a network learns what to take away from a noisy target (Ho et al., 2020, algorithm 1)."""

from __future__ import annotations

from torch import Tensor

from satsr.data.pairs import Batch
from satsr.models.superresolver import SuperResolver
from satsr.training.loop import Loop, Task
from satsr.training.losses import denoising_losses


class DenoiserTraining(Loop):
    """Trains the network of a sampling method."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.generator.mark_forward_method("denoise")

    def update(self, batches: list[Batch]) -> None:
        """Update the network."""
        for number, batch in enumerate(batches):
            seed = self.step_seed * self.settings.accumulate + number
            self.backward(self._losses(self.generator, batch, seed))
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _losses(self, model: SuperResolver, batch: Batch, seed: int) -> dict[str, Tensor]:
        seen = batch.seen()
        with self.fabric.autocast():  # which Fabric gives `forward` only
            output, wanted = model.denoise(seen, batch.hr, seed)
        return denoising_losses(output.float(), wanted, {str(k): v for k, v in self.settings.losses.items()})
