"""Training: the same weights whatever happens on the way, and clear stops."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from satsr.common.device import best_precision
from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.perception.identity import weights_digest
from satsr.training.loop import sample_order, with_filled_target
from satsr.training.losses import adversarial_loss, discriminator_input, pixel_losses, ssim_loss
from satsr.training.settings import TrainSettings
from satsr.training.train import train
from tests.data.making.chips import made_data_set, made_up_chip
from tests.made import warm_python

RGB = ("red", "green", "blue")
TINY = {
    "network": {"num_feat": 8, "num_block": 1, "num_grow_ch": 4},
    "discriminator": {"num_feat": 4},
    "losses": {"l1": 1.0, "gan": 0.1},
    "steps": 10,
    "gan_start": 2,
    "batch": 2,
    "validate_every": 5,
    "checkpoint_every": 2,
}


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    return five_places(tmp_path)


def five_places(root: Path) -> DataSet:
    """Return the same five places for every split, in a profile of their own."""
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(5)]
    return made_data_set(Workspace(root, "test"), {"train": chips}, PairSettings(dates=3))


def weights(data: DataSet) -> dict[str, torch.Tensor]:
    (path,) = data.folders.scratch.glob("train/*/finished/weights.safetensors")
    return load_file(path)


# Run in a process of its own, so that it can be killed as a person or a full machine would.
SCRIPT = """
import os
import sys
from pathlib import Path
import time
from satsr.common.paths import Workspace
from satsr.data.data_set import main_data
from satsr.data.settings import PairSettings
from satsr.training.loop import Loop
from satsr.training.settings import TrainSettings
from satsr.training.train import train
slow, *roots = sys.argv[1:]
Path(roots[0], "process").write_text(str(os.getpid()))
step = Loop.one_step
Loop.one_step = lambda run: (time.sleep(float(slow)), step(run))[1]
for root in roots:
    train("METHOD", TrainSettings(**SETTINGS), 3, main_data(Workspace(Path(root), "test"), PairSettings(dates=3)))
"""


def start(method: str, settings: dict, slow_s: float, warm: dict[str, str], *data: DataSet) -> subprocess.Popen:
    """Start training on some data sets, one after the other; the first one's folder holds the process's number."""
    code = SCRIPT.replace("METHOD", method).replace("SETTINGS", repr(settings))
    on_cpu = {**warm, "CUDA_VISIBLE_DEVICES": ""}  # bit-equal weights are promised there
    command = [*warm_python.python(warm), "-c", code, str(slow_s), *(str(d.here.root) for d in data)]
    return subprocess.Popen(command, env=on_cpu)


SRCNN = {**TINY, "network": {"hidden_channels": 16}, "losses": {"mse": 0.3, "l1": 0.4, "ssim": 0.3}}  # has dropout
UNET = {"widths": (8, 16), "blocks": 1, "attention": (), "dropout": 0.2, "sampling_steps": 2, "eta": 0.0}
SR3 = {**TINY, "network": UNET, "losses": {"noise_l1": 1.0}}
SIXTY = {"steps": 60, "learning_rate": 3e-3, "ema": 0.5, "checkpoint_every": 60}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "settings"),
    [(name, {**own, "crop": 16}) for name, own in (("esrgan", TINY), ("srcnn", SRCNN), ("sr3", SR3))],
)
def test_a_killed_training_goes_on_to_the_same_weights(
    method: str, settings: dict, tmp_path: Path, warm: dict[str, str]
) -> None:
    stopped, whole = (five_places(tmp_path / name) for name in ("stopped", "whole"))
    killed = start(method, settings, 0.3, warm, stopped)
    deadline = time.monotonic() + 120
    while not list(stopped.folders.scratch.glob("train/*/checkpoint.pt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.4)  # into the steps after the checkpoint, which must not count
    os.kill(int((stopped.here.root / "process").read_text()), signal.SIGKILL)
    assert killed.wait() != 0
    assert not list(stopped.folders.scratch.glob("train/*/finished")), "killed too late to show anything"
    assert start(method, settings, 0, warm, stopped, whole).wait() == 0
    resumed, uninterrupted = weights(stopped), weights(whole)
    assert resumed.keys() == uninterrupted.keys()
    assert all(torch.equal(resumed[name], uninterrupted[name]) for name in resumed)


def test_training_learns(data: DataSet) -> None:
    settings = TrainSettings(**{**TINY, "losses": {"l1": 1.0}, **SIXTY})
    curve = train("esrgan", settings, 0, data).curve
    assert curve.loss_l1.iloc[-1] < curve.loss_l1.iloc[0]
    assert curve.val_psnr.iloc[-1] > curve.val_psnr.iloc[0] + 1


def test_a_denoiser_learns(data: DataSet) -> None:
    sizes = {**UNET, "dropout": 0.0, "prediction": "clean"}
    more = {"losses": {"noise_mse": 1.0}, "crop": 16, "validate_every": 20, **SIXTY}
    curve = train("flow", TrainSettings(**{**SR3, "network": sizes, **more}), 0, data).curve
    assert curve.loss_noise_mse.iloc[-1] < 0.9 * curve.loss_noise_mse.iloc[0]
    assert curve.val_psnr.between(5, 15).all()  # of images of noise


@pytest.mark.parametrize(("method", "losses"), [("sr3", {"l1": 1.0}), ("srcnn", {"mse": 1.0, "noise_mse": 1.0})])
def test_losses_of_another_kind_of_method_are_refused(method: str, losses: dict[str, float], data: DataSet) -> None:
    with pytest.raises(ValueError, match=rf"train\.{method}\.losses: got .*, expected some of"):
        train(method, TrainSettings(**{**TINY, "losses": losses}), 0, data)


@pytest.mark.parametrize("method", ["esrgan", "srcnn"])
def test_a_split_that_fits_nowhere_gives_the_same_weights(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches that a thread reads ahead are those of a split that is held."""
    settings = TrainSettings(**{**{"esrgan": TINY, "srcnn": SRCNN}[method], "crop": 16, "accumulate": 2})
    held, read = (five_places(tmp_path / name) for name in ("held", "read"))
    train(method, settings, 0, held)
    monkeypatch.setattr("satsr.data.pairs.KEPT_BYTES", 0)
    train(method, settings, 0, read)
    first, second = weights(held), weights(read)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_card_holds_what_the_training_measured(data: DataSet) -> None:
    trained = train("esrgan", TrainSettings(**{**TINY, "steps": 2}), 0, data)
    (score,) = trained.model.card.scores.values()
    assert score == pytest.approx(trained.curve.val_psnr.iloc[-1], rel=1e-4)


