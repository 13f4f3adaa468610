"""What a task network is given of every place: LR, outputs or features of a method, or HR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import best_device
from satsr.data.data_set import DataSet
from satsr.data.dates import median_of_valid
from satsr.data.pairs import Pairs
from satsr.evaluation.evaluate import trained_models
from satsr.evaluation.in_batches import of_every_place, outputs, series
from satsr.models.features import Features
from satsr.models.superresolver import SuperResolver, other_networks
from satsr.perception.identity import weights_digest
from satsr.studies.downstream.settings import parts_of

BICUBIC = "bicubic"


@dataclass(frozen=True)
class Images:
    """What a task network is given.

    Attributes:
        of: by split, (N, C, h, w); of HR's size, or smaller by a whole number.
        model: the generator whose features learn with the task network; None for all other inputs.
    """

    of: dict[str, Tensor]
    model: SuperResolver | None = None


@dataclass(frozen=True)
class Inputs:
    """Makes inputs by name; outputs of a method are made once and kept for every task.

    Attributes:
        data: the data set, with the dates that the methods take.
        seeds: of each method's trainings.
    """

    data: DataSet
    seeds: dict[str, Sequence[int]]

    def training(self, name: str, seed: int) -> int:
        """Return which training of its method an input takes for a seed: in turn; 0 where nothing was trained."""
        trained = self.seeds.get(parts_of(name)[1], (0,))
        return trained[seed % len(trained)]

    def made(self, name: str, training: int) -> Images:
        """Return an input.

        Args:
            name: as in settings, see `parts_of`.
            training: from `training`.

        Raises:
            FileNotFoundError: the method has not been trained.
        """
        kind, method = parts_of(name)
        if method:
            return self._of_method(kind, method, training)
        make = {
            "LR": lambda pairs: self._outputs(self._model(BICUBIC, 0), pairs),
            "LR native": lambda pairs: of_every_place(pairs, lambda batch: median_of_valid(batch.lr)),
            "LR stacked": lambda pairs: _enlarged(series(pairs), pairs.scale),
            "HR": lambda pairs: of_every_place(pairs, lambda batch: batch.hr),
        }[kind]
        return Images({split: make(pairs) for split, pairs in self.data.pairs.items()})

    def made_from(self, name: str, training: int) -> dict[str, str]:
        """Return what decides an input, beside the data: its name, and the weights of its method."""
        method = parts_of(name)[1]
        return {"input": name, **({"weights": weights_digest(self._model(method, training))} if method else {})}

    def _of_method(self, kind: str, method: str, training: int) -> Images:
        model, every = self._model(method, training), self.data.pairs.items()
        if kind == "tuned features":
            of = {split: series(pairs) for split, pairs in every}
            return Images(of, model)
        if kind == "features":
            return Images({split: _features(model, pairs) for split, pairs in every})
        of = {split: self._outputs(model, pairs) for split, pairs in every}
        if kind == "SR and LR":
            lr = self.made("LR", 0).of
            of = {split: torch.cat((images, lr[split]), dim=1) for split, images in of.items()}
        return Images(of)

    def _model(self, method: str, training: int) -> SuperResolver:
        ((_, model),) = trained_models(method, [training], self.data.folders, self.data.pairs["test"])
        return model

    def _outputs(self, model: SuperResolver, pairs: Pairs) -> Tensor:
        """Return the outputs of a model, rounded to 8 bits, made once."""
        made_from = {
            "weights": weights_digest(model),
            "method": model.card.method,
            "data": self.data.digest,
            "pairs": pairs.settings.model_dump(mode="json", exclude_defaults=True),
            "places": pairs.tiles,
        }
        code = fingerprint({__name__, *self.data.code}, other_networks(model.card.method))
        folder = scratch_folder(self.data.folders.scratch / "outputs", model.card.method, key_of(made_from, code))

        def write(partial: Path) -> None:
            partial.mkdir(parents=True)
            images = outputs(model, pairs)
            np.save(partial / "images.npy", (255 * images).round().to(torch.uint8).numpy())

        make_once(folder / "finished", write)
        return torch.from_numpy(np.load(folder / "finished" / "images.npy")).float() / 255


def _enlarged(images: Tensor, scale: int) -> Tensor:
    return nn.functional.interpolate(images, scale_factor=scale, mode="bicubic", align_corners=False)


@torch.no_grad()  # not inference mode: task networks learn from these
def _features(model: SuperResolver, pairs: Pairs) -> Tensor:
    device = best_device()
    look = Features(model).to(device).eval()
    return of_every_place(pairs, lambda batch: look(batch.lr.flatten(1, 2).to(device)).cpu())
