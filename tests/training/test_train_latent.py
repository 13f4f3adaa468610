"""Methods that start from the latent space are trained by the loop that trains all methods."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import torch

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.readers.s2naip_folder import Chip
from satsr.data.settings import PairSettings
from satsr.metrics.lpips import lpips
from satsr.metrics.psnr import psnr
from satsr.models.diffusers_files import CONFIG, Network, StartingPoint, save_network
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.perception.roles import folder_of
from satsr.perception.trunk import save_trunk
from satsr.training.denoiser import DenoiserTraining
from satsr.training.loop import Loop, Task
from satsr.training.settings import TrainSettings
from satsr.training.train import Trained, train
from tests.data.making.chips import made_data_set, made_up_chip
from tests.models.small_latents import AUTOENCODER, UNET, autoencoder_weights, prior
from tests.models.small_networks import small_trunk, trunk_card

RGB = ("red", "green", "blue")
SHORT: dict[str, Any] = {
    "network": {"prediction": "clean", "sampling_steps": 1, "spacing": "trailing"},
    "losses": {"noise_mse": 1.0},
    "steps": 4,
    "batch": 4,
    "crop": 8,
    "ema": 0.5,
    "validate_every": 2,
    "validate_images": 3,
}


CHIPS = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(5)]


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Five places for every split, in a profile with an autoencoder and a prior."""
    return with_start(Workspace(tmp_path, "test"), CHIPS)


def with_start(here: Workspace, chips: list[Chip]) -> DataSet:
    save_start(here)
    return made_data_set(here, {"train": chips}, PairSettings(dates=3))


def save_start(here: Workspace, seed: int = 0) -> None:
    save_network(Network(AUTOENCODER, autoencoder_weights(seed)), here.latent / "autoencoder")
    save_network(Network(UNET, prior(seed).state_dict()), here.latent / "prior")


def trained(method: str, data: DataSet, seed: int = 0, **changes: Any) -> Trained:
    return train(method, TrainSettings(**{**SHORT, **changes}), seed, data)


@pytest.mark.parametrize(("method", "frozen"), [("satdiffmoe", "autoencoder"), ("controlnet", "unet")])
def test_what_should_not_learn_stays_as_it_started(method: str, frozen: str, data: DataSet) -> None:
    state = trained(method, data).model.network.state_dict()
    start = {f"autoencoder.network.{name}": value for name, value in autoencoder_weights().items()}
    if frozen == "unet":
        start |= {f"unet.{name}": value for name, value in prior().state_dict().items()}
    assert all(torch.equal(state[name], value) for name, value in start.items())
    learns = "control." if method == "controlnet" else "unet."
    same = prior().state_dict()
    assert not torch.equal(state[f"{learns}time_embedding.linear_1.weight"], same["time_embedding.linear_1.weight"])


def test_training_learns(data: DataSet) -> None:
    curve = trained("satdiffmoe", data, steps=60, validate_every=20, learning_rate=3e-3).curve
    assert curve.loss_noise_mse.iloc[-1] < 0.9 * curve.loss_noise_mse.iloc[0]


def test_finished_work_is_reused_and_another_start_is_not(data: DataSet) -> None:
    first, again = (trained("satdiffmoe", data) for _ in range(2))
    assert first.samples_per_s > 0
    assert again.samples_per_s == 0
    save_start(data.here, seed=1)
    other = trained("satdiffmoe", data)
    assert other.samples_per_s > 0
    starts = [run.model.card.provenance["starts_from"] for run in (first, other)]
    assert starts[0].keys() == starts[1].keys() == {"autoencoder", "prior"}
    assert starts[0] != starts[1]


def test_a_missing_start_is_named(data: DataSet) -> None:
    (data.here.latent / "autoencoder" / CONFIG).unlink()
    with pytest.raises(FileNotFoundError, match=r"autoencoder has no config\.json"):
        trained("satdiffmoe", data)


