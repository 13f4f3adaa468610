"""Which metric predicts use: systems, what is measured of them, and what is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from satsr.common.paths import Workspace
from satsr.common.settings import check
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.models.files import load_model, save_model
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.studies.downstream.ranking import report, systems
from satsr.studies.downstream.ranking.figures import scatter
from satsr.studies.downstream.ranking.measured import HR, Measure, Measured, finite
from satsr.studies.downstream.ranking.settings import RankingSettings
from tests.data.making.chips import made_data_set, made_up_chip
from tests.training.counting.maps import write_outlines

RGB = ("red", "green", "blue")
BOOTSTRAP = TableSettings(resamples=200)
SMALL = {"num_feat": 4, "num_block": 1, "num_grow_ch": 2}
LEARNED = {"network": {"widths": [8, 16]}, "train": {"steps": 40, "batch": 4, "crop": 64, "learning_rate": 1e-2}}


def settings(**changes: Any) -> RankingSettings:
    return check(RankingSettings, {"metrics": ["psnr", "mae"], "least_systems": 3, **changes}, "ranking")


class Bright(nn.Module):
    """A counter that takes what is bright for a building."""

    def forward(self, images: Tensor) -> Tensor:
        logits = 40 * (images.mean(dim=1, keepdim=True) - 0.6)
        return logits.repeat(1, 2, 1, 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Eight regions of a chip; houses are bright on HR, and LR shows noise alone."""
    here = Workspace(tmp_path_factory.mktemp("ranking"), "test")
    chips, corners = [], [(10, 20), (60, 80), (90, 15)]
    for number in range(8):
        hr = np.full((128, 128, 3), 90, np.uint8)
        for x, y in corners:
            hr[y : y + 12, x : x + 12] = 220
        chips.append(replace(made_up_chip(f"{16 * number}_0", seed=number), hr=hr))
    found = made_data_set(here, {"train": chips}, PairSettings(dates=3))
    for reader in found.readers.values():
        for chip in chips:
            boxes = [(float(x), float(y), float(x) + 12, float(y) + 12) for x, y in corners]
            write_outlines(reader.chips.folder, chip.tile, boxes)
    for seed in (0, 1):
        model = SuperResolver(ModelCard("esrgan", SMALL, 3, RGB, RGB, 4), seed=seed)
        save_model(model, found.folders.models / "esrgan" / f"seed-{seed}")
    return found


def kept(data: DataSet, method: str, images: np.ndarray) -> None:
    data.folders.outputs.mkdir(parents=True, exist_ok=True)
    np.save(data.folders.outputs / f"{method}.npy", images)


def test_systems_of_methods_are_what_the_evaluation_kept(data: DataSet) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 8, 3, 128, 128), np.uint8)
    kept(data, "esrgan", images)
    kept(data, "bicubic", images[:1])
    seeds = {"esrgan": (0, 1), "bicubic": (0, 1)}
    found = list(systems.of_methods(["bicubic", "esrgan"], seeds, data))
    assert [(s.name, s.family, s.learned) for s in found] == [
        ("bicubic", "bicubic", False),
        ("esrgan, seed 0", "esrgan", True),
        ("esrgan, seed 1", "esrgan", True),
    ]
    np.testing.assert_allclose(255 * found[2].made("test").numpy(), images[1], atol=1e-4)
    batch = data.pairs["train"].batch(range(8))
    with torch.inference_mode():
        wanted = load_model(data.folders.models / "esrgan" / "seed-1")(batch.lr).clamp(0, 1)
    torch.testing.assert_close(found[2].made("train"), wanted, rtol=0, atol=0.51 / 255)


def test_some_places_of_each_region_are_looked_at(data: DataSet) -> None:
    kept(
        data,
        "bicubic",
        np.arange(8, dtype=np.uint8)[None, :, None, None, None] * np.ones((1, 8, 3, 128, 128), np.uint8),
    )
    tiles = data.pairs["test"].tiles
    some = replace(data, only={"test": frozenset((tiles[2], tiles[5]))})
    (bicubic,) = systems.of_methods(["bicubic"], {}, some)
    assert (255 * bicubic.made("test")[:, 0, 0, 0]).round().tolist() == [2, 5]
    assert systems.some_places(data, 0) is data


def test_the_first_places_of_each_region_are_taken(tmp_path: Path) -> None:
    tiles = ("0_0", "1_0", "2_0", "16_0")  # three of one region, one of another
    chips = {"train": [made_up_chip(tile) for tile in tiles]}
    both = made_data_set(Workspace(tmp_path, "test"), chips, PairSettings(dates=3))
    assert both.pairs["test"].index.region.nunique() == 2
    assert sorted(systems.some_places(both, 2).pairs["test"].tiles) == ["0_0", "16_0", "1_0"]
    assert sorted(systems.some_places(both, 2).pairs["train"].tiles) == sorted(tiles)


