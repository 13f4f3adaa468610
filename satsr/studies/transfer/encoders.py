"""Vectors of places: of the pixels alone, of a generator's features, or of a CLIP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.common.device import best_device
from satsr.data.data_set import DataSet
from satsr.data.dates import median_of_valid
from satsr.data.pairs import Batch
from satsr.evaluation.evaluate import super_resolve, trained_models
from satsr.evaluation.in_batches import of_every_place
from satsr.models.features import Features
from satsr.models.superresolver import SuperResolver
from satsr.perception.load import load_clip
from satsr.perception.roles import network_name
from satsr.studies.transfer.pretraining import pretrained
from satsr.studies.transfer.settings import EncoderSettings
from satsr.training.dense_settings import DenseSettings


def moments(maps: Tensor) -> Tensor:
    """Return mean and standard deviation of every channel over an image: (N, K, h, w) to (N, 2 K)."""
    return torch.cat((maps.mean(dim=(2, 3)), maps.std(dim=(2, 3))), dim=1)


class GeneratorEncoder(nn.Module):
    """Moments of a generator's features.

    Args:
        model: whose features they are.
    """

    def __init__(self, model: SuperResolver) -> None:
        super().__init__()
        self.features = Features(model)

    def forward(self, lr: Tensor) -> Tensor:
        """Return vectors of series with their dates as channels (N, T * C, h, w)."""
        return moments(self.features(lr))


@dataclass(frozen=True)
class Encoders:
    """Makes the vectors of places.

    Attributes:
        data: the data set, with the dates that the methods take.
        seeds: of each method's trainings.
        pretrain: of generators that learn here, on pairs.
    """

    data: DataSet
    seeds: dict[str, Sequence[int]]
    pretrain: DenseSettings = field(default_factory=DenseSettings)

    def training(self, encoder: EncoderSettings, seed: int) -> int:
        """Return which training of a method a seed of the study takes: in turn; 0 where nothing was trained."""
        trained = self.seeds.get(encoder.method or encoder.seen_method, (0,))
        return trained[seed % len(trained)]

    @torch.no_grad()
    def encode(self, encoder: EncoderSettings, training: int, split: str) -> Tensor:
        """Return the vectors of all places of a split, (N, D).

        Args:
            encoder: what looks.
            training: from `training`; of a generator without, the seed of its first weights.
            split: its name.

        Raises:
            FileNotFoundError: the method, or the CLIP, has not been trained.
        """
        pairs, device = self.data.pairs[split], best_device()
        if encoder.kind == "generator":
            look = self.generator(encoder, training).to(device).eval()
            return of_every_place(pairs, lambda batch: look(batch.lr.flatten(1, 2).to(device)).cpu())
        see = self._sight(encoder, training)
        if encoder.kind == "pixels":
            return of_every_place(pairs, lambda batch: moments(see(batch)))
        clip = load_clip(network_name(self.data.here, "clip", encoder.network)).to(device).eval()

        def embedded(batch: Batch) -> Tensor:
            return clip.embed_images(_enlarged(see(batch), batch.hr.shape[-2:]).to(device), encoder.preprocess).cpu()

        return of_every_place(pairs, embedded)

    def generator(self, encoder: EncoderSettings, training: int) -> GeneratorEncoder:
        """Return the network of a generator's vectors, which may learn on."""
        model = self._model(encoder.method, training)
        if encoder.weights == "first":
            model = SuperResolver(replace(model.card, provenance={}), seed=training)
        elif encoder.weights != "study":
            model = pretrained(self.data, model.card, training, encoder.weights == "shuffled pairs", self.pretrain)
        return GeneratorEncoder(model)

    def _model(self, method: str, training: int) -> SuperResolver:
        ((_, model),) = trained_models(method, [training], self.data.folders, self.data.pairs["test"])
        return model

    def _sight(self, encoder: EncoderSettings, training: int) -> Callable[[Batch], Tensor]:
        """Return what makes the images that are seen (N, 3, H, W), or (N, 3, h, w) of LR's median date."""
        if encoder.sees == "LR":
            return lambda batch: median_of_valid(batch.lr)
        if encoder.sees == "HR":
            return lambda batch: batch.hr
        model = self._model(encoder.seen_method, training)
        return lambda batch: super_resolve(model, batch)[0]


def _enlarged(images: Tensor, size: torch.Size) -> Tensor:
    """Return true colour in a size (H, W); what has it stays as it is."""
    if images.shape[-2:] == size:
        return images
    return F.interpolate(images[:, :3], size=size, mode="bicubic", align_corners=False).clamp(0, 1)
