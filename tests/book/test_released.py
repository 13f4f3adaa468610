"""A run's model into the package: the global one where there is one, else one of the main data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from satsr.book.released import release_from_run
from satsr.common.paths import MAIN, Workspace
from satsr.models.files import load_model, save_model
from satsr.models.superresolver import ModelCard, SuperResolver

RGB = ("red", "green", "blue")


def model(seed: int) -> SuperResolver:
    sizes = {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}
    return SuperResolver(ModelCard("esrgan", sizes, 2, RGB, RGB, 4), seed).eval()


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    """A run that trained ESRGAN."""
    here = Workspace(tmp_path, "default")
    save_model(model(1), here.data_set(MAIN).models / "esrgan" / "seed-0")
    table = here.data_set(MAIN).results / "main.csv"
    table.parent.mkdir(parents=True)
    rows = [
        ("esrgan", "psnr", "corrected", 21.5),
        ("esrgan", "psnr", "published", 20.0),
        ("bicubic", "psnr", "corrected", 19.0),
    ]
    pd.DataFrame(rows, columns=["method", "metric", "protocol", "mean"]).to_csv(table, index=False)
    return here


def test_a_method_of_the_main_data_with_its_scores(here: Workspace) -> None:
    found = load_model(release_from_run(here.root, here, "esrgan", 0, here.root / "packaged")).card
    assert found.scores == {"psnr (test regions)": 21.5}
    assert found.provenance["released"] == "esrgan of the main data, profile default, seed 0"
    with pytest.raises(FileNotFoundError, match=r"seed-1 holds no model: run the study first"):
        release_from_run(here.root, here, "esrgan", 1, here.root / "packaged")


def test_the_global_model_comes_first(here: Workspace) -> None:
    save_model(model(2), here.artifacts / "global_model")
    found = load_model(release_from_run(here.root, here, "esrgan", 0, here.root / "packaged"))
    assert found.card.provenance["released"] == "the global model, profile default"
    assert found.card.scores == {}, "the main table's are of another training"


def test_calibrated_intervals_go_with_the_training_that_they_are_of(here: Workspace) -> None:
    rows = [("esrgan", "q80_constant", 0.01), ("esrgan", "q80_spread", 2.0), ("srcnn", "q80_constant", 0.5)]
    table = pd.DataFrame(rows, columns=["method", "name", "value"])
    table.to_csv(here.study("uncertainty") / "calibration.csv", index=False)
    save_model(model(2), here.data_set(MAIN).models / "esrgan" / "seed-1")
    found = [
        load_model(release_from_run(here.root, here, "esrgan", seed, here.root / f"packaged-{seed}")).card.on_scenes
        for seed in (0, 1)
    ]
    assert (found[0]["q80_constant"], found[0]["q80_spread"]) == (0.01, 2.0)
    assert not any(name.startswith("q80") for name in found[1])