def test_equal_images_have_a_finite_psnr() -> None:
    rng = np.random.default_rng(0)
    exact = rng.uniform(0, 1, 100_000)
    rounded = -10 * np.log10(np.mean((exact - np.round(255 * exact) / 255) ** 2))
    assert finite(np.array([np.inf, 30.0])).tolist() == [pytest.approx(rounded, abs=0.05), 30.0]


def test_fewer_dates_are_the_median_of_so_many(data: DataSet) -> None:
    (one,) = systems.of_dates([1], data)
    batch = data.seen_as(PairSettings(dates=1), "test").batch(range(8))
    wanted = torch.nn.functional.interpolate(batch.lr[:, 0], scale_factor=4, mode="bicubic").clamp(0, 1)
    torch.testing.assert_close(one.made("test"), wanted, rtol=0, atol=0.51 / 255)


def test_faults_grow_with_their_strength_and_change_nothing_where_they_cannot_be_made(data: DataSet) -> None:
    hr = data.pairs["test"].batch(range(8)).hr
    weak, strong, gone = systems.of_faults({"blur": [1.0, 3.0], "missing_objects": [1.0]}, data)
    errors = [float((system.made("test") - hr).square().mean()) for system in (weak, strong)]
    assert 0 < errors[0] < errors[1]
    assert weak.family == strong.family == "blur"
    torch.testing.assert_close(gone.made("test"), hr, rtol=0, atol=0.51 / 255)  # one object is too few
    with pytest.raises(ValueError, match="got fog, expected some of blur"):
        list(systems.of_faults({"fog": [1.0]}, data))


def test_of_equal_trainings_one_is_a_system(data: DataSet) -> None:
    first, other = (load_model(data.folders.models / "esrgan" / f"seed-{seed}") for seed in (0, 1))
    three, one = PairSettings(dates=3), PairSettings(dates=1)
    studies = [
        systems.Variants("a", {"x": {0: first}, "y": {0: other}}, {"x": three, "y": three}),
        systems.Variants("b", {"z": {0: first}, "w": {0: first}}, {"z": three, "w": one}),
    ]
    names = [system.name for system in systems.of_variants(studies, data)]
    assert names == ["a: x, seed 0", "a: y, seed 0", "b: w, seed 0"]


def systems_of(found: Measured, asked: RankingSettings) -> pd.DataFrame:
    return report.systems_table(found, report.scores_of(found, asked), BOOTSTRAP)


def taus_of(found: Measured, asked: RankingSettings, able: bool = True) -> pd.DataFrame:
    return report.taus_table(found, report.scores_of(found, asked), asked, BOOTSTRAP, able)


@pytest.fixture(scope="module")
def measured(data: DataSet) -> Measured:
    faults = {"blur": [1.0, 2.0, 4.0, 8.0], "noise": [0.02, 0.1]}
    ranked = [*systems.of_faults(faults, data)]
    return Measure(data, settings(), Bright().eval(), "iou 0.5").of(ranked)


def test_a_system_is_worth_what_is_measured_of_it(measured: Measured, data: DataSet) -> None:
    table = systems_of(measured, settings())
    wide = table.pivot_table(index="system", columns="what", values="value", sort=False)
    assert wide.loc["blur 1", report.FOUND] == 1
    assert wide.loc["blur 8", report.FOUND] < 0.5
    hr, blurred = (measured.found[measured.found.system == name] for name in (HR, "blur 1"))
    assert hr.found.tolist() == blurred.found.tolist() == [3] * 8
    images = next(systems.of_faults({"noise": [0.02]}, data)).made("test")
    mae = float((images - data.pairs["test"].batch(range(8)).hr).abs().mean())
    assert wide.loc["noise 0.02", "mae"] == pytest.approx(mae, rel=1e-4)
    assert scatter(table, settings()) is not None
    assert report.systems_as_text(table).shape == (6, 5)


def test_tau_turns_the_sign_of_errors(measured: Measured) -> None:
    taus = report.taus_table(
        measured, report.scores_of(measured, settings()), settings(), BOOTSTRAP, able=True
    ).set_index("metric")
    assert (taus.systems == 6).all()
    assert (taus.families == 2).all()
    assert taus.tau["mae"] > 0  # a lower error, and more found
    assert taus.learned_systems.eq(0).all()
    text = report.taus_as_text(taus.reset_index(), {"psnr": 0.8})
    assert text["agrees with the stand-in"].tolist() == ["80.0 %", "not asked"]
    assert text["tau, trained systems"].tolist() == ["nothing to order"] * 2


