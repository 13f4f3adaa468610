"""A finished training is found again by what it was made from, and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet, main_data
from satsr.data.manifest import write_manifest
from satsr.data.settings import PairSettings
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.training.settings import TrainSettings
from satsr.training.train import Trained, train
from tests.training.test_train import RGB, TINY, five_places

SHORT: dict[str, Any] = {**TINY, "losses": {"l1": 1.0}, "steps": 1}


class MoreTrainSettings(TrainSettings):
    """Settings as a later version may have them."""

    patience: int = 5


class MorePairSettings(PairSettings):
    """Settings as a later version may have them."""

    clearest_first: bool = False


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """A data set on which one training is finished."""
    found = five_places(tmp_path)
    assert is_new(trained(found))
    return found


def trained(
    data: DataSet,
    settings: TrainSettings | None = None,
    seed: int = 0,
    pairs: PairSettings | None = None,
    start_from: SuperResolver | None = None,
    only: dict[str, frozenset[str]] | None = None,
) -> Trained:
    """Train with what is given in place of the usual, on the data set opened anew."""
    opened = replace(main_data(data.here, pairs or PairSettings(dates=3)), only=only or {})
    return train("esrgan", settings or TrainSettings(**SHORT), seed, opened, start_from)


def is_new(run: Trained) -> bool:
    return run.samples_per_s > 0


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"settings": TrainSettings(**SHORT, accumulate=1, gamma=0.5)},
        {"settings": MoreTrainSettings(**SHORT)},
        {"pairs": PairSettings(dates=3, seed=0, bands=("tci",))},
        {"pairs": MorePairSettings(dates=3)},
    ],
    ids=["the same", "defaults said", "a new option at its default", "a pair's defaults said", "a pair's new option"],
)
def test_the_same_inputs_find_it(same: dict[str, Any], data: DataSet) -> None:
    first, again = trained(data), trained(data, **same)
    assert not is_new(again)
    assert again.curve.equals(first.curve)
    weights = first.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in again.model.state_dict().items())


def test_where_a_profile_lies_does_not_matter(data: DataSet, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name in ("data", "scratch", "results"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    moved = main_data(Workspace(tmp_path / "elsewhere", data.here.profile), PairSettings(dates=3))
    assert not is_new(trained(moved))


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"settings": TrainSettings(**{**SHORT, "steps": 2})},
        {"settings": TrainSettings(**SHORT, ema=0.5)},
        {"settings": TrainSettings(**{**SHORT, "network": {**TINY["network"], "num_grow_ch": 6}})},
        {"settings": TrainSettings(**SHORT, validate_images=2)},
        {"settings": MoreTrainSettings(**SHORT, patience=6)},
        {"pairs": PairSettings(dates=2)},
        {"pairs": PairSettings(dates=3, seed=1)},
        {"pairs": MorePairSettings(dates=3, clearest_first=True)},
        {"only": {"train": frozenset({"0_0", "16_0"})}},
        {"start_from": SuperResolver(ModelCard("esrgan", dict(TINY["network"]), 3, RGB, RGB, 4), seed=7)},
    ],
    ids=lambda given: ", ".join(given),
)
def test_other_inputs_train_anew_and_leave_it_where_it_is(other: dict[str, Any], data: DataSet) -> None:
    assert is_new(trained(data, **other))
    assert not is_new(trained(data, **other))
    assert not is_new(trained(data))


def test_other_files_train_anew(data: DataSet) -> None:
    write_manifest(data.folders, {**data.manifest, "digest": "other"})
    assert is_new(trained(data))