def test_the_curve_has_the_scores_of_the_images_from_the_first_dates(data: DataSet) -> None:
    save_trunk(small_trunk(3), trunk_card(3), folder_of(data.here, "trunk", "eye"))
    judge = str(folder_of(data.here, "trunk", "eye"))
    run = trained("satdiffmoe", data, validate_network=judge, validate_dates=1, precision="32-true")
    assert set(run.curve) == {"step", "val_psnr", "val_lpips", "loss_noise_mse"}
    batch = data.pairs["val"].batch([0, 2, 4])  # three of five, spread evenly
    with torch.inference_mode():
        sr = run.model(batch.lr[:, :1], batch.dt_days[:, :1], batch.place, batch.day).clamp(0, 1)
    last = run.curve.iloc[-1]
    assert last.val_psnr == pytest.approx(psnr(sr, batch.hr, "corrected").mean().item(), rel=1e-4)
    expected = lpips(sr, batch.hr, "corrected", None, small_trunk(3)).mean().item()
    assert last.val_lpips == pytest.approx(expected, rel=1e-3)
    plain = trained("satdiffmoe", data, validate_dates=1, precision="32-true")
    assert "val_lpips" not in plain.curve
    assert plain.curve.val_psnr.tolist() == pytest.approx(run.curve.val_psnr.tolist())


@pytest.mark.parametrize("method", ["satdiffmoe", "satdiffmoe_absolute", "controlnet"])
def test_images_without_dates_teach_nothing_of_time(method: str, tmp_path: Path) -> None:
    """The relative time is 0, as if all were of HR's day; the absolute one is the same whatever HR's name tells."""
    without = [replace(chip, dates=None) for chip in CHIPS]
    other = [replace(chip, dates=(date(2020, 6, 11),) * len(chip.dates or ())) for chip in CHIPS]
    if method == "satdiffmoe_absolute":
        other = [replace(chip, uuid="no date") for chip in without]
    runs = [
        trained(method, with_start(Workspace(tmp_path / name, "test"), own))
        for name, own in (("without", without), ("other", other))
    ]
    assert all(run.samples_per_s > 0 for run in runs)  # none was taken from the other
    first, second = (run.model.network.state_dict() for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_judge_scores_anew(data: DataSet) -> None:
    curves = []
    for seed in (3, 4):
        save_trunk(small_trunk(seed), trunk_card(seed), folder_of(data.here, "trunk", "eye"))
        judge = str(folder_of(data.here, "trunk", "eye"))
        curves.append(trained("satdiffmoe", data, validate_network=judge).curve.val_lpips)
    assert curves[0].iloc[-1] != curves[1].iloc[-1]


def test_a_stopped_training_goes_on_to_the_same_weights(
    data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, pairs = StartingPoint.of(data.here.latent), data.pairs["train"]
    settings = TrainSettings(**{**SHORT, "checkpoint_every": 2, "steps": 5})
    sizes = {**SHORT["network"], "autoencoder": AUTOENCODER, "unet": UNET}
    card = ModelCard("satdiffmoe", sizes, 3, RGB, RGB, 4)

    def start(model: SuperResolver) -> None:
        model.network.start_from(base.autoencoder.weights, base.prior.weights)  # type: ignore[operator]

    def loop(name: str) -> Loop:
        (tmp_path / name).mkdir(exist_ok=True)
        return DenoiserTraining(Task(card, settings, 3, pairs, pairs, tmp_path / name, start=start))

    whole, stopped = loop("whole"), loop("stopped")
    whole.finish(tmp_path / "whole" / "finished")
    step = stopped.one_step
    monkeypatch.setattr(stopped, "one_step", lambda: step() if stopped.step < 3 else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stopped.finish(tmp_path / "stopped" / "finished")
    resumed = loop("stopped")
    resumed.finish(tmp_path / "stopped" / "finished")
    expected, found = (run.averaged.module.state_dict() for run in (whole, resumed))
    assert all(torch.equal(found[name], value) for name, value in expected.items())
