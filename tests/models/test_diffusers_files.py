"""Folders in diffusers' form: what we write it reads, what it writes we read, and damage is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from satsr.models.autoencoder import Autoencoder, tiny_config
from satsr.models.diffusers_files import CONFIG, WEIGHTS, Network, StartingPoint, load_network, save_network
from satsr.models.diffusion.unet import latent_unet_config

UNET = latent_unet_config(4, (8, 16), 1, ())
TINY = tiny_config(channels=4, width=8, levels=2, blocks=1, patch=2)


def prior(seed: int = 0) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Network(UNET, dict(UNet2DConditionModel.from_config(UNET).state_dict()))


def own_autoencoder() -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Network({**TINY, "latents_mean": [0.0, 0.5, 1.0, -1.0]}, dict(Autoencoder(TINY).network.state_dict()))


@pytest.mark.parametrize("make", [prior, own_autoencoder])
def test_what_is_written_comes_back(make: Callable[[], Network], tmp_path: Path) -> None:
    network = make()
    save_network(network, tmp_path / "some" / "folder")
    again = load_network(tmp_path / "some" / "folder")
    assert again.config == network.config
    assert again.weights.keys() == network.weights.keys()
    assert all(torch.equal(again.weights[name], value) for name, value in network.weights.items())


def test_weights_in_any_order_of_memory_are_written(tmp_path: Path) -> None:
    weights = {"w": torch.rand(4, 3, 3, 3).to(memory_format=torch.channels_last), "part": torch.rand(6, 8)[:, ::2]}
    save_network(Network({"channels": 4}, weights), tmp_path)
    again = load_network(tmp_path).weights
    assert all(torch.equal(again[name], value) for name, value in weights.items())


def test_equal_networks_are_equal_bytes(tmp_path: Path) -> None:
    for name, config in (("one", UNET), ("two", dict(reversed(UNET.items())))):
        save_network(Network(config, prior().weights), tmp_path / name)
    for file in (CONFIG, WEIGHTS):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_an_unet_that_diffusers_wrote_is_read(tmp_path: Path) -> None:
    network = UNet2DConditionModel.from_config(UNET).eval()
    network.save_pretrained(tmp_path, safe_serialization=True)
    found = load_network(tmp_path)
    again = UNet2DConditionModel.from_config(found.config).eval()
    again.load_state_dict(found.weights)
    noisy, time = torch.rand(1, 4, 8, 8), torch.tensor([7.0])
    assert torch.equal(again(noisy, time, None).sample, network(noisy, time, None).sample)


def test_an_autoencoder_that_diffusers_wrote_is_read(tmp_path: Path) -> None:
    kinds = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    network = AutoencoderKL(**kinds, block_out_channels=(8, 8), norm_num_groups=4).eval()
    network.save_pretrained(tmp_path, safe_serialization=True)
    found = load_network(tmp_path)
    again = Autoencoder(found.config).eval()
    again.network.load_state_dict(found.weights)
    with torch.no_grad():
        expected = network.encode(torch.zeros(1, 3, 16, 16)).latent_dist.mode() * 0.18215
        torch.testing.assert_close(again.encode(torch.full((1, 3, 16, 16), 0.5)), expected)


def test_diffusers_reads_what_is_written(tmp_path: Path) -> None:
    save_network(prior(), tmp_path)
    network = UNet2DConditionModel.from_pretrained(tmp_path, low_cpu_mem_usage=False)
    assert all(torch.equal(value, prior().weights[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    save_network(prior(), tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"has no {name}: expected a folder as diffusers writes it"):
        load_network(tmp_path)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (CONFIG, lambda content: content[: len(content) // 2]),
        (CONFIG, lambda content: b""),
        (CONFIG, lambda content: b"[1, 2]"),
        (CONFIG, lambda content: b"\xff\xfe\x00" + content),
        (WEIGHTS, lambda content: content[:-100]),
        (WEIGHTS, lambda content: content[:4]),
        (WEIGHTS, lambda content: b""),
    ],
    ids=["half a config", "empty config", "a list", "not text", "weights cut", "header cut", "empty weights"],
)
def test_a_damaged_file_gives_one_clear_error(name: str, damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    save_network(prior(), tmp_path)
    path = tmp_path / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=r"cannot be read as a network \(.*\): copy or train it again"):
        load_network(tmp_path)


def test_a_starting_point_knows_its_weights(tmp_path: Path) -> None:
    save_network(own_autoencoder(), tmp_path / "autoencoder")
    found = []
    for seed in (0, 0, 1):
        save_network(prior(seed), tmp_path / "prior")
        found.append(StartingPoint.of(tmp_path))
    assert found[0].autoencoder.config == own_autoencoder().config
    assert found[0].prior.config == UNET
    digests = [point.digests for point in found]
    assert digests[0] == digests[1]
    assert digests[0]["autoencoder"] == digests[2]["autoencoder"]
    assert digests[0]["prior"] != digests[2]["prior"]
