"""A short training of a generator by L1 on pairs: true ones, or as a control such whose HR is of another place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import best_device
from satsr.common.minimize import minimize
from satsr.data.data_set import DataSet
from satsr.evaluation.in_batches import of_every_place, series
from satsr.models.files import load_model, save_model
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.training.dense import crops
from satsr.training.dense_settings import DenseSettings


def pretrained(data: DataSet, card: ModelCard, seed: int, shuffled: bool, settings: DenseSettings) -> SuperResolver:
    """Return a generator that learned on pairs, made once.

    True and shuffled pairs are learned from the same first weights, in the same order, by the same crops and turns:
    what differs is which HR stands beside a series.

    Args:
        data: whose training places they are.
        card: of the generator.
        seed: of the first weights and of the order.
        shuffled: whether a series gets the HR of the place that lies half a split away.
        settings: length, crops and learning rate.

    Raises:
        RuntimeError: the loss is not finite.
    """
    made_from = {
        "method": card.method,
        "network": card.network,
        "data": data.digest,
        "pairs": data.settings.pairs.model_dump(mode="json", exclude_defaults=True),
        "train": settings.model_dump(mode="json"),
        "seed": seed,
        "shuffled": shuffled,
    }
    what = f"{card.method}-{'shuffled-pairs' if shuffled else 'pairs'}"
    key = key_of(made_from, fingerprint({__name__, *data.code}))
    folder = scratch_folder(data.folders.scratch / "pretrained", what, key) / "finished"

    def learn(partial: Path) -> None:
        places = data.pairs["train"]
        seen, wanted = series(places), of_every_place(places, lambda batch: batch.hr)
        model = SuperResolver(replace(card, provenance={}), seed=seed)
        partners = wanted.roll(len(wanted) // 2, 0) if shuffled else wanted
        with torch.enable_grad():  # whoever asks may only want to look
            _fit(f"{what}, seed {seed}", model, seen, partners, settings)
        save_model(model, partial)

    make_once(folder, learn)
    return load_model(folder)


def _fit(what: str, model: SuperResolver, images: Tensor, wanted: Tensor, settings: DenseSettings) -> None:
    device = best_device()

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng([settings.seed, step])
        seen, asked = crops(images, wanted, (), settings, rng)
        made = model(seen.unflatten(1, (model.card.dates, -1)).to(device))
        return (made.float() - asked.to(device)).abs().mean()

    minimize(what, model, loss, settings.steps, settings.learning_rate)
