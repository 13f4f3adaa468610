"""The page of model cards."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from satsr.book.cards import model_cards
from satsr.common.paths import MAIN, Workspace
from satsr.models.files import save_model
from satsr.models.superresolver import ModelCard, SuperResolver

RGB = ("red", "green", "blue")


def test_a_page_of_every_trained_model(tmp_path: Path) -> None:
    here = Workspace(tmp_path, "tiny")
    folders = here.data_set(MAIN)
    assert "No trained model" in model_cards(here)
    provenance = {"data": "abc", "seed": 1, "loss_networks": {"perceptual": "123"}, "starts_from": {}}
    sizes = {"num_feat": 4, "num_block": 1, "num_grow_ch": 2}
    card = ModelCard("esrgan", sizes, 2, RGB, RGB, 4, scores={"validation PSNR": 20.5}, provenance=provenance)
    for seed in (0, 1):
        save_model(SuperResolver(card), folders.models / "esrgan" / f"seed-{seed}")
    folders.results.mkdir(parents=True)
    rows = {
        "method": "esrgan",
        "metric": ["psnr", "psnr"],
        "protocol": ["corrected", "published"],
        "mean": [22.0, 30.0],
    }
    pd.DataFrame(rows).to_csv(folders.results / "main.csv", index=False)
    page = model_cards(here)
    assert page.count("## esrgan, seed") == 2
    for fact in (
        "num_feat 4",
        "2 dates of red, green, blue",
        "perceptual `123`",
        "validation PSNR 20.500",
        "psnr 22.000",
    ):
        assert fact in page
    assert "30.000" not in page
    assert "Apache-2.0" in page


def test_models_of_other_data_sets_come_after_the_main_one_and_are_named(tmp_path: Path) -> None:
    here = Workspace(tmp_path, "tiny")
    for name, score in (("fmow", 30.0), (MAIN, 20.0)):
        folders = here.data_set(name)
        save_model(SuperResolver(ModelCard("bicubic", {}, 2, RGB, RGB, 4)), folders.models / "bicubic" / "seed-0")
        folders.results.mkdir(parents=True)
        row = {"method": ["bicubic"], "metric": "psnr", "protocol": "corrected", "mean": score}
        pd.DataFrame(row).to_csv(folders.results / "main.csv", index=False)
    first, second = model_cards(here).split("## bicubic, ")[1:]
    assert first.startswith("seed 0\n")
    assert "psnr 20.000" in first
    assert "`artifacts/tiny/data/s2naip/models/bicubic/seed-0`" in first
    assert second.startswith("fmow, seed 0\n")
    assert "psnr 30.000" in second
