"""The discriminator of objects: what it cuts out, what it learns, and why the published form learns nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import mannwhitneyu
from torch import Tensor

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.pairs import Batch
from satsr.data.settings import PairSettings
from satsr.models.object_discriminator import ObjectDiscriminator, SelfAttention, cut_out
from satsr.models.superresolver import ModelCard
from satsr.training.image_training import ImageTraining
from satsr.training.loop import Task
from satsr.training.settings import TrainSettings
from satsr.training.train import train
from tests.data.making.chips import made_data_set, made_up_chip
from tests.training.test_train import TINY, weights

WITH_OBJECTS: dict[str, Any] = {
    **TINY,
    "losses": {"l1": 1.0, "gan": 0.1, "objects": 0.3},
    "objects": {"num_feat": 4},
    "steps": 6,
    "learning_rate": 1e-3,
}


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(5)]
    return made_data_set(Workspace(tmp_path, "test"), {"train": chips}, PairSettings(dates=3, objects=1))


def training(data: DataSet, folder: Path, **objects: Any) -> ImageTraining:
    settings = TrainSettings(**{**WITH_OBJECTS, "objects": {"num_feat": 8, **objects}, "learning_rate": 1e-3})
    card = ModelCard("esrgan", settings.network, 3, ("red", "green", "blue"), ("red", "green", "blue"), 4)
    return ImageTraining(Task(card, settings, 0, data.pairs["train"], data.pairs["val"], folder))


def real_and_generated(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return images that can be told apart: a bright square with an edge, and the same blurred."""
    rng = np.random.default_rng(seed)
    real = torch.from_numpy(rng.uniform(0, 0.3, (count, 3, 32, 32))).float()
    for image, (y, x) in zip(real, rng.integers(6, 14, (count, 2)), strict=True):
        image[:, y : y + 12, x : x + 12] += 0.5
    return real, torch.nn.functional.avg_pool2d(real, 5, stride=1, padding=2)


def batch_of(hr: Tensor) -> Batch:
    count = len(hr)
    names = tuple(map(str, range(count)))
    return Batch(
        lr=torch.zeros(count, 1, 3, 8, 8), lr_valid=torch.ones(count, 1, 8, 8, dtype=torch.bool),
        dt_days=torch.zeros(count, 1), hr=hr, hr_valid=torch.ones(count, 32, 32, dtype=torch.bool),
        place=torch.zeros(count, 2, dtype=torch.int64), day=torch.zeros(count), tiles=names, regions=names,
        boxes=torch.tensor([2.0, 2, 30, 30]).expand(count, 1, 4),
    )  # fmt: skip


def separation(data: DataSet, folder: Path, form: str) -> float:
    """Train the branch as its loop does; return the area under the curve of held-out real against generated ones."""
    loop = training(data, folder, form=form)
    assert loop.objects is not None
    loop.objects.optimizer.param_groups[0]["lr"] = 3e-3
    for step in range(25):
        real, generated = real_and_generated(16, seed=step)
        loop.objects.learn([batch_of(real)], [generated])
    real, generated = real_and_generated(64, seed=1000)
    boxes = batch_of(real).boxes
    assert boxes is not None
    with torch.no_grad():
        logits = [loop.objects.network(cut_out(images, boxes)).flatten() for images in (real, generated)]
    real_ahead = mannwhitneyu(*(part.numpy() for part in logits)).statistic
    return float(real_ahead) / 64**2


def test_the_repaired_branch_tells_generated_objects_from_real_ones(data: DataSet, tmp_path: Path) -> None:
    assert separation(data, tmp_path, "repaired") > 0.9


@pytest.mark.parametrize(("form", "told"), [("repaired", True), ("published", False)])
def test_only_the_repaired_branch_is_told_which_is_which(data: DataSet, tmp_path: Path, form: str, told: bool) -> None:
    """In the published form both are called real: exchanging them changes no step, so there is nothing adversarial."""
    learned = []
    for number in range(2):
        loop = training(data, tmp_path / str(number), form=form)
        assert loop.objects is not None
        loop.objects.network.eval()  # each call moves the power iterations of spectral normalization otherwise
        loop.objects.optimizer = torch.optim.SGD(loop.objects.network.parameters(), lr=0.1)
        real, generated = real_and_generated(8, seed=0)[:: 1 if number == 0 else -1]
        loop.objects.learn([batch_of(real)], [generated])
        learned.append(torch.cat([p.detach().flatten() for p in loop.objects.network.parameters()]))
    assert torch.allclose(*learned, rtol=1e-4, atol=1e-6) is not told


def test_the_published_branch_says_nothing_below_zero() -> None:
    objects = torch.rand(16, 3, 32, 32)
    torch.manual_seed(0)
    open_ended = ObjectDiscriminator(4)
    positive = ObjectDiscriminator(4, positive=True)
    positive.load_state_dict(open_ended.state_dict())
    with torch.no_grad():
        logits = open_ended.eval()(objects)
        assert (logits < 0).any() or (logits - 1 < 0).any()
        torch.testing.assert_close(positive.eval()(objects), logits.clamp(min=0))


