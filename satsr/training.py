"""Training of every method that learns.

A training is a function of its settings, its seed and its data. It can be stopped at any point: the next call goes on
from the last checkpoint and ends with the same weights (bit for bit on one machine's CPU).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pandas as pd

from satsr import losses, perceptual, training_loop
from satsr.data import frames, pairs
from satsr.data.pairs import Pairs
from satsr.metrics import ssim
from satsr.models import superresolver, unet_discriminator, worldstrat_blocks
from satsr.models.superresolver import ModelCard, SuperResolver, find_method, load_model
from satsr.paths import Workspace
from satsr.perception import trunk as trunk_module
from satsr.perception.load import load_trunk
from satsr.perception.roles import network_name
from satsr.precision import best_precision
from satsr.reuse import key_of, scratch_folder
from satsr.settings import TrainSettings
from satsr.training_loop import Run


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    Attributes:
        model: with the averaged (EMA) weights, on the CPU, ready for inference.
        curve: one row per validation: step, validation PSNR and the mean of every loss since the last row.
        samples_per_s: speed of this machine, 0 when the run was finished before.
        precision: what the matrix products ran in.
    """

    model: SuperResolver
    curve: pd.DataFrame
    samples_per_s: float
    precision: str


def train(
    method: str,
    settings: TrainSettings,
    seed: int,
    training: Pairs,
    validation: Pairs,
    data_digest: str,
    here: Workspace,
) -> Trained:
    """Train one method with one seed, or go on with it, or return it when it is finished.

    Args:
        method: a name in `METHODS`.
        settings: sizes, losses, steps and optimiser.
        seed: of the initial weights, the order of the samples, the frame choice and dropout.
        training: pairs to learn from.
        validation: pairs for the curve; no choice depends on them.
        data_digest: identifies the data set; work on other data is not reused.
        here: the profile's folders: unfinished work in its scratch, networks of losses in its artifacts.
    """
    trunk = None
    if settings.losses.get("perceptual"):
        trunk = load_trunk(network_name(here, "trunk", settings.perceptual.network))
    card = ModelCard(
        method=method,
        network=dict(settings.network),
        dates=training.settings.dates,
        bands_in=training.bands_in,
        bands_out=training.bands_out,
        scale=training.scale,
        provenance={
            "data": data_digest,
            "seed": seed,
            "settings": settings.model_dump(mode="json"),
            "loss_networks": {"perceptual": trunk.digest} if trunk else {},
        },
    )
    pair_settings = training.settings.model_dump(mode="json")
    network = sys.modules[find_method(method).network.__module__]
    code = (
        training_loop,
        losses,
        perceptual,
        trunk_module,
        ssim,
        superresolver,
        network,
        worldstrat_blocks,
        unet_discriminator,
        pairs,
        frames,
    )
    key = key_of({"card": card, "pairs": pair_settings}, *code)
    folder = scratch_folder(here.scratch / "train", f"{method}-{seed}", key)
    finished = folder / "finished"
    speed = 0.0
    if not finished.is_dir():
        speed = Run(card, settings, seed, training, validation, folder, trunk).finish(finished)
    return Trained(load_model(finished), pd.read_csv(finished / "curve.csv"), speed, best_precision(settings.precision))
