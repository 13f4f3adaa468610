"""What stands beside the methods in the main table and is none: images that went through the autoencoder.

No latent method can give back what the autoencoder loses, so HR that went through it is their ceiling. Bicubic that
went through it shows what the same loss does to an image without detail.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd
import torch
from torch import Tensor

from satsr.common.code import fingerprint
from satsr.common.device import all_digits, best_device
from satsr.common.paths import DataFolders
from satsr.data.data_set import DataSet
from satsr.data.pairs import Batch
from satsr.evaluation.data_set_table import BICUBIC_DECODED, HR_DECODED
from satsr.evaluation.evaluate import clip, full_names, score_images, scored_once, trained_models
from satsr.evaluation.settings import EvaluateSettings
from satsr.models.autoencoder import Autoencoder
from satsr.models.diffusers_files import network_digest, open_autoencoder
from satsr.models.superresolver import other_networks

BICUBIC = "bicubic"


def score_references(data: DataSet, settings: EvaluateSettings) -> dict[str, pd.DataFrame]:
    """Score every reference on a data set's test split, with the profile's autoencoder; finished ones are kept.

    Args:
        data: of three bands in and out, which the autoencoder takes.
        settings: metrics, protocols and batch size.

    Returns:
        name in `satsr.evaluation.data_set_table.REFERENCES` -> table, see `Evaluation`; their seed is 0.

    Raises:
        FileNotFoundError: no autoencoder.
        FloatingPointError: a score is not finite.
    """
    folder = data.here.latent / "autoencoder"
    autoencoder, names = open_autoencoder(folder).to(best_device()), full_names(data.here, settings.metrics)
    made_from, code = (
        {"autoencoder": network_digest(folder)},
        fingerprint({__name__, *data.code}, other_networks(BICUBIC)),
    )
    found = {}
    for name, source in _sources(data).items():
        what = f"{data.name} {name}"
        images = partial(_through, autoencoder, source)
        make = partial(score_images, images, data.pairs["test"], settings, 0, what, names)
        found[name] = scored_once(make, data, settings, what, names, {**made_from, "reference": name}, code).scores
    return found


def save_references(scores: dict[str, pd.DataFrame], folders: DataFolders) -> None:
    """Write the references' scores beside the methods', which must be there already."""
    for name, table in scores.items():
        table.to_parquet(folders.results / "scores" / f"{name}.parquet", index=False)


def _sources(data: DataSet) -> dict[str, Callable[[Batch], Tensor]]:
    """Return what goes through the autoencoder: (N, 3, H, W) in [0, 1] of a batch."""
    ((_, bicubic),) = trained_models(BICUBIC, [0], data.folders, data.pairs["test"])
    return {
        HR_DECODED: lambda batch: batch.hr,
        BICUBIC_DECODED: lambda batch: clip(bicubic(*batch.seen()))[0],
    }


@torch.inference_mode()
def _through(autoencoder: Autoencoder, source: Callable[[Batch], Tensor], batch: Batch) -> tuple[Tensor, Tensor]:
    all_digits()
    return clip(autoencoder(source(batch).to(best_device()))[1])