def test_nothing_is_concluded_from_a_counter_that_cannot_judge_or_from_few_systems(measured: Measured) -> None:
    for asked, able in ((settings(), False), (settings(least_systems=7), True)):
        taus = taus_of(measured, asked, able)
        assert set(taus.verdict) == {report.TOO_FEW}
        assert report.verdict_sentence(taus) == f"{report.FOUND}: {report.TOO_FEW}"


def test_networks_that_learn_on_outputs_are_a_use_and_are_trained_once(
    data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = settings(learned=LEARNED)
    ranked = [*systems.of_faults({"blur": [1.0], "noise": [0.9]}, data)]
    found = Measure(data, asked, Bright().eval(), "iou 0.5").of(ranked)
    iou = systems_of(found, asked).query("what == @report.LEARNED").set_index("system").value
    assert iou["blur 1"] > iou["noise 0.9"] + 0.1
    assert set(taus_of(found, asked, True).use) == {
        report.FOUND,
        report.LEARNED,
    }
    monkeypatch.setattr(Measure, "_counted", lambda *_: pytest.fail("trained again"))
    again = Measure(data, asked, Bright().eval(), "iou 0.5").of(ranked)
    pd.testing.assert_frame_equal(again.learned, found.learned)


def test_a_system_without_an_image_of_every_place_is_refused(data: DataSet) -> None:
    few = systems.System("few", "few", False, lambda split: torch.rand(3, 3, 128, 128))
    with pytest.raises(ValueError, match="few: got 3 images, expected 8, one a place"):
        Measure(data, settings(), Bright().eval(), "iou 0.5").of([few])


def test_where_no_score_is_a_number_no_figure_is_drawn() -> None:
    rows = [("a", "x", True, report.FOUND, np.nan, np.nan, np.nan), ("a", "x", True, "psnr", 20.0, np.nan, np.nan)]
    assert scatter(pd.DataFrame(rows, columns=report.SYSTEMS), settings()) is None


def test_where_nothing_is_known_nothing_is_said() -> None:
    nothing = Measured.none()
    assert systems_of(nothing, settings()).empty
    taus = taus_of(nothing, settings(), able=False)
    assert report.verdict_sentence(taus) == NOT_RUN
    assert report.taus_as_text(taus, {}).empty
    assert scatter(systems_of(nothing, settings()), settings()) is None


def test_a_verdict_names_what_predicts_first() -> None:
    rows = [
        ("psnr", -0.5, -0.8, -0.1),
        ("lpips:judge", 0.6, 0.2, 0.8),
        ("ssim", 0.1, -0.2, 0.4),
        ("cpsnr", 0.7, 0.3, 0.9),
    ]
    words = {"psnr": "misleads", "ssim": "not shown"}
    taus = pd.DataFrame(rows, columns=["metric", "tau", "low", "high"]).assign(use="a use")
    taus["verdict"] = [words.get(name, "predicts") for name in taus.metric]
    assert report.verdict_sentence(taus) == (
        "a use: predicts: cpsnr (+0.70 [+0.30, +0.90]), lpips:judge (+0.60 [+0.20, +0.80]); "
        "misleads: psnr (-0.50 [-0.80, -0.10]); not shown: ssim (+0.10 [-0.20, +0.40])"
    )


def test_agreement_with_people_is_that_of_the_chosen_judge() -> None:
    rows = [("psnr", 0.7, "corrected"), ("clipscore:resnet", 0.9, "corrected"), ("clipscore:vit8", 0.8, "corrected")]
    table = pd.DataFrame([*rows, ("psnr", 0.2, "published")], columns=["metric", "agreement", "protocol"])
    found = report.agreement_of(table, "resnet", ("psnr", "clipscore:judge", "ssim"))
    assert found == {"psnr": 0.7, "clipscore:judge": 0.9}


def test_a_system_of_other_places_is_refused(data: DataSet) -> None:
    """What learns on it would get the labels of other places."""
    fewer = replace(data)
    fewer.__dict__["pairs"] = {"train": data.pairs["train"].only(frozenset(data.pairs["train"].tiles[:3]))}
    (one,) = systems.of_dates([1], fewer)
    with pytest.raises(ValueError, match="s2naip, train: got other places with 1 dates, expected the same"):
        one.made("train")