def test_accumulation_sees_as_many_samples(data: DataSet) -> None:
    """Two halves of a batch give the gradient of the whole: no batch statistics, mean losses."""
    whole = TrainSettings(**{**TINY, "losses": {"l1": 1.0}, "steps": 1, "batch": 4, "precision": "32-true", "ema": 0})
    halves = whole.model_copy(update={"batch": 2, "accumulate": 2})
    models = [train("esrgan", s, 0, data).model.state_dict() for s in (whole, halves)]
    for name, value in models[0].items():
        torch.testing.assert_close(value, models[1][name], atol=2.1e-4, rtol=0)  # Adam's first step is +-lr


def test_loss_that_is_not_finite_stops_with_the_remedy(data: DataSet) -> None:
    settings = TrainSettings(**{**TINY, "losses": {"l1": 1e38}, "learning_rate": 1e30})
    with pytest.raises(RuntimeError, match=r"esrgan: the loss is .* at step \d+; lower learning_rate"):
        train("esrgan", settings, 0, data)
    assert not list(data.folders.scratch.glob("train/*/finished"))
    assert not list(data.folders.scratch.glob("train/*/checkpoint.pt")), "nothing to go on from was written since"


def test_unknown_size_stops_before_training(data: DataSet) -> None:
    settings = TrainSettings(**{**TINY, "network": {"features": 8}})
    with pytest.raises(ValueError, match=r"unknown size features; SSR_RRDBNet takes"):
        train("esrgan", settings, 0, data)


def test_every_epoch_is_a_permutation() -> None:
    seen = [sample_order(7, 3, seed=0, step=step) for step in range(6)]
    for epoch in range(3):
        numbers = [n for chosen, e in seen if e == epoch for n in chosen]
        assert len(numbers) == len(set(numbers)) == 6
    assert seen[0][0] != seen[2][0]


def test_batch_larger_than_the_set_takes_it_whole() -> None:
    assert sorted(sample_order(3, 8, seed=0, step=5)[0]) == [0, 1, 2]


def test_precision_is_what_was_asked_for() -> None:
    assert best_precision("32-true") == "32-true"
    assert best_precision() in ("32-true", "bf16-mixed")


def test_losses_against_their_definitions() -> None:
    generator = torch.Generator().manual_seed(0)
    sr, hr = torch.rand((2, 2, 3, 16, 16), generator=generator)
    terms = pixel_losses(sr, hr, {"l1": 2.0, "mse": 0.5, "gan": 1.0})
    assert set(terms) == {"l1", "mse"}
    assert terms["l1"].item() == pytest.approx(2 * (sr - hr).abs().mean().item())
    assert terms["mse"].item() == pytest.approx(0.5 * ((sr - hr) ** 2).mean().item())
    assert ssim_loss(hr, hr).item() == pytest.approx(0, abs=1e-6)
    logits = torch.tensor([0.0, 2.0])
    expected = torch.log1p(torch.exp(-logits)).mean().item()
    assert adversarial_loss(logits, real=True).item() == pytest.approx(expected)
    assert adversarial_loss(-logits, real=False).item() == pytest.approx(expected)


