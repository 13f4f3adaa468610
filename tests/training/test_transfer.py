"""Trainings of another length, and models that go on with other bands, dates and scale."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from satsr.data.seen import Seen
from satsr.data.settings import PairSettings
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.training.settings import TrainSettings
from satsr.training.transfer import at_mean, fitted, of_length
from tests.data.small_downloads import ONE, TWO, download, write_all


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small data sets in the published layouts; nothing may change them."""
    return write_all(tmp_path_factory.mktemp("written"))


def test_a_length_moves_steps_milestones_and_the_start_of_the_gan() -> None:
    losses, when = {"l1": 1.0, "gan": 0.1}, {"milestones": (400, 800), "gan_start": 300, "validate_every": 50}
    whole = TrainSettings(losses=losses, steps=1000, ema=0.98, batch=3, **when)
    half, long = of_length(whole, 0.5), of_length(whole, 2)
    assert (half.steps, half.milestones, half.gan_start) == (500, (200, 400), 150)
    assert (long.steps, long.milestones, long.gan_start) == (2000, (800, 1600), 600)
    assert (half.validate_every, half.validate_images) == (500, 2)  # the end alone is looked at
    assert half.ema == pytest.approx(whole.ema**2)  # after half as many steps the start weighs as little
    changed = {"steps", "milestones", "gan_start", "validate_every", "validate_images", "ema"}
    assert half.model_dump(exclude=changed) == whole.model_dump(exclude=changed)


def test_the_shortest_training_has_a_step() -> None:
    short = of_length(TrainSettings(losses={"l1": 1.0}, steps=10, milestones=(5,)), 0.001)
    assert (short.steps, short.milestones, short.validate_every, short.gan_start) == (1, (1,), 1, 0)


SIZES = {
    "srcnn": {"hidden_channels": 16, "kernel_size": 3, "residual_layers": 1, "sr_kernel_size": 3},
    "esrgan": {"num_feat": 8, "num_block": 1, "num_grow_ch": 4},
}
COLORS = ("red", "green", "blue")


@pytest.mark.parametrize("method", SIZES)
@pytest.mark.parametrize(("name", "pairs"), [("probav", PairSettings(dates=3, bands=())), ("oli2msi", ONE)])
def test_a_fitted_model_sees_what_it_saw(written: dict[str, Path], method: str, name: str, pairs: PairSettings) -> None:
    """Of the same gray date again and again, or of the same colored one, the new model makes what the old one made."""
    old = SuperResolver(ModelCard(method, SIZES[method], 4, COLORS, COLORS, 4), seed=1).eval()
    with torch.no_grad():  # outputs are positive, as those of a trained network, which another activation follows
        [m for m in old.modules() if isinstance(m, nn.Conv2d)][-1].bias.add_(1)
    new = fitted(old, download(written[name], pairs).pairs["train"]).eval()
    assert (new.card.scale, new.card.dates) == (3, pairs.dates)
    bands = len(new.card.bands_in)
    date = torch.rand(1, 1, bands, 12, 12, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        made = new.feed(new.network, Seen(date.expand(-1, pairs.dates, -1, -1, -1), *[torch.zeros(0)] * 3))
        expected = old(date.expand(-1, 4, 3, -1, -1))
    if bands == 1:
        expected = expected.mean(dim=1, keepdim=True)
    torch.testing.assert_close(made.reshape(expected.shape), expected)


@pytest.mark.parametrize("method", ["highresnet", "sr3"])
def test_every_method_that_sees_images_can_be_fitted(written: dict[str, Path], method: str) -> None:
    sizes = {
        "highresnet": {"hidden_channels": 16, "kernel_size": 3, "residual_layers": 1, "sr_kernel_size": 3},
        "sr3": {"widths": [8, 8], "blocks": 1, "attention": [], "patch": 2, "sampling_steps": 1},
    }
    old = SuperResolver(ModelCard(method, sizes[method], 4, COLORS, COLORS, 4), seed=1)
    pairs = download(written["probav"], TWO).pairs["train"]
    new, lr = fitted(old, pairs).eval(), pairs.pair(0).lr[None]
    with torch.no_grad():
        assert new(lr).isfinite().all()
    own = new.network.state_dict()
    same = [name for name, value in old.network.state_dict().items() if torch.equal(own.get(name, value[:0]), value)]
    assert len(same) > len(own) / 2, "all but the first and the last layer is as it was"


@pytest.mark.parametrize("method", ["srcnn", "highresnet", "esrgan"])
@pytest.mark.parametrize("name", ["probav", "worldstrat"])
def test_a_model_that_goes_on_starts_at_the_mean_of_hr(written: dict[str, Path], method: str, name: str) -> None:
    sizes = SIZES.get(method, SIZES["srcnn"])
    pairs = download(written[name], TWO).pairs["train"]
    first = fitted(SuperResolver(ModelCard(method, sizes, 4, COLORS, COLORS, 4), seed=1), pairs)
    before = {name: value.clone() for name, value in first.network.state_dict().items()}
    model = at_mean(first, pairs)
    batch = pairs.batch(range(len(pairs)))  # fewer than a mean is taken over
    with torch.no_grad():
        off = (batch.hr - model(*batch.seen())).movedim(1, -1)[batch.hr_valid].mean(dim=0)
    assert off.abs().max() < 0.005
    moved = [name for name, value in model.network.state_dict().items() if not torch.equal(value, before[name])]
    assert [before[name].shape for name in moved] == [(len(pairs.bands_out),)], "one bias alone has moved"


def test_what_samples_its_images_is_not_moved(written: dict[str, Path]) -> None:
    sizes = {"widths": [8, 8], "blocks": 1, "attention": [], "patch": 2, "sampling_steps": 1}
    pairs = download(written["probav"], TWO).pairs["train"]
    model = fitted(SuperResolver(ModelCard("sr3", sizes, 4, COLORS, COLORS, 4), seed=1), pairs)
    before = {name: value.clone() for name, value in model.network.state_dict().items()}
    at_mean(model, pairs)
    assert all(torch.equal(value, before[name]) for name, value in model.network.state_dict().items())
