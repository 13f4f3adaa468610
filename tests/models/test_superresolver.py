"""The common interface: shapes, errors, and files that come back as they went."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from satsr.data.dates import median_of_valid
from satsr.data.seen import Seen
from satsr.models.autoencoder import tiny_config
from satsr.models.diffusion.unet import latent_unet_config
from satsr.models.files import load_model, save_model
from satsr.models.methods import METHODS, find_method
from satsr.models.pixel_diffusion import SR3_CHAIN, PixelDiffusion
from satsr.models.superresolver import (
    NETWORKS,
    ModelCard,
    Sizes,
    SuperResolver,
    build_discriminator,
    network_scale,
)
from tests.made.same_images import assert_same

RGB = ("red", "green", "blue")
UNET = {"widths": (8, 16), "blocks": 1, "attention": (), "sampling_steps": 2, "eta": 0.0}
LATENT = {
    "autoencoder": {
        **tiny_config(channels=4, width=8, levels=2, blocks=1, patch=2),
        "latents_mean": [0.1, -0.2, 0.0, 0.3],
        "scaling_factor": 1.5,
    },
    "unet": latent_unet_config(4, (8, 16), 1, ()),
    "sampling_steps": 2,
}
SIZES: dict[str, Sizes] = {
    "bicubic": {},
    "srcnn": {"hidden_channels": 16},
    "highresnet": {"hidden_channels": 16},
    "esrgan": {"num_feat": 8, "num_block": 1, "num_grow_ch": 4},
    "sr3": {**UNET, "steps": 50},  # a short chain ends with signal left, so that rounding is not blown up
    "flow": {**UNET, "prediction": "velocity"},
    "satdiffmoe": {**LATENT, "every": 1},
    "satdiffmoe_absolute": {**LATENT, "every": 1},
    "controlnet": LATENT,
}


def card(method: str, dates: int = 3, bands: tuple[str, ...] = RGB) -> ModelCard:
    return ModelCard(method, SIZES[method], dates, bands, RGB, 4, provenance={"seed": 0})


def run(model: SuperResolver, lr: Tensor) -> Tensor:
    """Super-resolve with every date known."""
    count = len(lr)
    return model(lr, torch.zeros(lr.shape[:2]), torch.zeros(count, 2, dtype=torch.int64), torch.full((count,), 17000.0))


def test_every_method_has_a_size_here() -> None:
    assert set(SIZES) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_facts_are_those_of_the_network(method: str) -> None:
    facts, network = find_method(method), NETWORKS[method].kind
    assert facts.learns == any(value.requires_grad for value in SuperResolver(card(method)).parameters())
    assert facts.denoises == hasattr(network, "denoise")
    assert facts.pretrained == hasattr(network, "start_from")


def test_every_method_has_facts_and_a_network() -> None:
    assert list(METHODS) == list(NETWORKS)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(32, 32), (40, 57), (7, 9), (1, 1), (1, 6)])
def test_any_height_and_width(method: str, size: tuple[int, int]) -> None:
    model = SuperResolver(card(method)).eval()
    sr = run(model, torch.rand(2, 3, 3, *size))
    assert sr.shape == (2, 3, 4 * size[0], 4 * size[1])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dates", [1, 2, 8])
@pytest.mark.parametrize("given", [1, 3, 9])
def test_any_number_of_dates_it_was_built_for_or_is_given(method: str, dates: int, given: int) -> None:
    bands = RGB if find_method(method).pretrained else (*RGB, "b08")
    model = SuperResolver(card(method, dates, bands)).eval()
    assert run(model, torch.rand(1, given, len(bands), 32, 32)).shape == (1, 3, 128, 128)


@pytest.mark.parametrize("method", METHODS)
def test_an_image_does_not_depend_on_its_batch(method: str) -> None:
    model = SuperResolver(card(method)).eval()
    lr = torch.rand(3, 3, 3, 32, 32)
    torch.testing.assert_close(run(model, lr)[1:2], run(model, lr[1:2]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 0, 3, 32, 32), (1, 3, 4, 32, 32), (3, 3, 32, 32), (1, 3, 3, 0, 32)])
def test_no_dates_wrong_bands_or_axes_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \(N, T, C=3, h, w\) with T, h and w at least 1"):
        SuperResolver(card("esrgan"))(torch.rand(shape))


@pytest.mark.parametrize("method", METHODS)
def test_saved_models_come_back(method: str, tmp_path: Path) -> None:
    model = SuperResolver(card(method), seed=4).eval()
    save_model(model, tmp_path)
    again = load_model(tmp_path)
    lr = torch.rand(1, 3, 3, 32, 32)
    assert again.card == model.card
    assert all(torch.equal(again.state_dict()[name], value) for name, value in model.state_dict().items())
    assert_same(run(again, lr), run(model, lr))


@pytest.mark.parametrize("method", ["srcnn", "highresnet"])
def test_a_card_tells_the_dropout_and_one_without_it_means_the_published(method: str, tmp_path: Path) -> None:
    old = SuperResolver(card(method), seed=4)
    for number, (sizes, expected) in enumerate(((old.card.network, 0.5), ({**old.card.network, "dropout": 0.0}, 0.0))):
        model = SuperResolver(replace(old.card, network=sizes))
        model.load_state_dict(old.state_dict())
        save_model(model, tmp_path / str(number))
        again = load_model(tmp_path / str(number))
        parts = {name: part.p for name, part in again.named_modules() if isinstance(part, nn.Dropout)}
        assert {p for name, p in parts.items() if "mask_encoder" not in name} == {expected}  # which nobody runs
        assert again.card.network.get("dropout", 0.5) == expected


def test_same_seed_same_weights_and_the_callers_state_stays() -> None:
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    first, second = (SuperResolver(card("esrgan"), seed=5).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(first[k], second[k]) for k in first)


def test_unknown_method_and_size_list_the_known_ones() -> None:
    known = "bicubic, srcnn, highresnet, esrgan, sr3, flow, satdiffmoe, satdiffmoe_absolute, controlnet"
    with pytest.raises(ValueError, match=f"unknown method 'unet': expected one of {known}"):
        find_method("unet")
    wrong = ModelCard("esrgan", {"feat": 3}, 3, RGB, RGB, 4)
    with pytest.raises(ValueError, match=r"train\.esrgan\.network: unknown size feat; SSR_RRDBNet takes .*num_feat"):
        SuperResolver(wrong)


def test_only_methods_with_trajectories_have_a_spread() -> None:
    lr = torch.rand(2, 3, 3, 8, 8)
    for part in SuperResolver(card("satdiffmoe")).eval().spread(lr):
        assert part.shape == (2, 3, 32, 32)
    with pytest.raises(ValueError, match="sr3 has no trajectories whose spread could be told: use satdiffmoe"):
        SuperResolver(card("sr3")).spread(lr)


def test_truncated_weights_are_refused_with_the_file(tmp_path: Path) -> None:
    save_model(SuperResolver(card("esrgan")), tmp_path)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"weights\.safetensors cannot be read as weights"):
        load_model(tmp_path)


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    save_model(SuperResolver(card("esrgan")), tmp_path)
    text = (tmp_path / "card.json").read_text()
    (tmp_path / "card.json").write_text(text.replace('"num_feat": 8', '"num_feat": 16'))
    with pytest.raises(ValueError, match="does not fit its card"):
        load_model(tmp_path)


def test_a_folder_without_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no card\.json"):
        load_model(tmp_path)


def test_discriminator_sees_the_image_and_every_date() -> None:
    """27 channels with the dates, 30 with older HR too (Zooming Out, A.5.2), 3 without either."""
    channels = {(): 3, ("lr",): 27, ("lr", "old_hr"): 30}
    for sees, expected in channels.items():
        network = build_discriminator(card("esrgan", dates=8), {"num_feat": 4}, seed=0, sees=sees)
        assert network.conv0.in_channels == expected


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(0, 2**31))
def test_median_leaves_black_dates_out(dates: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lr = rng.uniform(0.1, 1, (1, dates, 3, 4, 4)).astype(np.float32)
    lr[:, rng.random(dates) < 0.4] = 0
    seen = lr[0][lr[0].sum(axis=(1, 2, 3)) > 0]
    expected = np.sort(seen, axis=0)[(len(seen) - 1) // 2] if len(seen) else np.zeros((3, 4, 4), np.float32)
    np.testing.assert_array_equal(median_of_valid(torch.from_numpy(lr))[0].numpy(), expected)


DOUBLING = ("srcnn", "highresnet", "esrgan")  # networks that were published with scales of 2, 4, 8, ...


@pytest.mark.parametrize("method", DOUBLING)
@pytest.mark.parametrize("size", [(16, 16), (7, 10)])
def test_x3_is_a_x4_network_and_a_resize(method: str, size: tuple[int, int]) -> None:
    model = SuperResolver(replace(card(method), scale=3), seed=2).eval()
    four_times = SuperResolver(card(method), seed=2).eval()
    assert model.resizes
    assert network_scale(model.card) == 4
    lr = torch.rand(2, 3, 3, *size)
    sr, before = run(model, lr), run(four_times, lr)
    assert sr.shape == (2, 3, 3 * size[0], 3 * size[1])
    assert before.shape == (2, 3, 4 * size[0], 4 * size[1])  # the same weights: the inner network is that of x4
    height, width = sr.shape[-2:]
    smaller = [
        np.asarray(Image.fromarray(band.detach().numpy()).resize((width, height), Image.Resampling.BILINEAR))
        for band in before.flatten(0, 1)
    ]
    np.testing.assert_allclose(sr.flatten(0, 1).detach(), np.stack(smaller), atol=1e-4)  # Pillow's is antialiased


@pytest.mark.parametrize("method", DOUBLING)
def test_x4_leaves_the_networks_output_alone(method: str) -> None:
    model = SuperResolver(card(method), seed=2).eval()
    assert not model.resizes
    lr = torch.rand(1, 3, 3, 8, 9)
    raw = model.network(lr.flatten(1, 2) if method == "esrgan" else lr)
    assert torch.equal(run(model, lr), raw.view(1, 3, 32, 36))


@pytest.mark.parametrize(("scale", "inner"), [(2, 2), (3, 4), (4, 4), (5, 8), (8, 8)])
def test_doubling_networks_enlarge_by_the_next_power_of_two(scale: int, inner: int) -> None:
    assert network_scale(replace(card("esrgan"), scale=scale)) == inner
    assert network_scale(replace(card("sr3"), scale=scale)) == scale


@pytest.mark.parametrize("method", ["bicubic", "sr3", "flow"])
@pytest.mark.parametrize("size", [(16, 16), (7, 9)])
def test_other_methods_enlarge_by_three_themselves(method: str, size: tuple[int, int]) -> None:
    model = SuperResolver(replace(card(method), scale=3)).eval()
    assert not model.resizes
    assert run(model, torch.rand(1, 3, 3, *size)).shape == (1, 3, 3 * size[0], 3 * size[1])


X3_DIFFUSION: Sizes = {
    "process": replace(SR3_CHAIN, steps=50),
    "sampling_steps": 2,
    "eta": 0.0,
    "widths": (8, 8, 8),
    "blocks": 1,
    "attention": (),
}


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("size", [(8, 8), (7, 9), (15, 10)])
def test_pixel_diffusion_samples_at_x3(size: tuple[int, int], residual: bool, patch: int) -> None:
    network = PixelDiffusion(1, 2, 1, scale=3, patch=patch, residual=residual, **X3_DIFFUSION).eval()
    with torch.no_grad():
        place, days = torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2)
        sr = network(Seen(torch.rand(1, 2, 1, *size), days, place, torch.zeros(1)))
    assert sr.shape == (1, 1, 3 * size[0], 3 * size[1])
    assert sr.isfinite().all()


@pytest.mark.parametrize("size", [(8, 8), (20, 20), (7, 9)])
def test_pixel_diffusion_trains_at_x3(size: tuple[int, int]) -> None:
    network = PixelDiffusion(1, 2, 1, scale=3, **X3_DIFFUSION)
    height, width = (3 * side for side in size)
    lr, hr = torch.rand(1, 2, 1, *size), torch.rand(1, 1, height, width)
    seen = Seen(lr, torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1))
    output, wanted = network.denoise(seen, hr, 0)
    assert output.shape == wanted.shape == (1, 1, height, width)


@pytest.mark.parametrize("method", ["bicubic", "srcnn", "esrgan"])
def test_values_that_are_no_shares_of_white_are_refused(method: str) -> None:
    """Counts, 8-bit values, values about 0 and NaN would give a picture that looks like one."""
    model = SuperResolver(card(method)).eval()
    good = torch.rand(1, 8, 3, 8, 8)
    nan = good.clone()
    nan[0, 2, 1, 5, 5] = torch.nan
    eight_bit = (good * 255).to(torch.uint8)
    for wrong, said in (
        (good * 10_000, "lr in "),
        (eight_bit.float(), "lr in "),
        (good * 2 - 1, "lr in "),
        (nan, "NaN in lr"),
        (eight_bit, "lr of torch.uint8"),
    ):
        with pytest.raises(ValueError, match=rf"{method} got {said}.*expected floating-point numbers in \[0, 1\]"):
            model(wrong)
    assert torch.isfinite(model(good * 1.02 - 0.01)).all()


@pytest.mark.parametrize("method", METHODS)
def test_numbers_of_another_precision_are_computed_in_the_networks_own(method: str) -> None:
    model = SuperResolver(card(method)).eval()
    lr = torch.rand(1, 3, 3, 8, 8).half()
    expected = run(model, lr.float())
    for given_as in (lr, lr.double()):
        sr = run(model, given_as)
        assert sr.dtype == torch.float32
        torch.testing.assert_close(sr, expected)


@pytest.mark.parametrize("shape", [(1, 2), (3,), (2, 3)])
def test_times_of_other_dates_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"got dt_days .*, expected \(1, 3\): a number of days for each date"):
        SuperResolver(card("esrgan")).eval()(torch.rand(1, 3, 3, 8, 8), torch.zeros(shape))


def test_what_is_no_tensor_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got lr of ndarray, expected a tensor"):
        SuperResolver(card("esrgan")).eval()(np.zeros((1, 3, 3, 8, 8), np.float32))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"scale": -1}, "got scale -1"), ({"dates": 0}, "got dates 0"), ({"dates": 2.5}, "got dates 2.5"),
     ({"bands_in": []}, "got bands_in"), ({"bands_out": "rgb"}, "got bands_out")],
)  # fmt: skip
def test_a_card_that_cannot_be_is_refused(change: dict[str, object], said: str, tmp_path: Path) -> None:
    save_model(SuperResolver(card("srcnn")), tmp_path)
    path = tmp_path / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=rf"card\.json is not a model card \({said}"):
        load_model(tmp_path)
