"""The networks of the profile for a GPU, at their sizes there: each is built, trained for two steps and used."""

from __future__ import annotations

from pathlib import Path

import pytest

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.pipeline.params import load_study
from satsr.training.latent_space import Lessons, make_autoencoder, make_prior
from satsr.training.settings import TrainSettings
from satsr.training.train import train
from tests.conftest import ROOT
from tests.data.making.chips import made_data_set, made_up_chip

STUDY = load_study(ROOT, "gpu")
pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(2)]
    return made_data_set(Workspace(tmp_path, "test"), {"train": chips}, PairSettings(dates=3))


def short(settings: TrainSettings) -> TrainSettings:
    """Two steps of one small crop; without the perceptual loss, whose trunk the study trains."""
    losses = {name: weight for name, weight in settings.losses.items() if name != "perceptual"}
    few = {"steps": 2, "gan_start": 1, "batch": 1, "crop": 8, "validate_images": 1, "validate_network": ""}
    return settings.model_copy(update={**few, "losses": losses})


@pytest.mark.parametrize("method", sorted(STUDY.train))
def test_two_steps_of_a_method(method: str, data: DataSet) -> None:
    trained = train(method, short(STUDY.train[method]), 0, data)
    assert trained.curve.step.tolist() == [2]
    assert trained.curve.notna().all(axis=None)


def test_two_steps_in_the_latent_space(data: DataSet) -> None:
    here, lessons = data.here, Lessons.of(data.pairs["train"], "digest")
    folder = here.latent
    few = {"steps": 2, "batch": 1}
    autoencoder = STUDY.latent.autoencoder.model_copy(update={**few, "crop": 32})
    make_autoencoder(autoencoder, lessons, here.scratch, folder / "autoencoder")
    prior = STUDY.latent.prior.model_copy(update=few)
    make_prior(prior, folder / "autoencoder", lessons, here.scratch, folder / "prior")
    for method in STUDY.latent_methods:
        assert train(method, short(STUDY.train_latent[method]), 0, data).curve.notna().all(axis=None)


def test_srcnn_highresnet_and_esrgan_have_their_published_sizes() -> None:
    """Zooming Out, section 4, and the published configurations of WorldStrat's networks."""
    sizes = {method: STUDY.train[method].network for method in ("srcnn", "highresnet", "esrgan")}
    for method in ("srcnn", "highresnet"):
        expected = {"hidden_channels": 128, "kernel_size": 3, "residual_layers": 1, "sr_kernel_size": 1}
        assert sizes[method].items() >= expected.items()
    assert sizes["esrgan"].items() >= {"num_feat": 64, "num_block": 23, "num_grow_ch": 32}.items()
    assert STUDY.train["esrgan"].discriminator == {"num_feat": 64}
    assert {STUDY.train[method].crop for method in sizes} == {0}  # whole chips
