"""Rows that are no methods: images behind the autoencoder, scored as methods are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.evaluation.data_set import score_methods
from satsr.evaluation.data_set_table import BICUBIC_DECODED, HR_DECODED, NO_METHOD, data_set_table, reference_table
from satsr.evaluation.references import save_references, score_references
from satsr.evaluation.settings import EvaluateSettings, TableSettings
from satsr.metrics.psnr import psnr
from satsr.models.diffusers_files import Network, open_autoencoder, save_network
from satsr.models.superresolver import ModelCard, SuperResolver
from tests.data.making.chips import made_data_set, made_up_chip
from tests.models.small_latents import AUTOENCODER, autoencoder_weights

RGB = ("red", "green", "blue")
SETTINGS = EvaluateSettings(metrics=("psnr", "cpsnr"), batch=2)
BOOTSTRAP = TableSettings(resamples=100)


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Three places in two regions, and an autoencoder."""
    here = Workspace(tmp_path, "tiny")
    save_network(Network(AUTOENCODER, autoencoder_weights(3)), here.latent / "autoencoder")
    tiles = ("0_0", "1_0", "32_0")
    return made_data_set(
        here, {"test": [made_up_chip(tile, seed=n) for n, tile in enumerate(tiles)]}, PairSettings(dates=3)
    )


def test_scores_are_those_of_what_the_autoencoder_leaves(data: DataSet) -> None:
    found = score_references(data, SETTINGS)
    assert list(found) == [HR_DECODED, BICUBIC_DECODED]
    batch = data.pairs["test"].batch(range(3))
    autoencoder = open_autoencoder(data.here.latent / "autoencoder")
    bicubic = SuperResolver(ModelCard("bicubic", {}, 3, RGB, RGB, 4)).eval()
    with torch.inference_mode():
        sources = {HR_DECODED: batch.hr, BICUBIC_DECODED: bicubic(*batch.seen()).clamp(0, 1)}
        left = {name: autoencoder(source)[1].clamp(0, 1) for name, source in sources.items()}
    for name, table in found.items():
        assert len(table) == 3 * 2 * 2
        assert not table.flattered.any()
        scores = table[(table.metric == "psnr") & (table.protocol == "corrected")].set_index("tile").value
        expected = psnr(left[name], batch.hr, "corrected")
        assert scores.loc[list(batch.tiles)].to_numpy() == pytest.approx(expected.numpy(), rel=1e-5)


def test_they_are_scored_once_and_anew_behind_another_autoencoder(
    data: DataSet, capsys: pytest.CaptureFixture[str]
) -> None:
    first = score_references(data, SETTINGS)
    capsys.readouterr()
    again = score_references(data, SETTINGS)
    assert capsys.readouterr().err == ""
    pd.testing.assert_frame_equal(again[HR_DECODED], first[HR_DECODED])
    save_network(Network(AUTOENCODER, autoencoder_weights(4)), data.here.latent / "autoencoder")
    assert not score_references(data, SETTINGS)[HR_DECODED].value.equals(first[HR_DECODED].value)


def test_rows_stand_beside_the_main_table_and_not_in_it(data: DataSet) -> None:
    score_methods(data, ["bicubic"], {"bicubic": [0]}, SETTINGS, BOOTSTRAP).save(data.folders)
    with pytest.raises(FileNotFoundError, match=r"hr_through_autoencoder\.parquet is missing: run the evaluate stage"):
        reference_table(data.folders, BOOTSTRAP)
    save_references(score_references(data, SETTINGS), data.folders)
    main, beside = data_set_table(data.folders, ["bicubic"], BOOTSTRAP), reference_table(data.folders, BOOTSTRAP)
    assert set(main.method) == {"bicubic"}
    assert list(dict.fromkeys(beside.method)) == [HR_DECODED, BICUBIC_DECODED]
    assert list(beside.columns) == list(main.columns)
    assert beside.groupby("method").size().tolist() == [4, 4]
    assert (set(beside.seeds), set(beside.note), set(beside.regions)) == ({0}, {NO_METHOD}, {2})
    assert (beside.low <= beside["mean"]).all()
    assert (beside["mean"] <= beside.high).all()
    written = pd.read_csv(data.folders.results / "references.csv")
    pd.testing.assert_frame_equal(written, beside, rtol=1e-5, check_dtype=False)
