"""Every method on one data set, the main one or another: scores, images, and distances of sets."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satsr.common.paths import DataFolders
from satsr.data.data_set import DataSet
from satsr.evaluation.distance_table import COLUMNS, set_distance_table
from satsr.evaluation.evaluate import Evaluation, evaluate_once, full_names, trained_models
from satsr.evaluation.settings import EvaluateSettings, TableSettings
from satsr.metrics.networks import network_of
from satsr.metrics.set_distances import pooled_features
from satsr.models.diffusion.options import changed
from satsr.perception.roles import network_name
from satsr.perception.trunk import Trunk

NO_OPTIONS: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Scored:
    """What scoring methods on a data set leaves.

    Attributes:
        scores: a table of each method, all seeds, see `Evaluation`.
        outputs: images of each method, rounded to 8 bits, (seeds, N, C, H, W).
        distances: between all outputs and all targets, see `set_distance_table`; empty without a network for them.
    """

    scores: dict[str, pd.DataFrame]
    outputs: dict[str, NDArray[np.uint8]]
    distances: pd.DataFrame

    def save(self, folders: DataFolders) -> None:
        """Write scores and distances to a data set's results, images to its artifacts; earlier ones are replaced."""
        with_tables, with_images = (_emptied(folder) for folder in (folders.results / "scores", folders.outputs))
        for method, table in self.scores.items():
            table.to_parquet(with_tables / f"{method}.parquet", index=False)
            np.save(with_images / f"{method}.npy", self.outputs[method])
        for folder, partial in ((folders.results / "scores", with_tables), (folders.outputs, with_images)):
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
        self.distances.to_csv(folders.results / "set_distances.csv", index=False, float_format="%.6g")


def score_methods(
    data: DataSet,
    methods: Sequence[str],
    seeds: Mapping[str, Sequence[int]],
    settings: EvaluateSettings,
    bootstrap: TableSettings,
    options: Mapping[str, Mapping[str, Any]] = NO_OPTIONS,
) -> Scored:
    """Score methods on a data set's test split; a model that has been scored is not scored again.

    Args:
        data: the data set; its own metrics are computed beside those of the settings.
        methods: names in `METHODS`.
        seeds: of the trained models, by method.
        settings: metrics, protocols, the network of distances between sets, batch size.
        bootstrap: of the distances' intervals.
        options: method -> what of its network is changed after training.

    Raises:
        FileNotFoundError: a model is missing.
        FloatingPointError: a score is not finite.
    """
    settings = settings.model_copy(update={"metrics": (*settings.metrics, *data.settings.metrics)})
    names, test = full_names(data.here, settings.metrics), data.pairs["test"]
    trunk = _trunk(data, settings.set_distances)
    found: dict[str, dict[int, Evaluation]] = {}
    for method in methods:
        own = options.get(method, NO_OPTIONS)
        said = "".join(f" {name} {value}" for name, value in own.items())
        for seed, model in trained_models(method, seeds[method], data.folders, test):
            with changed(model.network, own):
                what = f"{data.name} {method}{said} seed {seed}"
                found.setdefault(method, {})[seed] = evaluate_once(model, data, settings, seed, what, names, trunk)
    return Scored(
        {method: pd.concat([run.scores for run in runs.values()], ignore_index=True) for method, runs in found.items()},
        {method: np.stack([run.outputs for run in runs.values()]) for method, runs in found.items()},
        _distances(data, found, trunk, settings.batch, bootstrap),
    )


def _trunk(data: DataSet, name: str) -> Trunk | None:
    """Return the network that looks at sets of images: the one that also judges single ones, where it is the same."""
    found = network_of("trunk", network_name(data.here, "trunk", name)) if name else None
    assert found is None or isinstance(found, Trunk)
    return found


def _distances(
    data: DataSet,
    found: Mapping[str, Mapping[int, Evaluation]],
    trunk: Trunk | None,
    batch: int,
    bootstrap: TableSettings,
) -> pd.DataFrame:
    test = data.pairs["test"]
    if trunk is None or len(test) < 2:
        return pd.DataFrame(columns=COLUMNS)
    features = {(m, seed): run.features for m, runs in found.items() for seed, run in runs.items()}
    targets = np.concatenate([pooled_features(trunk, part.hr) for _, part in test.batches(batch)])
    draws = max(100, bootstrap.resamples // 10)
    regions = test.index.region.to_numpy(str)
    return set_distance_table(features, targets, regions, trunk.name, bootstrap.level, draws, bootstrap.seed)  # type: ignore[arg-type]


def _emptied(folder: Path) -> Path:
    """Return an empty folder beside one, to be filled and to take its place."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial
