"""What stands in for Stable Diffusion is trained once, repeatably, or taken as published."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from satsr.data.pairs import Pairs
from satsr.data.settings import PairSettings
from satsr.models.diffusers_files import CONFIG, WEIGHTS, Network, load_network, open_autoencoder, save_network
from satsr.training.latent_space import Lessons, make_autoencoder, make_prior
from satsr.training.settings import AutoencoderSettings, PriorSettings
from tests.data.making.chips import made_up_chip, written
from tests.metrics.input_series import random_scene
from tests.models.small_latents import AUTOENCODER, UNET, autoencoder_weights

SMALL = AutoencoderSettings(width=8, steps=3, batch=4, crop=16, seed=1)
PRIOR = PriorSettings(widths=(8, 16), steps=3, batch=4, seed=1)
LESSONS = Lessons(
    torch.from_numpy(np.stack([255 * random_scene(seed, 32, 4.0) for seed in range(6)])).round().to(torch.uint8), "six"
)
RESCALED = {**AUTOENCODER, "scaling_factor": 2.0}
OTHER = Lessons(LESSONS.images, "others")
Make = Callable[..., dict[str, bytes]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Train or take one of the two, and return its files."""
    for name, config, seed in (("a", AUTOENCODER, 0), ("b", AUTOENCODER, 1), ("c", RESCALED, 0)):
        save_network(Network(config, autoencoder_weights(seed)), tmp_path / name)

    def made(
        settings: AutoencoderSettings | PriorSettings, lessons: Lessons = LESSONS, of: str = "a", scratch: str = "s"
    ) -> dict[str, bytes]:
        folder = tmp_path / "made"
        if isinstance(settings, AutoencoderSettings):
            make_autoencoder(settings, lessons, tmp_path / scratch, folder)
        else:
            make_prior(settings, tmp_path / of, lessons, tmp_path / scratch, folder)
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    return made


def last_loss(printed: str) -> float:
    return float(re.findall(r"loss ([\d.]+)", printed)[-1])


# Lessons


def test_lessons_are_the_hr_images_of_the_set(tmp_path: Path) -> None:
    pairs = Pairs(written(tmp_path, [made_up_chip(f"{16 * n}_0", seed=n) for n in range(3)]), PairSettings(dates=3))
    found = Lessons.of(pairs, "digest")
    expected = np.stack([pairs.chips.hr(tile) for tile in pairs.tiles])
    np.testing.assert_array_equal(found.images.permute(0, 2, 3, 1), expected)
    assert found.images.dtype == torch.uint8


class MorePairSettings(PairSettings):
    """Settings as a later version may have them."""

    clearest_first: bool = False


def test_lessons_are_known_by_their_set_and_by_what_is_asked_of_it(tmp_path: Path) -> None:
    reader = written(tmp_path, [made_up_chip()])
    asked = [PairSettings(dates=3), MorePairSettings(dates=3), PairSettings(dates=2), PairSettings(dates=3, seed=1)]
    first, same, *others = (Lessons.of(Pairs(reader, settings), "digest").digest for settings in asked)
    assert same == first
    others.append(Lessons.of(Pairs(reader, asked[0]), "other").digest)
    assert len({first, *others}) == 4


def test_crops_are_windows_of_the_images_or_of_their_mirror() -> None:
    images = torch.arange(2 * 3 * 9 * 11).view(2, 3, 9, 11) % 251
    lessons = Lessons(images.to(torch.uint8), "")
    windows = set()
    for view in (images, images.flip(-1)):
        for parts in view.unfold(2, 5, 1).unfold(3, 5, 1).permute(0, 2, 3, 1, 4, 5).flatten(0, 2):
            windows.add(tuple(parts.flatten().tolist()))
    crops = lessons.crops(64, 5, seed=0, step=3)
    assert crops.shape == (64, 3, 5, 5)
    found = [tuple((255 * crop).round().int().flatten().tolist()) for crop in crops]
    assert set(found) <= windows
    assert len(set(found)) > 40
    assert torch.equal(crops, lessons.crops(64, 5, seed=0, step=3))
    assert not torch.equal(crops, lessons.crops(64, 5, seed=0, step=4))


def test_size_zero_takes_whole_images() -> None:
    crops = LESSONS.crops(20, 0, seed=0, step=0)
    known = [view.float() / 255 for image in LESSONS.images for view in (image, image.flip(-1))]
    assert all(any(torch.equal(crop, image) for image in known) for crop in crops)


# Learning


def test_latents_have_mean_zero_and_unit_variance(make: Make, tmp_path: Path) -> None:
    make(SMALL.model_copy(update={"steps": 20}))
    latents = open_autoencoder(tmp_path / "made").encode(LESSONS.images.float() / 255)
    assert latents.shape == (6, 4, 8, 8)
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 0.02
    assert latents.var(dim=(0, 2, 3)).mean().item() == pytest.approx(1, abs=0.02)


