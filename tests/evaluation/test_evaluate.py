"""Scoring a model on a set: one value per image, metric and protocol, clipping recorded, nothing lost silently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from satsr.common.paths import MAIN, Workspace
from satsr.data.data_set import main_data
from satsr.data.manifest import write_manifest
from satsr.data.pairs import Pairs
from satsr.data.readers.probav import ProbaV
from satsr.data.settings import PairSettings
from satsr.evaluation.evaluate import Evaluation, evaluate, evaluate_once, full_names, super_resolve, trained_models
from satsr.evaluation.outputs import load_outputs
from satsr.evaluation.settings import EvaluateSettings
from satsr.metrics.lpips import lpips
from satsr.metrics.psnr import psnr
from satsr.metrics.set_distances import pooled_features
from satsr.models.superresolver import ModelCard
from satsr.perception.load import load_trunk
from satsr.perception.roles import folder_of, save_judges
from satsr.perception.trunk import save_trunk
from tests.data.making.chips import made_data_set, made_up_chip, written
from tests.made import make_probav
from tests.models.small_networks import small_trunk, trunk_card

CHIPS = [made_up_chip(f"{32 * n}_0", seed=n) for n in range(5)]
THREE_DATES = PairSettings(dates=3)


class Constant(nn.Module):
    """Stands for a model: the same value everywhere; its losses held networks of these digests."""

    def __init__(self, value: float, loss_networks: dict[str, str] | None = None) -> None:
        super().__init__()
        self.register_buffer("value", torch.tensor(value))
        bands = ("red", "green", "blue")
        self.card = ModelCard("srcnn", {}, 3, bands, bands, 4, provenance={"loss_networks": loss_networks or {}})

    def forward(self, lr: Tensor, dt_days: Tensor, place: Tensor, day: Tensor) -> Tensor:
        return self.value.expand(len(lr), 3, 128, 128)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A profile with a trunk for losses and another that judges."""
    here = Workspace(tmp_path, "tiny")
    for seed, name in enumerate(("loss", "alex")):
        save_trunk(small_trunk(seed), trunk_card(seed), folder_of(here, "trunk", name))
    save_judges(here, {"trunk": "alex"}, {})
    return here


@pytest.fixture
def pairs(tmp_path: Path) -> Pairs:
    return Pairs(written(tmp_path / "set", CHIPS), THREE_DATES)


def test_one_row_per_image_metric_and_protocol_whatever_the_batch(pairs: Pairs) -> None:
    ((_, model),) = trained_models("bicubic", [0, 1], Workspace(Path("unused"), "none").data_set(MAIN), pairs)
    tables = [evaluate(model, pairs, EvaluateSettings(batch=size), 0, "bicubic").scores for size in (2, 5)]
    assert len(tables[0]) == 5 * 3 * 2
    key = ["metric", "protocol", "tile"]
    small, large = (t.sort_values(key).reset_index(drop=True) for t in tables)
    assert small[key].equals(large[key])
    assert small.value.to_numpy() == pytest.approx(large.value.to_numpy(), abs=1e-6)
    assert set(small.tile) == set(pairs.tiles)


def test_values_are_those_of_the_metric_on_the_set(pairs: Pairs) -> None:
    settings = EvaluateSettings(metrics=("psnr",), protocols=("corrected",))
    table = evaluate(Constant(0.5), pairs, settings, 7, "constant").scores.set_index("tile")
    for number, tile in enumerate(pairs.tiles):
        hr = pairs.pair(number).hr[None]
        assert table.value[tile] == pytest.approx(float(psnr(torch.full_like(hr, 0.5), hr, "corrected")))
    assert set(table.seed) == {7}
    assert not table.flattered.any()


