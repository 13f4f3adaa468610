"""The published networks against their known answers, and what any input size must give."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from satsr.models.highresnet import HighResNet, levels
from satsr.models.rrdbnet import ResidualDenseBlock, SSR_RRDBNet
from satsr.models.srcnn import SRCNN
from satsr.models.unet_discriminator import SSR_UNetDiscriminatorSN

NETWORKS: dict[str, type[nn.Module]] = {
    "SSR_RRDBNet": SSR_RRDBNet,
    "SSR_UNetDiscriminatorSN": SSR_UNetDiscriminatorSN,
    "SRCNN": SRCNN,
    "HighResNet": HighResNet,
}
KNOWN_ANSWERS = json.loads((Path(__file__).parents[1] / "made" / "known_answers.json").read_text())
CASES = [case for case in KNOWN_ANSWERS if case["model"] in NETWORKS]


def filled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The fixed fill of the known answers: sin(0.7 i + 0.3 k) * s, tensors k in name order."""
    return {name: fill(state[name], k) for k, name in enumerate(sorted(state))}


def fill(tensor: Tensor, k: int) -> Tensor:
    amplitude = 1 / math.sqrt(max(1, tensor[0].numel())) if tensor.ndim >= 2 else 0.1
    i = torch.arange(tensor.numel(), dtype=torch.float64)
    return (torch.sin(0.7 * i + 0.3 * k) * amplitude).reshape(tensor.shape).to(tensor.dtype)


def fixed_input(shape: list[int]) -> Tensor:
    i = torch.arange(math.prod(shape), dtype=torch.float64)
    return (0.5 + 0.5 * torch.sin(0.013 * i)).float().reshape(shape)


def small_srcnn(**changes: Any) -> SRCNN:
    fields = {"in_channels": 3, "out_channels": 3, "revisits": 2, "hidden_channels": 16} | changes
    return SRCNN(**fields).eval()


def small_highresnet(**changes: Any) -> HighResNet:
    fields = {"in_channels": 3, "out_channels": 3, "revisits": 4, "hidden_channels": 16} | changes
    return HighResNet(**fields).eval()


each_small_network = pytest.mark.parametrize(
    ("build", "shape"),
    [
        (lambda: SSR_RRDBNet(3, 3, num_feat=8, num_block=2, num_grow_ch=4), (2, 3, 8, 8)),
        (lambda: SSR_UNetDiscriminatorSN(3, num_feat=8), (2, 3, 16, 16)),
        (small_srcnn, (2, 2, 3, 8, 8)),
        (small_highresnet, (2, 4, 3, 8, 8)),
    ],
    ids=["rrdbnet", "discriminator", "srcnn", "highresnet"],
)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Weights of a new network come from torch's global generator."""
    torch.manual_seed(0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['model']}-{case['parameters']}")
def test_known_answer(case: dict[str, Any]) -> None:
    network = NETWORKS[case["model"]](**case["config"]).eval()
    assert {name: list(tensor.shape) for name, tensor in network.state_dict().items()} == case["state"]
    assert sum(parameter.numel() for parameter in network.parameters()) == case["parameters"]
    network.load_state_dict(filled(network.state_dict()), strict=True)
    with torch.inference_mode():  # in double precision, where every processor gives the same
        output = network.double()(fixed_input(case["input_shape"]).double())
    assert list(output.shape) == case["output_shape"]
    tolerance = 1e-4 * case["std"]
    flat = output.flatten().double()
    for index, value in case["samples"].items():
        assert flat[int(index)].item() == pytest.approx(value, abs=tolerance)
    assert flat.mean().item() == pytest.approx(case["mean"], abs=tolerance)
    assert flat.std().item() == pytest.approx(case["std"], abs=tolerance)