def test_an_autoencoder_learns_the_images(make: Make, tmp_path: Path) -> None:
    images, errors = LESSONS.images.float() / 255, []
    for steps in (1, 100):
        make(SMALL.model_copy(update={"steps": steps, "learning_rate": 1e-2}))
        _, left = open_autoencoder(tmp_path / "made")(images)
        errors.append((left - images).abs().mean().item())
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("prediction", ["noise", "clean", "v"])
def test_a_prior_learns_to_denoise(prediction: str, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    losses = []
    for steps in (1, 60):
        changes = {"steps": steps, "prediction": prediction, "learning_rate": 1e-2, "batch": 32}
        make(PRIOR.model_copy(update=changes))
        losses.append(last_loss(capsys.readouterr().err))
    assert losses[1] < 0.9 * losses[0]


def test_a_prior_is_a_network_of_diffusers(make: Make, tmp_path: Path) -> None:
    make(PRIOR)
    found = load_network(tmp_path / "made")
    network = UNet2DConditionModel.from_config(found.config)
    network.load_state_dict(found.weights)
    assert network(torch.rand(1, 4, 8, 8), torch.tensor([3.0]), None).sample.shape == (1, 4, 8, 8)


# Reuse


@pytest.mark.parametrize("settings", [SMALL, PRIOR])
def test_finished_work_is_reused(settings: PriorSettings, make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    first = make(settings)
    assert set(first) == {CONFIG, WEIGHTS}
    assert "train" in capsys.readouterr().err
    assert make(settings) == first
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("settings", [SMALL, PRIOR])
def test_a_seed_decides_everything(settings: PriorSettings, make: Make) -> None:
    first = make(settings)
    torch.rand(7)  # what ran before must not matter
    assert make(settings, scratch="other") == first
    assert make(settings.model_copy(update={"seed": 2})) != first


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        (SMALL, {"lessons": OTHER}),
        (PRIOR, {"lessons": OTHER}),
        (PRIOR, {"of": "b"}),
        (PRIOR, {"of": "c"}),
        (SMALL, {"settings": SMALL.model_copy(update={"small_latents": 0.5})}),
        (PRIOR, {"settings": PRIOR.model_copy(update={"zero_snr": True, "prediction": "v"})}),
    ],
)
def test_other_data_and_settings_train_anew(
    settings: PriorSettings, change: dict[str, object], make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    make(settings)
    capsys.readouterr()
    make(**{"settings": settings, **change})
    assert "train" in capsys.readouterr().err


# Published weights


@pytest.mark.parametrize("settings", [SMALL, PRIOR])
def test_published_weights_are_copied(
    settings: PriorSettings, make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = make(settings)
    (tmp_path / "made").rename(tmp_path / "published")
    capsys.readouterr()
    taken = make(settings.model_copy(update={"weights": str(tmp_path / "published")}), OTHER)
    assert taken == trained
    assert capsys.readouterr().err == ""


KL = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


@pytest.mark.parametrize("old", [False, True], ids=["as diffusers writes it", "with the names of Stable Diffusion 1"])
def test_a_published_autoencoder_is_taken_as_diffusers_takes_it(old: bool, make: Make, tmp_path: Path) -> None:
    network = AutoencoderKL(**KL, block_out_channels=(8, 8), norm_num_groups=4).eval()
    network.save_pretrained(tmp_path / "vae", safe_serialization=True)
    if old:
        found = load_network(tmp_path / "vae")
        pattern = re.compile("|".join(map(re.escape, OLD_NAMES)))
        renamed = {pattern.sub(lambda m: OLD_NAMES[m[0]], name): value for name, value in found.weights.items()}
        save_network(Network(found.config, renamed), tmp_path / "vae")
    again = AutoencoderKL.from_pretrained(tmp_path / "vae", low_cpu_mem_usage=False)
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in again.state_dict().items())
    make(SMALL.model_copy(update={"weights": str(tmp_path / "vae")}))
    images = torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        expected = network.encode(2 * images - 1).latent_dist.mode() * 0.18215
    torch.testing.assert_close(open_autoencoder(tmp_path / "made").encode(images), expected)


def test_published_weights_that_are_not_there_are_named(make: Make, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere has no config\.json"):
        make(SMALL.model_copy(update={"weights": str(tmp_path / "nowhere")}))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_network(Network({**AUTOENCODER, "latent_channels": 3}, autoencoder_weights()), tmp_path)
    with pytest.raises(ValueError, match=r"weights do not fit config\.json \(Error"):
        open_autoencoder(tmp_path)
    save_network(Network(UNET, autoencoder_weights()), tmp_path)
    with pytest.raises(ValueError, match=rf"{tmp_path}"):
        open_autoencoder(tmp_path)