def test_metrics_keep_the_names_of_the_settings_and_networks_of_a_loss_flatter(
    pairs: Pairs, workspace: Workspace
) -> None:
    settings = EvaluateSettings(metrics=("psnr", "lpips:judge", "lpips:loss"), protocols=("corrected",))
    names = full_names(workspace, settings.metrics)
    trunk = load_trunk(folder_of(workspace, "trunk", "loss"))
    model = Constant(0.5, {"trunk": trunk.digest})
    table = evaluate(model, pairs, settings, 0, "constant", names).scores
    assert table.groupby("metric", sort=False).flattered.all().to_dict() == {
        "psnr": False,
        "lpips:judge": False,
        "lpips:loss": True,
    }
    hr = pairs.pair(0).hr[None]
    expected = lpips(torch.full_like(hr, 0.5), hr, "corrected", None, trunk)
    found = table[(table.metric == "lpips:loss") & (table.tile == pairs.tiles[0])].value
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_role_is_the_network_that_plays_it(workspace: Workspace) -> None:
    assert full_names(workspace, ("psnr", "lpips:judge", "clipscore:RN50/openai")) == {
        "psnr": "psnr",
        "lpips:judge": f"lpips:{folder_of(workspace, 'trunk', 'alex')}",
        "clipscore:RN50/openai": "clipscore:RN50/openai",
    }


def test_features_of_the_outputs_are_kept_when_asked_for(pairs: Pairs) -> None:
    settings = EvaluateSettings(metrics=("psnr",), batch=2)
    assert evaluate(Constant(0.5), pairs, settings, 0, "constant").features is None
    trunk = small_trunk(0)
    features = evaluate(Constant(0.5), pairs, settings, 0, "constant", trunk=trunk).features
    expected = pooled_features(trunk, torch.full((5, 3, 128, 128), 0.5))
    np.testing.assert_allclose(features, expected, rtol=1e-5)


@pytest.mark.parametrize(("value", "clipped", "shown"), [(1.5, 1.0, 1.0), (-0.5, 1.0, 0.0), (0.25, 0.0, 0.25)])
def test_clipping_is_done_and_recorded(pairs: Pairs, value: float, clipped: float, shown: float) -> None:
    sr, share = super_resolve(Constant(value), pairs.batch([0, 1]))
    assert share.tolist() == [clipped, clipped]
    assert sr.unique().tolist() == [shown]


def test_an_output_that_is_not_a_number_is_refused(pairs: Pairs) -> None:
    with pytest.raises(ValueError, match=r"(?i)nan|finite"):
        evaluate(Constant(float("nan")), pairs, EvaluateSettings(), 0, "broken")


@pytest.fixture
def once(workspace: Workspace) -> Callable[..., Evaluation]:
    """Evaluate a model that gives one value everywhere, with finished work kept."""
    made_data_set(workspace, {"test": CHIPS}, THREE_DATES)

    def run(
        model: Constant | None = None,
        digest: str = "a",
        pairs: PairSettings = THREE_DATES,
        seed: int = 0,
        trunk: int | None = 0,
        only: frozenset[str] = frozenset(),
        **settings: Any,
    ) -> Evaluation:
        data = replace(main_data(workspace, pairs), only={"test": only} if only else {})
        write_manifest(data.folders, {**data.manifest, "digest": digest})
        asked = EvaluateSettings(**{"metrics": ("psnr",), "protocols": ("corrected",), **settings})
        names = full_names(workspace, asked.metrics)
        eye = None if trunk is None else small_trunk(trunk)
        return evaluate_once(model or Constant(0.5), data, asked, seed, "constant", names, eye)  # type: ignore[arg-type]

    return run


def remarked() -> Constant:
    """Return the model with a card that says more of how it came about."""
    model = Constant(0.5)
    model.card = replace(model.card, scores={"psnr": 30.0}, provenance={**model.card.provenance, "seed": 5})
    return model


class MorePairSettings(PairSettings):
    """Settings as a later version may have them."""

    clearest_first: bool = False


def test_a_scored_model_is_not_scored_again(once: Any, capsys: pytest.CaptureFixture[str]) -> None:
    first = once()
    assert "score constant" in capsys.readouterr().err
    again = once()
    assert capsys.readouterr().err == ""
    pd.testing.assert_frame_equal(again.scores, first.scores)
    assert again.features is not None
    np.testing.assert_array_equal(again.features, first.features)
    np.testing.assert_array_equal(again.outputs, first.outputs)


