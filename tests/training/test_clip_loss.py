"""The CLIP loss, alone and in a training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.metrics.clipscore import clipscore
from satsr.perception.roles import folder_of
from satsr.training.clip_loss import ClipLoss
from satsr.training.settings import TrainSettings
from satsr.training.train import train
from tests.data.making.chips import made_data_set, made_up_chip
from tests.metrics.metric_images import noisy, texture
from tests.models.small_networks import save_small_clip, small_clip
from tests.training.test_train import TINY

HR = torch.stack([texture(n, size=(64, 64))[0] for n in range(3)])
SR = noisy(HR, seed=1)


@pytest.mark.parametrize("distance", ["l1", "cosine"])
def test_it_is_nothing_for_the_target_itself_and_pulls_an_output_towards_it(distance: str) -> None:
    loss = ClipLoss(small_clip(0), distance)
    assert float(loss(HR, HR)) == pytest.approx(0, abs=1e-6)
    sr = SR.clone().requires_grad_()
    before = loss(sr, HR)
    before.backward()
    assert sr.grad is not None
    assert float(loss(SR - 1e-3 * sr.grad / sr.grad.abs().max(), HR)) < float(before.detach())
    assert all(p.grad is None for p in loss.clip.parameters())


def test_the_cosine_is_what_clipscore_measures() -> None:
    clip = small_clip(0)
    expected = 1 - clipscore(SR, HR, "corrected", None, clip).mean()
    assert float(ClipLoss(clip, "cosine")(SR, HR)) == pytest.approx(float(expected), abs=1e-6)


def test_l1_is_the_papers_on_features_of_length_one() -> None:
    clip = small_clip(0)
    found, wanted = (F.normalize(clip.model.encode_image(clip.preprocess(x)).float(), dim=1) for x in (SR, HR))
    expected = (found - wanted).abs().mean() * found.shape[1] ** 0.5
    assert float(ClipLoss(clip, "l1")(SR, HR)) == pytest.approx(float(expected), abs=1e-6)


def test_features_of_a_target_are_computed_once_where_it_has_a_name() -> None:
    clip, seen = small_clip(0), []
    loss = ClipLoss(clip)
    clip.model.visual.register_forward_hook(lambda module, given, output: seen.append(len(given[0])))
    first = loss(SR, HR, ("a", "b", "c"))
    assert seen == [3, 3]
    torch.testing.assert_close(loss(SR, HR, ("a", "b", "c")), first)
    assert seen == [3, 3, 3]  # of the outputs only
    torch.testing.assert_close(loss(SR.flip(0), HR.flip(0), ("c", "b", "a")), first)
    loss(SR[:2], HR[:2], ("a", "new"))
    assert seen[-1] == 1
    loss(SR, HR)
    assert seen[-2:] == [3, 3]


def test_one_band_is_repeated() -> None:
    loss = ClipLoss(small_clip(0))
    gray = HR[:, :1]
    torch.testing.assert_close(loss(SR[:, :1], gray), loss(SR[:, :1].expand(-1, 3, -1, -1), gray.expand(-1, 3, -1, -1)))


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    here = Workspace(tmp_path, "test")
    save_small_clip(3, folder_of(here, "clip", "loss"))
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(5)]
    return made_data_set(here, {"train": chips}, PairSettings(dates=3))


WITH_CLIP = {**TINY, "losses": {"l1": 1.0, "clip": 0.5}, "steps": 4, "crop": 0}


def test_a_training_learns_by_it_and_says_so(data: DataSet) -> None:
    settings = TrainSettings(**WITH_CLIP, validate_clip="loss")
    run = train("esrgan", settings, 0, data)
    assert {"loss_clip", "val_clipscore"} <= set(run.curve.columns)
    assert (run.curve.loss_clip > 0).all()
    clip = small_clip(3)
    assert run.model.card.provenance["loss_networks"]["clip"] == clip.digest
    without = train("esrgan", TrainSettings(**{**WITH_CLIP, "losses": {"l1": 1.0}}), 0, data)
    ours, plain = (r.model.network.state_dict() for r in (run, without))
    assert any(not torch.equal(ours[name], plain[name]) for name in ours)
    assert "loss_clip" not in without.curve


def test_the_curve_has_the_score_of_the_model_that_is_left(data: DataSet) -> None:
    run = train("esrgan", TrainSettings(**WITH_CLIP, validate_clip="loss"), 0, data)
    batch = data.pairs["val"].batch(range(len(data.pairs["val"])))
    with torch.inference_mode():
        sr = run.model(*batch.seen()).float().clamp(0, 1)
    expected = clipscore(sr, batch.hr, "corrected", batch.hr_valid, small_clip(3)).mean()
    assert run.curve.val_clipscore.iloc[-1] == pytest.approx(float(expected), abs=1e-4)


def test_another_loss_network_is_another_training(data: DataSet) -> None:
    train("esrgan", TrainSettings(**WITH_CLIP), 0, data)
    assert train("esrgan", TrainSettings(**WITH_CLIP), 0, data).samples_per_s == 0  # found finished
    save_small_clip(4, folder_of(data.here, "clip", "loss"))
    assert train("esrgan", TrainSettings(**WITH_CLIP), 0, data).samples_per_s > 0


def test_what_samples_cannot_be_trained_by_it(data: DataSet) -> None:
    with pytest.raises(ValueError, match="got clip, noise_l1"):
        train("sr3", TrainSettings(losses={"noise_l1": 1.0, "clip": 1.0}, steps=1), 0, data)
