"""Released checkpoints: files of the right form come back as the network that they were made from."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import satsr
from satsr.models.highresnet import HighResNet
from satsr.models.rrdbnet import SSR_RRDBNet
from satsr.models.srcnn import SRCNN
from satsr.models.unet_discriminator import SSR_UNetDiscriminatorSN

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
    model = satsr.load_model(save(network, tmp_path))
    assert (model.card.method, model.card.dates, model.card.bands_in) == ("esrgan", dates, bands)
    assert model.card.network == {"num_feat": 8, "num_block": 3, "num_grow_ch": 4}
    lr = torch.rand(2, dates, len(bands), 9, 7)
    assert torch.equal(model(lr), network(lr.flatten(1, 2)))


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
    assert torch.equal(model(lr), made(lr)[:, 0])


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