def test_objects_are_cut_out_where_their_boxes_lie() -> None:
    images = torch.zeros(2, 3, 64, 64)
    images[0, :, 10:20, 30:50] = 1
    images[1] = torch.linspace(0, 1, 64)
    nothing = [float("nan")] * 4
    boxes = torch.tensor([[[30.0, 10, 50, 20], nothing], [[0.0, 0, 64, 64], [32.0, 0, 64, 64]]])
    found = cut_out(images, boxes)
    assert found.shape == (3, 3, 32, 32)
    assert found[0, :, 2:-2, 2:-2].eq(1).all()
    expected = images[1].unflatten(1, (32, 2)).unflatten(3, (32, 2)).mean(dim=(2, 4))
    torch.testing.assert_close(found[1], expected)  # half the size: two pixels are averaged
    torch.testing.assert_close(found[2, :, 0, 0], images[1, :, 0, 32])


def test_a_box_of_32_pixels_is_taken_as_it_is() -> None:
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(cut_out(image, torch.tensor([[[8.0, 16, 40, 48]]]))[0], image[0, :, 16:48, 8:40])


def test_the_gradient_reaches_the_image_inside_the_box_only() -> None:
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    cut_out(image, torch.tensor([[[8.0, 16, 40, 48]]])).sum().backward()
    assert image.grad is not None
    inside = image.grad[..., 16:48, 8:40]
    assert (inside > 0).all()
    assert image.grad.sum() == inside.sum()


def test_attention_starts_as_nothing_and_looks_everywhere() -> None:
    torch.manual_seed(0)
    layer = SelfAttention(8).eval()
    x = torch.rand(1, 8, 4, 4)
    assert torch.equal(layer(x), x)
    with torch.no_grad():
        layer.weight.fill_(1.0)
        moved = x.clone()
        moved[..., 3, 3] += 1
        assert not torch.allclose(layer(moved)[..., 0, 0], layer(x)[..., 0, 0])


def test_the_loss_is_active_from_the_start_of_the_gan(data: DataSet) -> None:
    run = train("esrgan", TrainSettings(**WITH_OBJECTS), 0, data)
    for name in ("loss_objects", "loss_o_real", "loss_o_fake"):
        assert (run.curve[name] > 0).all(), name
    alone = {**WITH_OBJECTS, "losses": {"l1": 1.0, "objects": 0.3}}
    assert "loss_gan" not in train("esrgan", TrainSettings(**alone), 0, data).curve


def test_a_stopped_training_goes_on_to_the_same_weights(data: DataSet) -> None:
    settings = TrainSettings(**WITH_OBJECTS)
    train("esrgan", settings, 0, data)
    expected = weights(data)
    (scratch,) = data.folders.scratch.glob("train/*")
    loop = training_of(data, settings, scratch.parent / "stopped")
    for _ in range(3):
        loop.one_step()
        loop.step += 1
    loop._read_losses()
    loop._save_checkpoint()
    again = training_of(data, settings, scratch.parent / "stopped")
    again.finish(scratch.parent / "stopped" / "finished")
    found = load_file(scratch.parent / "stopped" / "finished" / "weights.safetensors")
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def training_of(data: DataSet, settings: TrainSettings, folder: Path) -> ImageTraining:
    folder.mkdir(exist_ok=True)
    card = ModelCard("esrgan", settings.network, 3, ("red", "green", "blue"), ("red", "green", "blue"), 4)
    return ImageTraining(Task(card, settings, 0, data.pairs["train"], data.pairs["val"], folder))


def test_a_training_that_asks_for_what_the_pairs_leave_out_is_refused(data: DataSet) -> None:
    plain = data.settings.model_copy(update={"pairs": PairSettings(dates=3)})
    without = DataSet(data.name, data.form, plain, data.here)
    with pytest.raises(ValueError, match=r"losses: got objects, expected boxes in the pairs: set pairs\.objects"):
        train("esrgan", TrainSettings(**WITH_OBJECTS), 0, without)
    older = TrainSettings(**{**TINY, "discriminator_sees": ["lr", "old_hr"]})
    with pytest.raises(ValueError, match=r"discriminator_sees: got old_hr, expected it in the pairs"):
        train("esrgan", older, 0, without)


def test_a_discriminator_that_sees_older_hr_is_trained_with_it(tmp_path: Path) -> None:
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(5)]
    pairs = PairSettings(dates=3, old_hr=True)
    data = made_data_set(Workspace(tmp_path, "test"), {"train": chips}, pairs)
    settings = TrainSettings(**{**TINY, "discriminator_sees": ["lr", "old_hr"]})
    loop = training_of(data, settings, tmp_path / "loop")
    assert loop.discriminator is not None
    assert next(loop.discriminator.parameters()).shape[0] == 4
    assert loop.discriminator.conv0.in_channels == 3 + 9 + 3
    assert (train("esrgan", settings, 0, data).curve.loss_gan > 0).all()
