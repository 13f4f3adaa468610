"""Score a model on a split of pairs: one value per image, metric and protocol."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import all_digits, best_device
from satsr.common.paths import DataFolders, Workspace
from satsr.common.progress import Progress
from satsr.data.data_set import DataSet
from satsr.data.pairs import Batch, Pairs
from satsr.evaluation.settings import EvaluateSettings
from satsr.metrics.facts import find_metric, split_name
from satsr.metrics.networks import network_of
from satsr.metrics.scoring import score
from satsr.metrics.set_distances import pooled_features
from satsr.models.files import load_model
from satsr.models.latent_diffusion import LatentDiffusion
from satsr.models.methods import find_method
from satsr.models.superresolver import ModelCard, SuperResolver, other_networks
from satsr.perception.identity import weights_digest
from satsr.perception.load import load_trunk
from satsr.perception.roles import LOSS, network_name
from satsr.perception.trunk import Trunk

Images = Callable[[Batch], tuple[Tensor, Tensor]]


def trained_models(
    method: str, seeds: Sequence[int], folders: DataFolders, pairs: Pairs
) -> list[tuple[int, SuperResolver]]:
    """Return a method's models by seed, on the fastest device; one, for seed 0, when it has nothing to train.

    Args:
        method: a name in `METHODS`.
        seeds: of the trained models.
        folders: of the data set that they learned from; a fusion that looks through a network takes the profile's.
        pairs: tell dates, bands and scale of a method without weights.
    """
    device = best_device()
    if find_method(method).learns:
        models = [(seed, load_model(folders.models / method / f"seed-{seed}").to(device)) for seed in seeds]
        for _, model in models:
            if isinstance(model.network, LatentDiffusion) and model.network.fusion.distance == "lpips":
                model.network.look_through(load_trunk(network_name(folders.here, "trunk", LOSS)))
        return models
    card = ModelCard(method, {}, pairs.settings.dates, pairs.bands_in, pairs.bands_out, pairs.scale)
    return [(0, SuperResolver(card).to(device).eval())]


@torch.inference_mode()
def super_resolve(model: SuperResolver, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return the outputs for a batch, clipped to [0, 1], and the share of values that clipping changed.

    In float32 with all its digits, so that machines agree as well as they can.

    Returns:
        sr (N, C, H, W) on the CPU, and clipped share (N,).
    """
    all_digits()
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    return clip(model(*batch.seen().to(device)))


def clip(raw: Tensor) -> tuple[Tensor, Tensor]:
    """Return images (N, C, H, W) on the CPU, clipped to [0, 1], and the share of values that this changed (N,)."""
    raw = raw.float().cpu()
    clipped = ((raw < 0) | (raw > 1)).float().mean(dim=(1, 2, 3))
    return raw.clamp(0, 1), clipped