def test_discriminator_input_repeats_each_lr_pixel() -> None:
    lr = torch.rand(1, 2, 3, 4, 4)
    joined = discriminator_input(torch.rand(1, 3, 16, 16), lr)
    assert joined.shape == (1, 9, 16, 16)
    assert torch.equal(joined[:, 3:, ::4, ::4], lr.flatten(1, 2))
    assert torch.equal(joined[:, 3:, 3::4, 3::4], lr.flatten(1, 2))
    image, old = torch.rand(2, 1, 3, 16, 16)
    assert torch.equal(discriminator_input(image, None), image)
    assert torch.equal(discriminator_input(image, lr, old)[:, 9:], old)


def test_weights_say_how_often_a_sample_is_drawn() -> None:
    weights = np.array([1.0, 3.0, 1.0, 0.0])
    drawn = [n for step in range(4000) for n in sample_order(4, 2, seed=0, step=step, weights=weights)[0]]
    counts = np.bincount(drawn, minlength=4)
    assert counts.sum() == 8000  # two steps an epoch
    np.testing.assert_allclose(counts / 8000, [0.2, 0.6, 0.2, 0.0], atol=0.02)


def test_weighted_order_is_fixed_by_seed_and_epoch() -> None:
    weights = np.linspace(1, 2, 12)
    orders = [sample_order(12, 12, seed=seed, step=step, weights=weights) for seed in (0, 1) for step in range(3)]
    assert orders[1] == sample_order(12, 12, seed=0, step=1, weights=weights)
    assert [epoch for _, epoch in orders] == [0, 1, 2, 0, 1, 2]
    assert len({tuple(chosen) for chosen, _ in orders}) == 6
    halves = [sample_order(12, 6, seed=0, step=step, weights=weights) for step in range(2)]
    assert (halves[0][0] + halves[1][0], halves[1][1]) == orders[0]  # steps go through an epoch's draws


def test_a_target_that_is_valid_is_not_touched(data: DataSet) -> None:
    batch = data.pairs["train"].batch([0, 1])
    assert batch.hr_valid.all()
    assert with_filled_target(batch) is batch


def test_invalid_target_pixels_become_the_enlarged_median(data: DataSet) -> None:
    batch = data.pairs["train"].batch([0, 1])
    ramp = torch.linspace(0.1, 0.7, 32).expand(3, 32, 32)  # bicubic enlargement keeps straight lines
    series = torch.stack(
        [0 * ramp, 1.4 * ramp, ramp, 0.2 * ramp]
    )  # a black date, which does not count; ramp in between
    hr_valid = torch.ones_like(batch.hr_valid)
    hr_valid[0, 40:80, 20:100] = False
    given = replace(batch, lr=series.expand(2, 4, 3, 32, 32), hr_valid=hr_valid, hr_whole=False)
    filled = with_filled_target(given)
    concealed = ~hr_valid[:, None].expand_as(batch.hr)
    assert torch.equal(filled.hr[~concealed], batch.hr[~concealed])
    columns = 0.1 + 0.6 / 31 * ((torch.arange(20, 100) + 0.5) / 4 - 0.5)
    torch.testing.assert_close(filled.hr[0, :, 40:80, 20:100], columns.expand(3, 40, 80), atol=2e-3, rtol=0)
    assert torch.equal(filled.lr, given.lr)
    assert torch.equal(filled.hr_valid, hr_valid)
    assert torch.equal(batch.hr, data.pairs["train"].batch([0, 1]).hr), "the batch that was given stays as it was"


def test_a_start_from_another_model_takes_its_weights(data: DataSet) -> None:
    """Learning too slowly to move, a network ends as it was given, and its card says what that was."""
    still = TrainSettings(**{**TINY, "losses": {"l1": 1.0}, "steps": 1, "learning_rate": 1e-12, "ema": 0.0})
    other = SuperResolver(ModelCard("esrgan", dict(TINY["network"]), 3, RGB, RGB, 4), seed=7)
    found = train("esrgan", still, 0, data, other).model
    given, own = other.network.state_dict(), found.network.state_dict()
    assert own.keys() == given.keys()
    assert all(torch.allclose(own[name], given[name], atol=1e-6) for name in own)
    assert found.card.provenance["starts_from"] == {"esrgan of other data": weights_digest(other)}
    assert found.card.provenance["data_in_words"].endswith(f", {len(data.pairs['train'])} places")
    again = train("esrgan", still, 1, data, found).model
    assert again.card.provenance["starts_from"] == {"esrgan of the same data": weights_digest(found)}
