"""Training of every method that learns.

A training is a function of its settings, its seed and its data. It can be stopped at any point: the next call goes on
from the last checkpoint and ends with the same weights (bit for bit on one machine's CPU).
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import pandas as pd

from satsr.common.cache import key_of, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import best_precision
from satsr.common.paths import Workspace
from satsr.common.provenance import record
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.models.diffusers_files import StartingPoint
from satsr.models.files import load_model, save_model
from satsr.models.methods import find_method
from satsr.models.superresolver import ModelCard, SuperResolver, other_networks
from satsr.perception.clip import Clip
from satsr.perception.identity import weights_digest
from satsr.perception.load import load_clip, load_trunk
from satsr.perception.roles import LOSS, network_name
from satsr.perception.trunk import Trunk
from satsr.training import losses
from satsr.training.denoiser import DenoiserTraining
from satsr.training.image_training import ImageTraining
from satsr.training.loop import Loop, Task
from satsr.training.settings import TrainSettings


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
    method: str, settings: TrainSettings, seed: int, data: DataSet, start_from: SuperResolver | None = None
) -> Trained:
    """Train one method with one seed, or go on with it, or return it when it is finished.

    Args:
        method: a name in `METHODS`.
        settings: sizes, losses, steps and optimiser.
        seed: of the initial weights, the order of the samples, the frame choice and dropout.
        data: pairs to learn from, and pairs for the curve, on which no choice depends; unfinished work is in its
            scratch, networks of losses in the artifacts of its profile.
        start_from: a trained model of the same method, bands, dates and scale, whose weights the new one starts from.

    Raises:
        ValueError: a loss that the method cannot be trained with, or one that asks for what the pairs do not have.
    """
    _check_losses(method, settings)
    _check_data(method, settings, data.pairs["train"].settings)
    here, training, validation = data.here, data.pairs["train"], data.pairs["val"]
    trunk = _trunk(here, settings.perceptual.network) if settings.losses.get("perceptual") else None
    clip = _clip(here, settings.clip.network) if settings.losses.get("clip") else None
    looks: dict[str, Trunk | Clip] = {"perceptual": trunk} if trunk else {}
    if clip:
        looks["clip"] = clip
    if settings.network.get("distance") == "lpips":
        looks["fusion"] = _trunk(here, LOSS)  # which fuses where the model is used; it may judge as little as a loss
    judge = _trunk(here, settings.validate_network) if settings.validate_network else None
    clip_judge = _clip(here, settings.validate_clip) if settings.validate_clip else None
    base = StartingPoint.of(here.latent) if find_method(method).pretrained else None
    configs = {"autoencoder": base.autoencoder.config, "unet": base.prior.config} if base else {}
    card = ModelCard(
        method=method,
        network={**settings.network, **configs},
        dates=training.settings.dates,
        bands_in=training.bands_in,
        bands_out=training.bands_out,
        scale=training.scale,
        provenance={
            "data": data.digest,
            "data_in_words": f"{data.title}, {len(training)} places",
            "seed": seed,
            "settings": settings.model_dump(mode="json"),
            "loss_networks": {name: network.digest for name, network in looks.items()},
            "starts_from": {**(base.digests if base else {}), **_named(start_from, data)},
        },
    )
    judged: dict[str, Any] = {"pairs": training.settings, "judge": judge.digest if judge else ""}
    judged |= {"clip_judge": clip_judge.digest} if clip_judge else {}
    judged |= {"only": {split: sorted(tiles) for split, tiles in data.only.items()}} if data.only else {}
    folder = scratch_folder(data.folders.scratch / "train", f"{method}-{seed}", _key(card, settings, data, judged))
    finished = folder / "finished"
    speed = 0.0
    if not finished.is_dir():
        start = partial(_start, base=base, other=start_from) if base or start_from else None
        task = Task(
            card,
            settings,
            seed,
            training,
            validation,
            folder,
            start=start,
            trunk=trunk,
            judge=judge,
            clip=clip,
            clip_judge=clip_judge,
        )
        loop: Loop = DenoiserTraining(task) if find_method(method).denoises else ImageTraining(task)
        speed = loop.finish(finished)
    precision = best_precision(settings.precision, find_method(method).gpu_precision)
    return Trained(load_model(finished), pd.read_csv(finished / "curve.csv"), speed, precision)


def keep(trained: dict[int, Trained], method: str, data: DataSet) -> None:
    """Write the models of all seeds, their curves and, outside the hashed outputs, the speed of the training.

    Args:
        trained: by seed; earlier models of the method are replaced.
        method: a name in `METHODS`.
        data: the data set that they learned from.
    """
    folder, curves = data.folders.models / method, data.folders.results / "training"
    shutil.rmtree(folder, ignore_errors=True)
    for seed, run in trained.items():
        save_model(run.model, folder / f"seed-{seed}")
        run.curve.to_csv(folder / f"seed-{seed}" / "curve.csv", index=False)
    curves.mkdir(parents=True, exist_ok=True)
    together = pd.concat([run.curve.assign(seed=seed) for seed, run in trained.items()])
    together.to_csv(curves / f"{method}.csv", index=False, float_format="%.6g")
    fastest = max(trained.values(), key=lambda run: run.samples_per_s)
    if fastest.samples_per_s:
        facts = {"samples_per_s": round(fastest.samples_per_s, 1), "precision": fastest.precision}
        record(data.here.profile, f"training_{data.name}_{method}", **facts)


def _key(card: ModelCard, settings: TrainSettings, data: DataSet, judged: dict[str, Any]) -> str:
    """Return what a finished training is known by: all that it was made from, and the code that decides its weights."""
    given = replace(card, provenance={**card.provenance, "settings": settings.model_dump(exclude_defaults=True)})
    made_from = {"card": asdict(given), **judged, "pairs": judged["pairs"].model_dump(exclude_defaults=True)}
    return key_of(made_from, fingerprint({__name__, *data.code}, other_networks(card.method)))


def _trunk(here: Workspace, name: str) -> Trunk:
    return load_trunk(network_name(here, "trunk", name))


def _clip(here: Workspace, name: str) -> Clip:
    return load_clip(network_name(here, "clip", name))


def _start(model: SuperResolver, base: StartingPoint | None, other: SuperResolver | None) -> None:
    if base is not None:
        model.network.start_from(base.autoencoder.weights, base.prior.weights)  # type: ignore[operator]
    if other is not None:
        model.network.load_state_dict(other.network.state_dict())


def _named(model: SuperResolver | None, data: DataSet) -> dict[str, str]:
    """Return what a card says of the model whose weights a training starts from."""
    if model is None:
        return {}
    where = "the same data" if model.card.provenance.get("data") == data.digest else "other data"
    return {f"{model.card.method} of {where}": weights_digest(model)}


def _check_losses(method: str, settings: TrainSettings) -> None:
    known = set(losses.DENOISING_LOSSES)
    if not find_method(method).denoises:
        known = {*losses.PIXEL_LOSSES, "perceptual", "clip", "gan", "objects"}
    if not set(settings.losses) <= known:
        got, expected = (", ".join(sorted(names)) for names in (settings.losses, known))
        raise ValueError(f"train.{method}.losses: got {got}, expected some of {expected}")


def _check_data(method: str, settings: TrainSettings, pairs: PairSettings) -> None:
    """Refuse a training whose discriminators are to see what the pairs leave out."""
    if "old_hr" in settings.discriminator_sees and not pairs.old_hr:
        raise ValueError(f"train.{method}.discriminator_sees: got old_hr, expected it in the pairs: set pairs.old_hr")
    if settings.losses.get("objects") and not pairs.objects:
        raise ValueError(f"train.{method}.losses: got objects, expected boxes in the pairs: set pairs.objects")
