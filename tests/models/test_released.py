"""Released checkpoints: files of the right form come back as the network that they were made from."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import satsr
from satsr.models.highresnet import HighResNet
from satsr.models.rrdbnet import SSR_RRDBNet
from satsr.models.srcnn import SRCNN
from satsr.models.unet_discriminator import SSR_UNetDiscriminatorSN
from tests.made.same_images import assert_same

RGB = ("red", "green", "blue")
BANDS_10M = (*RGB, "b08")
BANDS_20M = (*BANDS_10M, "b05", "b06", "b07", "b11", "b12")
BANDS_60M = (*BANDS_20M, "b01", "b09", "b10")


def small_esrgan(channels: int = 24, scale: int = 4) -> SSR_RRDBNet:
    return SSR_RRDBNet(channels, 3, scale, num_feat=8, num_block=3, num_grow_ch=4).eval()


def save(network: nn.Module, folder: Path, key: str = "params_ema") -> Path:
    file = folder / "esrgan.pth"
    torch.save({key: network.state_dict()} if key else network.state_dict(), file)
    return file


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("dates", "bands"), [*((dates, RGB) for dates in (1, 2, 4, 8, 16)), (8, BANDS_10M), (8, BANDS_20M), (8, BANDS_60M)]
)
def test_every_released_generator_comes_back(dates: int, bands: tuple[str, ...], tmp_path: Path) -> None:
    network = small_esrgan(dates * len(bands))
    model = satsr.load_model(save(network, tmp_path).rename(tmp_path / f"esrgan_{dates}S2.pth"))
    assert (model.card.method, model.card.dates, model.card.bands_in) == ("esrgan", dates, bands)
    assert model.card.network == {"num_feat": 8, "num_block": 3, "num_grow_ch": 4}
    lr = torch.rand(2, dates, len(bands), 9, 7)
    assert_same(model(lr), network(lr.flatten(1, 2)))


@pytest.mark.parametrize("key", ["params_ema", "params", ""])
def test_weights_are_found_under_every_published_key(key: str, tmp_path: Path) -> None:
    assert satsr.load_model(save(small_esrgan(), tmp_path, key)).parameter_count > 0


def test_averaged_weights_come_before_plain_ones(tmp_path: Path) -> None:
    averaged, plain = small_esrgan(), small_esrgan()
    file = tmp_path / "both.pth"
    torch.save({"params": plain.state_dict(), "params_ema": averaged.state_dict()}, file)
    assert torch.equal(satsr.load_model(file).network.conv_first.weight, averaged.conv_first.weight)


@pytest.mark.parametrize("scale", [4, 8, 16])
def test_the_scale_is_read_off_the_upsampling_layers(scale: int, tmp_path: Path) -> None:
    model = satsr.load_model(save(small_esrgan(scale=scale), tmp_path))
    assert model(torch.rand(1, 8, 3, 4, 4)).shape == (1, 3, 4 * scale, 4 * scale)


@pytest.mark.parametrize("network", [SRCNN, HighResNet])
@pytest.mark.parametrize("dates", [2, 8])
def test_l2_models_come_back(network: Callable[..., nn.Module], dates: int, tmp_path: Path) -> None:
    sizes = {"hidden_channels": 16, "kernel_size": 5, "residual_layers": 2, "sr_kernel_size": 3, "zoom_factor": 2}
    made = network(3, 3, dates, **sizes).eval()
    model = satsr.load_model(save(made, tmp_path, "params"))
    assert (model.card.method, model.card.dates, model.card.scale) == (network.__name__.lower(), dates, 2)  # type: ignore[attr-defined]
    lr = torch.rand(2, dates, 3, 8, 8)
    assert_same(model(lr), made(lr)[:, 0])


def test_half_precision_weights_become_float32(tmp_path: Path) -> None:
    assert next(satsr.load_model(save(small_esrgan().half(), tmp_path)).parameters()).dtype == torch.float32


def test_the_card_says_where_the_weights_come_from(tmp_path: Path) -> None:
    card = satsr.load_model(save(small_esrgan(), tmp_path)).card
    assert card.license == "as released by its authors"
    assert card.provenance["file"] == "esrgan.pth"
    assert len(card.provenance["sha256"]) == 64


def test_bands_can_be_named_where_channels_leave_them_open(tmp_path: Path) -> None:
    file = save(small_esrgan(14), tmp_path)
    with pytest.raises(ValueError, match=r"takes 14 channels, which no known set of bands do not give: name the bands"):
        satsr.load_model(file)
    card = satsr.load_model(file, bands=("b08", "b11")).card
    assert (card.dates, card.bands_in) == (7, ("b08", "b11"))
    with pytest.raises(ValueError, match="takes 14 channels, which 4 bands do not give"):
        satsr.load_model(file, bands=BANDS_10M)


def changed(change: Callable[[dict[str, Tensor]], object]) -> dict[str, dict[str, Tensor]]:
    state = dict(small_esrgan().state_dict())
    change(state)
    return {"params": state}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: s.pop("conv_hr.bias"), r"does not fit esrgan .*Missing key.*conv_hr\.bias"),
        (lambda s: s.pop("conv_first.weight"), "is of an unknown architecture"),
        (lambda s: s.pop("body.0.rdb1.conv1.weight"), r"misses weights .*body\.0\.rdb1\.conv1\.weight"),
        (lambda s: s.update(extra=torch.zeros(2)), r"does not fit esrgan .*Unexpected key.*extra"),
        (lambda s: s.update({"conv_hr.bias": torch.zeros(5)}), "does not fit esrgan .*size mismatch for conv_hr.bias"),
    ],
)
def test_missing_extra_and_misshapen_weights_are_refused(
    change: Callable[[dict[str, Tensor]], object], reason: str, tmp_path: Path
) -> None:
    torch.save(changed(change), tmp_path / "wrong.pth")
    with pytest.raises(ValueError, match=rf"wrong\.pth {reason}"):
        satsr.load_model(tmp_path / "wrong.pth")


def test_a_discriminator_is_no_super_resolver(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"unknown architecture \(its first weights: conv0\.bias"):
        satsr.load_model(save(SSR_UNetDiscriminatorSN(27, num_feat=4), tmp_path))


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    file = save(small_esrgan(), tmp_path)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=r"esrgan\.pth cannot be read as weights"):
        satsr.load_model(file)


class Malicious:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return Path.touch, (Path("was_run"),)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "write", [torch.save, lambda content, file: file.write_bytes(pickle.dumps(content, protocol=2))]
)
def test_a_pickle_with_code_is_refused_and_not_run(
    write: Callable[[object, Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write({"params": Malicious()}, tmp_path / "code.pth")
    with pytest.raises(ValueError, match=r"code\.pth cannot be read as weights"):
        satsr.load_model(tmp_path / "code.pth")
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("content", [[1, 2], {}, {"params": {"a": 1}}, {"params": torch.zeros(2)}])
def test_a_file_without_state_dict_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth holds no state dict"):
        satsr.load_model(tmp_path / "other.pth")


@pytest.mark.parametrize(("scale", "dates", "channels"), [(2, 1, 12), (1, 1, 48)])
def test_a_file_with_two_readings_is_refused_until_one_is_said(
    scale: int, dates: int, channels: int, tmp_path: Path
) -> None:
    """x2 and x1 fold pixels into channels: one image at x2 has the shapes of four at x4."""
    network = small_esrgan(3, scale)
    file = save(network, tmp_path)
    with pytest.raises(
        ValueError, match=rf"takes {channels} channels, which read as .* 1 dates at x{scale} .*say scale="
    ):
        satsr.load_model(file)
    lr = torch.rand(1, 1, 3, 8, 8)
    for said in ({"scale": scale}, {"dates": dates}):
        model = satsr.load_model(file, **said)  # type: ignore[arg-type]
        assert (model.card.dates, model.card.scale) == (dates, scale)
        assert_same(model(lr), network(lr[:, 0]))
    card = satsr.load_model(file, scale=4).card
    assert (card.dates, card.scale) == (channels // 3, 4)


def test_a_scale_that_shapes_do_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scale 8 was asked for"):
        satsr.load_model(save(small_esrgan(), tmp_path), scale=8)
    with pytest.raises(ValueError, match="takes 8 dates of 3 bands, and dates=5 was asked for"):
        satsr.load_model(save(small_esrgan(), tmp_path), dates=5)


@pytest.mark.parametrize("before", ["module.", "net_g.", "model.generator."])
@pytest.mark.parametrize("key", ["params", "state_dict"])
def test_wrappings_are_looked_through(before: str, key: str, tmp_path: Path) -> None:
    network = small_esrgan()
    state = {f"{before}{name}": value for name, value in network.state_dict().items()}
    torch.save({"epoch": 3, key: {**state, "loss.scale": torch.ones(1)}}, tmp_path / "wrapped.ckpt")
    lr = torch.rand(1, 8, 3, 5, 6)
    assert_same(satsr.load_model(tmp_path / "wrapped.ckpt")(lr), network(lr.flatten(1, 2)))


def test_safetensors_are_read_and_two_networks_are_refused(tmp_path: Path) -> None:
    network = small_esrgan()
    save_file(network.state_dict(), tmp_path / "plain.safetensors")
    assert torch.equal(satsr.load_model(tmp_path / "plain.safetensors").network.conv_last.bias, network.conv_last.bias)
    both = {f"{name}.{key}": value for name in ("ema", "net") for key, value in network.state_dict().items()}
    torch.save(both, tmp_path / "both.pth")
    with pytest.raises(ValueError, match=r"both\.pth holds 2 networks \(ema\., net\.\)"):
        satsr.load_model(tmp_path / "both.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    network = small_esrgan()
    with torch.no_grad():
        network.conv_hr.bias[3] = value
    with pytest.raises(ValueError, match=r"esrgan\.pth: conv_hr\.bias is NaN or infinite"):
        satsr.load_model(save(network, tmp_path))


def test_a_web_page_saved_as_weights_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "esrgan_8S2.pth").write_bytes(b"<!DOCTYPE html><html><title>Sign in</title></html>")
    with pytest.raises(ValueError, match=r"esrgan_8S2\.pth is a web page, expected weights"):
        satsr.load_model(tmp_path / "esrgan_8S2.pth")


def refusal(file: Path) -> str | None:
    try:
        satsr.load_model(file)
    except ValueError as error:
        return str(error)
    return None


def test_damaged_files_give_one_line_that_names_them(tmp_path: Path) -> None:
    """Whatever byte is hit, and wherever the file ends; a hit that only changes weights may pass."""
    good = save(small_esrgan(), tmp_path).read_bytes()
    rng, file = np.random.default_rng(0), tmp_path / "damaged.pth"
    for _ in range(60):
        bad = bytearray(good[: rng.integers(1, len(good))] if rng.random() < 0.3 else good)
        for at in rng.integers(0, len(bad), 4):
            bad[at] = rng.integers(256)
        file.write_bytes(bad)
        said = refusal(file)
        assert said is None or ("damaged.pth" in said and "\n" not in said)