@pytest.mark.parametrize(
    "same",
    [
        {"model": remarked()},
        {"pairs": PairSettings(dates=3, seed=0, bands=("tci",))},
        {"pairs": MorePairSettings(dates=3)},
        {"set_distances": "alex"},  # what it stands for is given as the network itself
    ],
    ids=["remarks on the card", "a default that is said", "a new option at its default", "a name"],
)
def test_what_changes_no_score_finds_it_again(
    same: dict[str, Any], once: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    once()
    capsys.readouterr()
    once(**same)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "change",
    [
        {"model": Constant(0.25)},
        {"model": Constant(0.5, {"x": "1"})},
        {"metrics": ("ssim",)},
        {"metrics": ("psnr", "ssim")},
        {"protocols": ("published",)},
        {"batch": 2},
        {"digest": "b"},
        {"pairs": PairSettings(dates=2)},
        {"pairs": PairSettings(dates=3, seed=1)},
        {"pairs": MorePairSettings(dates=3, clearest_first=True)},
        {"only": frozenset(chip.tile for chip in CHIPS[:1])},
        {"seed": 1},
        {"trunk": 1},
        {"trunk": None},
    ],
    ids=str,
)
def test_anything_else_is_scored_anew(change: dict[str, Any], once: Any, capsys: pytest.CaptureFixture[str]) -> None:
    once()
    capsys.readouterr()
    once(**change)
    assert "score constant" in capsys.readouterr().err


def test_another_network_of_the_same_name_scores_anew(
    once: Any, workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    first = once(metrics=("lpips:judge",))
    save_trunk(small_trunk(5), trunk_card(5), folder_of(workspace, "trunk", "alex"))
    capsys.readouterr()
    second = once(metrics=("lpips:judge",))
    assert "score constant" in capsys.readouterr().err
    assert not np.allclose(first.scores.value, second.scores.value)


def test_outputs_are_kept_in_8_bits(once: Any, tmp_path: Path) -> None:
    outputs = once(Constant(0.3)).outputs
    assert (outputs.shape, outputs.dtype) == ((5, 3, 128, 128), np.uint8)
    np.save(tmp_path / "constant.npy", outputs)
    assert (load_outputs(tmp_path, "constant") - 0.3).abs().max() < 0.5 / 255
    with pytest.raises(FileNotFoundError, match=r"other\.npy is missing: run the evaluate stage"):
        load_outputs(tmp_path, "other")


@pytest.mark.parametrize("protocol", ["published", "corrected"])
def test_one_band_is_repeated_for_metrics_that_look_at_color(
    protocol: Any, workspace: Workspace, tmp_path: Path
) -> None:
    gray = Pairs(ProbaV(make_probav.write(tmp_path / "probav"), "val"), PairSettings(dates=2, bands=()))
    ((_, model),) = trained_models("bicubic", [0], workspace.data_set("probav"), gray)
    settings = EvaluateSettings(metrics=("lpips:loss", "psnr"), protocols=(protocol,))
    table = evaluate(model, gray, settings, 0, "gray", full_names(workspace, settings.metrics)).scores
    batch = gray.batch(range(len(gray)))
    sr, _ = super_resolve(model, batch)
    assert sr.shape == batch.hr.shape == (len(gray), 1, 18, 24)
    color = [images.repeat(1, 3, 1, 1) for images in (sr, batch.hr)]
    trunk = load_trunk(folder_of(workspace, "trunk", "loss"))
    expected = {
        "lpips:loss": lpips(*color, protocol, batch.hr_valid, trunk),
        "psnr": psnr(sr, batch.hr, protocol, batch.hr_valid),
    }
    for metric, values in expected.items():
        found = table[table.metric == metric]
        assert found.tile.tolist() == gray.tiles
        assert found.value.to_numpy() == pytest.approx(values.numpy(), rel=1e-4)
        assert (found.value > 0).all()