@dataclass(frozen=True)
class Evaluation:
    """What scoring a model leaves.

    Attributes:
        scores: one row per image, metric and protocol: tile, region, metric, protocol, value, clipped_share, seed,
            flattered (whether the metric's network also sat in a loss of the model).
        outputs: the images, rounded to 8 bits, (N, C, H, W).
        features: of every output, (N, D), for distances between sets; None without a trunk for them.
    """

    scores: pd.DataFrame
    outputs: NDArray[np.uint8]
    features: NDArray[np.float32] | None = None

    def save(self, folder: Path) -> None:
        """Write everything to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.scores.to_parquet(folder / "scores.parquet", index=False)
        np.save(folder / "outputs.npy", self.outputs)
        if self.features is not None:
            np.save(folder / "features.npy", self.features)

    @classmethod
    def load(cls, folder: Path) -> Evaluation:
        """Read what `save` wrote."""
        features = folder / "features.npy"
        return cls(
            pd.read_parquet(folder / "scores.parquet"),
            np.load(folder / "outputs.npy"),
            np.load(features) if features.is_file() else None,
        )


def evaluate(
    model: SuperResolver,
    pairs: Pairs,
    settings: EvaluateSettings,
    seed: int,
    what: str,
    names: Mapping[str, str] | None = None,
    trunk: Trunk | None = None,
) -> Evaluation:
    """Score a model on every pair of a split, with evaluation's fixed choice of frames.

    Args:
        model: the super-resolver, on any device.
        pairs: the split.
        settings: metrics, protocols and batch size.
        seed: the training seed, kept as a column.
        what: name for the progress lines.
        names: the metrics' full names, from `full_names`; needed where a role stands for a network.
        trunk: gives the features of the outputs.

    Raises:
        FloatingPointError: a score is not finite.
    """
    names = names or {name: name for name in settings.metrics}
    of_losses = flattered(model, names)
    return score_images(partial(super_resolve, model), pairs, settings, seed, what, names, trunk, of_losses)


def score_images(
    images: Images,
    pairs: Pairs,
    settings: EvaluateSettings,
    seed: int,
    what: str,
    names: Mapping[str, str],
    trunk: Trunk | None = None,
    of_losses: Collection[str] = (),
) -> Evaluation:
    """Score what is put beside the targets of a split, whatever made it.

    Args:
        images: returns, for a batch, images (N, C, H, W) in [0, 1] and the share of clipped values (N,).
        pairs: see `evaluate`, down to `trunk`.
        settings: metrics, protocols and batch size.
        seed: a column of the scores.
        what: name for the progress lines.
        names: the metrics' full names.
        trunk: gives the features of the images.
        of_losses: metrics that are flattered, see `Evaluation`.

    Raises:
        FloatingPointError: a score is not finite.
    """
    progress = Progress(f"score {what}", len(pairs), "images")
    tables, features, outputs = [], [], []
    for numbers, batch in pairs.batches(settings.batch):
        sr, clipped = images(batch)
        tables.append(_score_batch(sr, clipped, batch, settings, names))
        outputs.append((255 * sr).round().to(torch.uint8).numpy())
        if trunk is not None:
            features.append(pooled_features(trunk, sr))
        progress.step(len(numbers))
    table = pd.concat(tables, ignore_index=True).assign(seed=seed)
    lost = table[~np.isfinite(table.value)]
    if len(lost):
        first = lost.iloc[0]
        raise FloatingPointError(f"{what}: {len(lost)} scores are not finite, first {first.metric} of {first.tile}")
    table["flattered"] = table.metric.isin(of_losses)
    return Evaluation(table, np.concatenate(outputs), np.concatenate(features) if features else None)


def evaluate_once(
    model: SuperResolver,
    data: DataSet,
    settings: EvaluateSettings,
    seed: int,
    what: str,
    names: Mapping[str, str],
    trunk: Trunk | None,
) -> Evaluation:
    """Return what `evaluate` does on a data set's test split, or what it did with the same model, data and code.

    Args:
        model: see `evaluate`, down to `trunk`.
        data: the data set; it keeps finished work, so that a long evaluation can be interrupted.
        settings: metrics, protocols and batch size.
        seed: the training seed.
        what: name for the progress lines.
        names: the metrics' full names.
        trunk: gives the features of the outputs.
    """
    card = model.card
    made_from = {
        "model": {**asdict(card), "provenance": card.provenance.get("loss_networks", {}), "scores": {}},
        "weights": weights_digest(model),
        "set_distances": trunk.digest if trunk else "",
        "seed": seed,
    }
    code = fingerprint({__name__, *data.code}, other_networks(card.method))
    make = partial(evaluate, model, data.pairs["test"], settings, seed, what, names, trunk)
    return scored_once(make, data, settings, what, names, made_from, code)


def scored_once(
    make: Callable[[], Evaluation],
    data: DataSet,
    settings: EvaluateSettings,
    what: str,
    names: Mapping[str, str],
    made_from: Mapping[str, Any],
    code: str,
) -> Evaluation:
    """Return what a scoring of a data set's test split left, or do it.

    Args:
        make: scores.
        data: see `evaluate_once`, down to `names`.
        settings: metrics, protocols and batch size.
        what: name of the scoring.
        names: the metrics' full names.
        made_from: what decides the images.
        code: fingerprint of the code that does.
    """
    asked = data.pairs["test"].settings.model_dump(mode="json", exclude_defaults=True)
    only = data.only.get("test")
    known_by = {
        **made_from,
        "data": {"digest": data.digest, "pairs": asked, **({"only": sorted(only)} if only else {})},
        "metrics": {metric: _identity(full) for metric, full in names.items()},
        "settings": {"protocols": settings.protocols, "batch": settings.batch},
    }
    folder = scratch_folder(data.folders.scratch / "evaluate", what.replace(" ", "-"), key_of(known_by, code))
    make_once(folder / "finished", lambda to: make().save(to))
    return Evaluation.load(folder / "finished")


def _identity(metric: str) -> str:
    """Return the name of a metric, with the digest of its network in place of where that is."""
    name, network = split_name(metric)
    kind = find_metric(metric).network
    return f"{name}:{network_of(kind, network).digest}" if kind else name


def full_names(here: Workspace, metrics: Sequence[str]) -> dict[str, str]:
    """Return, for each metric as settings name it (`lpips:judge`), the name that `satsr.metrics.score` takes."""
    full = {}
    for metric in metrics:
        name, network = split_name(metric)
        kind = find_metric(metric).network
        full[metric] = f"{name}:{network_name(here, kind, network)}" if kind else metric
    return full


def flattered(model: SuperResolver, names: Mapping[str, str]) -> set[str]:
    """Return the metrics whose network also sat in a loss of the model: their scores flatter it."""
    digests = set(model.card.provenance.get("loss_networks", {}).values())
    if not digests:
        return set()
    networks = {metric: (find_metric(full).network, split_name(full)[1]) for metric, full in names.items()}
    return {metric for metric, (kind, name) in networks.items() if kind and network_of(kind, name).digest in digests}


def _score_batch(
    sr: Tensor, clipped: Tensor, batch: Batch, settings: EvaluateSettings, names: Mapping[str, str]
) -> pd.DataFrame:
    tables = []
    given = {"lr": batch.lr, "valid": batch.hr_valid, "gray": "repeat" if sr.shape[1] == 1 else "error"}
    for protocol in settings.protocols:
        found = score(sr, batch.hr, list(names.values()), protocol, **given)  # type: ignore[arg-type]
        for metric, full in names.items():
            columns = {"tile": batch.tiles, "region": batch.regions, "metric": metric, "protocol": protocol}
            tables.append(pd.DataFrame({**columns, "value": found[full], "clipped_share": clipped.numpy()}))
    return pd.concat(tables, ignore_index=True)
