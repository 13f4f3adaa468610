"""A run's model into the package: the global one where there is one, else one of the main data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from satsr.book import released
from satsr.common.paths import MAIN, Workspace
from satsr.models.files import load_model, save_model
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.scenes.packaged import release

RGB = ("red", "green", "blue")


def model(seed: int) -> SuperResolver:
    sizes = {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}
    return SuperResolver(ModelCard("esrgan", sizes, 2, RGB, RGB, 4), seed).eval()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A run that trained ESRGAN; what is released goes to a folder of the test."""
    to = tmp_path / "packaged"
    monkeypatch.setattr(released, "release", lambda trained, facts, scores: release(trained, facts, scores, to))
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
    found = load_model(released.release_from_run(here.root, here, "esrgan", 0)).card
    assert found.scores == {"psnr (test regions)": 21.5}
    assert found.provenance["released"] == "esrgan of the main data, profile default, seed 0"
    with pytest.raises(FileNotFoundError, match=r"seed-1 holds no model: run the study first"):
        released.release_from_run(here.root, here, "esrgan", 1)


def test_the_global_model_comes_first(here: Workspace) -> None:
    save_model(model(2), here.artifacts / "global_model")
    found = load_model(released.release_from_run(here.root, here, "esrgan", 0))
    assert found.card.provenance["released"] == "the global model, profile default"
    assert found.card.scores == {}, "the main table's are of another training"
