"""The perceptual loss and the sharpened targets, alone and in a training."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.perception.roles import folder_of
from satsr.perception.trunk import save_trunk
from satsr.training.image_training import ImageTraining
from satsr.training.perceptual import PerceptualLoss, sharpen
from satsr.training.settings import TrainSettings
from satsr.training.train import train
from tests.data.making.chips import made_data_set, made_up_chip
from tests.metrics.metric_images import noisy, texture
from tests.perception.made_up_weights import study_trunk
from tests.training.test_train import TINY

LAYERS = {"conv1_2": 0.1, "conv3_2": 1.0}
HR = texture(0, size=(64, 56))
SR = noisy(HR, seed=1)


def sharpened_by_opencv(image: Tensor) -> Tensor:
    """The unsharp mask of the reference's training code, through OpenCV."""
    pixels = image.permute(1, 2, 0).numpy()
    residual = pixels - cv2.GaussianBlur(pixels, (51, 51), 0)
    mask = cv2.GaussianBlur((np.abs(residual) * 255 > 10).astype(pixels.dtype), (51, 51), 0)
    sharp = np.clip(pixels + 0.5 * residual, 0, 1)
    return torch.from_numpy(mask * sharp + (1 - mask) * pixels).permute(2, 0, 1)


@given(seed=st.integers(0, 1000), contrast=st.floats(0.1, 1))
@settings(max_examples=5, deadline=None)
def test_sharpening_is_opencvs(seed: int, contrast: float) -> None:
    """In double precision: in single, rounding decides on which side of the threshold a pixel falls now and then."""
    images = (noisy(texture(seed, size=(128, 96)), seed, sd=0.2 * contrast).double() * 255).round() / 255
    found = sharpen(images)
    for ours, image in zip(found, images, strict=True):
        torch.testing.assert_close(ours, sharpened_by_opencv(image), rtol=0, atol=1e-9)
    assert found.min() >= 0
    assert found.max() <= 1
    assert (found - images).abs().max() > 0.01


def test_sharpening_leaves_weak_contrast_alone() -> None:
    constant = torch.full((1, 3, 64, 64), 0.3)
    torch.testing.assert_close(sharpen(constant), constant, rtol=0, atol=1e-6)
    weak = constant + 9 / 255 * (torch.arange(64) % 2)  # stays within 10 levels of its surroundings
    torch.testing.assert_close(sharpen(weak), weak, rtol=0, atol=1e-6)


def test_perceptual_loss_is_a_weighted_sum() -> None:
    trunk, _ = study_trunk()
    loss = PerceptualLoss(trunk, LAYERS)
    sr, hr = trunk(SR, tuple(LAYERS)), trunk(HR, tuple(LAYERS))
    expected = sum(weight * (sr[layer] - hr[layer]).abs().mean() for layer, weight in LAYERS.items())
    torch.testing.assert_close(loss(SR, HR), expected)
    assert loss(HR, HR) == 0
    doubled = PerceptualLoss(trunk, {layer: 2 * weight for layer, weight in LAYERS.items()})
    torch.testing.assert_close(doubled(SR, HR), 2 * loss(SR, HR))


def test_only_sr_gets_a_gradient() -> None:
    trunk, _ = study_trunk()
    sr, hr = SR.clone().requires_grad_(), HR.clone().requires_grad_()
    PerceptualLoss(trunk, LAYERS)(sr, hr).backward()
    assert sr.grad is not None
    assert sr.grad.abs().max() > 0
    assert hr.grad is None
    assert all(p.grad is None for p in trunk.parameters())


@pytest.mark.parametrize("layers", [{}, {"conv1_2": 1.0, "conv5_4": 1.0}])
def test_unknown_layers_are_named(layers: dict[str, float]) -> None:
    with pytest.raises(
        ValueError, match=r"perceptual\.layers = .*, expected some of conv1_1, relu1_1, .* of study vgg"
    ):
        PerceptualLoss(study_trunk()[0], layers)


# In a training

PERCEPTUAL = TrainSettings(
    **{
        **TINY,
        "losses": {"l1": 1.0, "perceptual": 1.0, "gan": 0.1},
        "perceptual": {"layers": LAYERS},
        "sharpen": True,
        "steps": 6,
        "precision": "32-true",
    }
)


def without_network(root: Path) -> DataSet:
    """Return four places for every split, in a profile of their own."""
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(4)]
    return made_data_set(Workspace(root, "test"), {"train": chips}, PairSettings(dates=3))


def with_network(root: Path) -> DataSet:
    """Return the same places, in a profile that has a network of losses."""
    data = without_network(root)
    save_trunk(*study_trunk(), folder_of(data.here, "trunk", "loss"))
    return data


def test_a_training_resumes_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped, whole = (with_network(tmp_path / name) for name in ("stopped", "whole"))
    one_step = ImageTraining.one_step

    def stop_at_five(run: ImageTraining) -> int:
        if run.step == 5:  # one step after the last checkpoint, and that step must not count
            raise KeyboardInterrupt
        return one_step(run)

    with monkeypatch.context() as patch:
        patch.setattr(ImageTraining, "one_step", stop_at_five)
        with pytest.raises(KeyboardInterrupt):
            train("esrgan", PERCEPTUAL, 0, stopped)
    resumed, uninterrupted = (train("esrgan", PERCEPTUAL, 0, data) for data in (stopped, whole))
    weights = uninterrupted.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in resumed.model.state_dict().items())
    assert resumed.curve.equals(uninterrupted.curve)
    assert (resumed.curve.loss_perceptual > 0).all()
    assert resumed.model.card.provenance["loss_networks"] == {"perceptual": study_trunk()[0].digest}


def test_sharpened_targets_and_another_loss_network_are_other_trainings(tmp_path: Path) -> None:
    data = with_network(tmp_path)
    short = PERCEPTUAL.model_copy(update={"steps": 2})
    plain = short.model_copy(update={"sharpen": False})
    first, unsharpened = (train("esrgan", s, 0, data) for s in (short, plain))
    assert first.curve.loss_l1.item() != unsharpened.curve.loss_l1.item()
    save_trunk(*study_trunk(seed=1), folder_of(data.here, "trunk", "loss"))
    other = train("esrgan", short, 0, data)
    assert other.samples_per_s > 0, "expected a new training"
    assert other.curve.loss_perceptual.item() != first.curve.loss_perceptual.item()


def test_a_training_without_its_loss_network_names_the_stage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"trunk/loss is missing: run the perception stage"):
        train("esrgan", PERCEPTUAL, 0, without_network(tmp_path))