@pytest.mark.parametrize("scale", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("size", [(8, 12), (4, 20)])
def test_rrdbnet_enlarges_any_size(scale: int, size: tuple[int, int]) -> None:
    network = SSR_RRDBNet(2, 3, scale=scale, num_feat=8, num_block=1, num_grow_ch=4)
    assert network(torch.rand(1, 2, *size)).shape == (1, 3, scale * size[0], scale * size[1])


def test_rrdbnet_takes_odd_sizes_at_scale_4() -> None:
    network = SSR_RRDBNet(3, 3, num_feat=8, num_block=1, num_grow_ch=4)
    assert network(torch.rand(1, 3, 7, 5)).shape == (1, 3, 28, 20)


def test_rrdbnet_refuses_what_it_cannot_do() -> None:
    network = SSR_RRDBNet(3, 3, scale=2, num_feat=8, num_block=1, num_grow_ch=4)
    with pytest.raises(ValueError, match="got 7x8 px at scale 2, expected multiples of 2"):
        network(torch.rand(1, 3, 7, 8))
    with pytest.raises(ValueError, match="got scale=3, expected one of"):
        SSR_RRDBNet(3, 3, scale=3)


def test_dense_blocks_start_at_a_tenth_of_he_initialization() -> None:
    conv = ResidualDenseBlock(64, 32).conv5
    fan_in = conv.weight[0].numel()
    assert conv.weight.std().item() == pytest.approx(0.1 * math.sqrt(2 / fan_in), rel=0.02)
    assert conv.bias is not None
    assert not conv.bias.any()


@each_small_network
def test_batch_layout_and_precision_change_little(build: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    network, x = build().eval(), torch.rand(shape)
    with torch.inference_mode():
        expected = network(x)
        alone = torch.cat([network(image[None]) for image in x])
        network.to(memory_format=torch.channels_last)
        channels_last = network(x.to(memory_format=torch.channels_last) if x.ndim == 4 else x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            bf16 = network(x)
    size = expected.abs().max()
    assert (alone - expected).abs().max() < 1e-4 * size
    assert (channels_last - expected).abs().max() < 1e-4 * size
    assert (bf16.float() - expected).abs().max() < 0.05 * size


@each_small_network
def test_every_trainable_parameter_gets_a_finite_gradient(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    network = build().train()
    network(torch.rand(shape)).square().mean().backward()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name


def test_discriminator_keeps_size_and_refuses_what_does_not_fit() -> None:
    network = SSR_UNetDiscriminatorSN(3, num_feat=4)
    assert network(torch.rand(2, 3, 24, 16)).shape == (2, 1, 24, 16)
    with pytest.raises(ValueError, match="got 20x16 px, expected multiples of 8"):
        network(torch.rand(2, 3, 20, 16))


def test_discriminator_skip_connection_matters() -> None:
    with_skip = SSR_UNetDiscriminatorSN(3, num_feat=4).eval()
    without_skip = SSR_UNetDiscriminatorSN(3, num_feat=4, skip_connection=False).eval()
    without_skip.load_state_dict(with_skip.state_dict())
    x = torch.rand(1, 3, 16, 16)
    assert not torch.allclose(with_skip(x), without_skip(x))


def test_discriminator_layers_have_unit_spectral_norm_after_iterations() -> None:
    network = SSR_UNetDiscriminatorSN(3, num_feat=4).train()
    with torch.no_grad():
        for _ in range(50):
            network(torch.rand(1, 3, 8, 8))
    for name in ("conv1", "conv4", "conv8"):
        weight = network.get_submodule(name).weight
        assert torch.linalg.matrix_norm(weight.flatten(1), ord=2).item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("output_size", "expected"), [(None, (32, 48)), (24, (24, 36)), (32, (32, 48)), (40, (40, 60))]
)
def test_srcnn_output_follows_input_or_output_size(output_size: int | None, expected: tuple[int, int]) -> None:
    assert small_srcnn(output_size=output_size)(torch.rand(1, 2, 3, 8, 12)).shape == (1, 1, 3, *expected)


def test_srcnn_shrinks_with_antialiasing() -> None:
    checkerboard = (torch.arange(32)[:, None] + torch.arange(32)[None]) % 2
    resized = small_srcnn(output_size=16)._resize(checkerboard.float()[None, None])
    assert resized.std() < 0.05


def test_srcnn_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="got 3 dates, expected 2"):
        small_srcnn()(torch.rand(1, 3, 3, 8, 8))
    with pytest.raises(ValueError, match="got mask_channels=1, expected 0"):
        small_srcnn(mask_channels=1)
    with pytest.raises(ValueError, match="got 20 hidden channels at zoom_factor=4, expected a multiple of 16"):
        small_srcnn(hidden_channels=20)


@pytest.mark.parametrize(
    ("sizes", "expected"), [((64, 23, 32), 16_710_083), ((128, 30, 64), 86_917_891), ((256, 30, 128), 347_538_947)]
)
def test_the_published_sizes_have_the_published_number_of_parameters(
    sizes: tuple[int, int, int], expected: int
) -> None:
    with torch.device("meta"):
        network = SSR_RRDBNet(24, 3, 4, *sizes)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


@pytest.mark.parametrize("dates", [1, 2, 3, 5, 8, 9])
@pytest.mark.parametrize("size", [32, 40, 57])
def test_highresnet_takes_any_number_of_dates_and_any_size(dates: int, size: int) -> None:
    assert small_highresnet()(torch.rand(1, dates, 3, size, 33)).shape == (1, 1, 3, 4 * size, 132)


def test_highresnet_pairs_the_first_half_of_the_dates_with_the_second() -> None:
    network = small_highresnet()
    a, b, c, d = torch.rand(4, 1, 3, 6, 6)

    def sr(*dates: Tensor) -> Tensor:
        return network(torch.stack(dates, dim=1))

    def fused(x: Tensor, y: Tensor) -> Tensor:
        return network.fusion(torch.stack((x, y), dim=1))

    ab, cd = (fused(network.encoder(x), network.encoder(y)) for x, y in ((a, c), (b, d)))
    torch.testing.assert_close(sr(a, b, c, d)[:, 0], network.sr(fused(ab, cd)))
    assert not torch.allclose(sr(a, b, c, d), sr(a, c, b, d))


def test_highresnet_fills_up_with_empty_encodings() -> None:
    network = small_highresnet()
    encodings = torch.rand(1, 3, 16, 6, 6)
    filled_up = torch.cat((encodings, torch.zeros(1, 1, 16, 6, 6)), dim=1)
    assert torch.equal(network.fusion(encodings), network.fusion(filled_up))


def test_highresnet_trains_one_block_for_all_levels() -> None:
    network = small_highresnet(revisits=8)
    assert len(network.fusion.fusion) == 3
    assert len({id(block) for block in network.fusion.fusion}) == 1
    trained = {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad}
    assert trained == {"encoder", "fusion", "sr"}


@pytest.mark.parametrize(("dates", "expected"), [(1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (8, 3), (16, 4)])
def test_levels_halve_until_one_date_is_left(dates: int, expected: int) -> None:
    assert levels(dates) == expected


@pytest.mark.parametrize("build", [small_srcnn, small_highresnet])
def test_dropout_is_one_half_as_published_unless_settings_say_otherwise(build: Callable[..., nn.Module]) -> None:
    lr = torch.rand(1, 2, 3, 8, 8)
    published, without = build(revisits=2).train(), build(revisits=2, dropout=0.0).train()
    assert {part.p for part in published.modules() if isinstance(part, nn.Dropout)} == {0.5}
    without.load_state_dict(published.state_dict())  # the same weights fit both
    assert not torch.equal(published(lr), published(lr))
    assert torch.equal(without(lr), without(lr))
    assert torch.equal(without(lr), published.eval()(lr))
