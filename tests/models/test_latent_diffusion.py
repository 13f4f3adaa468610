"""Latent diffusion from one image: any size, a start from what is pretrained, and what it learns from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor

from satsr.data.seen import Seen
from satsr.models.diffusion.when import features
from satsr.models.latent_diffusion import LatentDiffusion
from tests.models.small_latents import AUTOENCODER, DAY, PLACE, autoencoder_weights, days, network, prior, seen, series

each_condition = pytest.mark.parametrize("condition", ["channels", "beside", "control"])


def noisy_latents(seed: int = 0) -> Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


def predicted(model: LatentDiffusion, noisy: Tensor, lr: Tensor, dt: Tensor) -> Tensor:
    """What the network predicts at steps 5 and 600 of the chain for single images (N, 3, h, w)."""
    told = torch.tensor([5.0, 600.0])
    return model._call(noisy, told, model._beside(lr), model._when(dt, PLACE, DAY))


# Shapes


@each_condition
@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 3)])
@pytest.mark.parametrize("dates", [1, 3])
@torch.inference_mode()
def test_any_size_and_number_of_dates(condition: str, size: tuple[int, int], dates: int) -> None:
    sr = network(condition=condition)(seen(series(dates, size), days(dates)))
    assert sr.shape == (2, 3, 4 * size[0], 4 * size[1])
    assert sr.isfinite().all()


@pytest.mark.parametrize(("levels", "patch"), [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("condition", ["channels", "control"])
@torch.inference_mode()
def test_any_factor_of_the_autoencoder(condition: str, levels: int, patch: int) -> None:
    sizes = {f"{part}_block_out_channels": [8] * levels for part in ("encoder", "decoder")}
    blocks = {f"num_{part}_blocks": [1] * levels for part in ("encoder", "decoder")}
    config = {**AUTOENCODER, **sizes, **blocks, "patch": patch, "in_channels": 3 * patch**2}
    model = network(condition=condition, autoencoder={**config, "out_channels": 3 * patch**2}, sampling_steps=1)
    assert model(seen(series(1, (6, 7)), days(1))).shape == (2, 3, 24, 28)


@each_condition
@torch.inference_mode()
def test_the_image_that_is_given_counts(condition: str) -> None:
    model = network(condition=condition)
    first, second = (model(seen(series(1, seed=seed), days(1))) for seed in (0, 1))
    assert (first - second).abs().max() > 1e-4


@each_condition
@pytest.mark.parametrize(("time", "counts"), [("relative", True), ("absolute", True), ("none", False)])
@torch.inference_mode()
def test_time_counts_where_it_is_told(condition: str, time: str, counts: bool) -> None:
    model = network(condition=condition, time=time)
    first, second = (model(seen(series(1), dt + days(1))) for dt in (0, 100))
    assert bool((first - second).abs().max() > 1e-5) == counts


# The start


def started(**changes: Any) -> LatentDiffusion:
    """A network as training makes it, then from what is pretrained."""
    torch.manual_seed(1)
    options = {"autoencoder": AUTOENCODER, "unet": dict(prior().config), "sampling_steps": 3, **changes}
    model = LatentDiffusion(3, 3, 4, **options).eval()
    model.start_from(autoencoder_weights(7), prior(8).state_dict())
    return model


@pytest.mark.parametrize("condition", ["channels", "control"])
@torch.inference_mode()
def test_it_starts_from_what_the_prior_predicts_whatever_the_image_and_time(condition: str) -> None:
    model, noisy = started(condition=condition), noisy_latents()
    expected = prior(8)(noisy, torch.tensor([5.0, 600.0]), None).sample
    for seed in (0, 1):
        found = predicted(model, noisy, series(1, seed=seed)[:, 0], 100.0 * torch.tensor([seed, -3.0]))
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_beside_the_prior_sees_the_wide_latent() -> None:
    model, noisy, lr = started(condition="beside"), noisy_latents(), series(1)[:, 0]
    wide = torch.cat((model._beside(lr), noisy), dim=3)
    expected = prior(8)(wide, torch.tensor([5.0, 600.0]), None).sample[..., 8:]
    torch.testing.assert_close(predicted(model, noisy, lr, torch.zeros(2)), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("condition", ["channels", "control"])
@torch.inference_mode()
def test_a_prior_with_text_is_given_one_learned_token(condition: str) -> None:
    """Stable Diffusion's U-Net has cross-attention; the token starts at zero."""
    with torch.inference_mode(False):
        text = UNet2DConditionModel(
            in_channels=4,
            out_channels=4,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=12,
            norm_num_groups=4,
            attention_head_dim=4,
        ).eval()
        model = LatentDiffusion(3, 3, 4, AUTOENCODER, dict(text.config), condition=condition).eval()  # type: ignore[arg-type]
        model.start_from(autoencoder_weights(), text.state_dict())
    noisy = noisy_latents()
    expected = text(noisy, torch.tensor([5.0, 600.0]), torch.zeros(2, 1, 12)).sample
    found = predicted(model, noisy, series(1)[:, 0], torch.zeros(2))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_autoencoder_is_the_one_that_was_trained() -> None:
    state = started().autoencoder.network.state_dict()
    assert all(torch.equal(value, autoencoder_weights(7)[name]) for name, value in state.items())


def test_a_controlnet_starts_as_a_copy_of_the_encoder() -> None:
    model, pretrained = started(condition="control"), prior(8).state_dict()
    assert model.control is not None
    shared = {name: value for name, value in model.control.state_dict().items() if name in pretrained}
    assert {name.split(".")[0] for name in shared} == {"conv_in", "time_embedding", "down_blocks", "mid_block"}
    assert all(torch.equal(value, pretrained[name]) for name, value in shared.items())


@pytest.mark.parametrize(("condition", "learns"), [("channels", "unet"), ("beside", "unet"), ("control", "control")])
def test_only_what_should_learn_learns(condition: str, learns: str) -> None:
    model = started(condition=condition).train()
    assert {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad} == {learns}
    output, wanted = model.denoise(seen(series(), days()), torch.rand(2, 3, 32, 32), 0)
    (output - wanted).square().mean().backward()
    touched = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert {name.split(".")[0] for name in touched} == {learns}
    if condition == "control":  # its zero convolutions come first
        assert any(name.startswith("control.controlnet_down_blocks") for name in touched)
    else:
        assert "unet.class_embedding.linear_2.weight" in touched


def test_a_controlnet_learns_of_time_after_its_first_step() -> None:
    model = started(condition="control").train()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    for _ in range(2):
        optimizer.zero_grad()
        output, wanted = model.denoise(seen(series(), days()), torch.rand(2, 3, 32, 32), 0)
        (output - wanted).square().mean().backward()
        optimizer.step()
    assert model.control is not None
    assert model.control.class_embedding.linear_2.weight.grad.any()  # type: ignore[union-attr, operator]


@pytest.mark.parametrize("condition", ["channels", "beside"])
@torch.inference_mode()
def test_with_a_skip_it_starts_from_the_enlarged_image(condition: str) -> None:
    model, lr = started(condition=condition, prediction="clean", skip=True), series(1)
    enlarged = F.interpolate(lr[:, 0], scale_factor=4, mode="bicubic", align_corners=False).clamp(0, 1)
    torch.testing.assert_close(model(seen(lr, days(1))), model.autoencoder(enlarged)[1], atol=1e-5, rtol=1e-4)
    others = {name: value for name, value in prior(8).state_dict().items() if not name.startswith("conv_out")}
    found = model.unet.state_dict()
    assert all(torch.equal(found[name], value) for name, value in others.items() if found[name].shape == value.shape)


@torch.inference_mode()
def test_a_skip_adds_the_enlarged_image_to_what_the_network_says() -> None:
    plain, skipping = (network(prediction="clean", skip=skip) for skip in (False, True))
    noisy, lr = noisy_latents(), series(1)[:, 0]
    added = predicted(skipping, noisy, lr, torch.zeros(2)) - predicted(plain, noisy, lr, torch.zeros(2))
    torch.testing.assert_close(added, plain._beside(lr), atol=1e-5, rtol=1e-4)


# What is learned from


def test_training_asks_for_what_was_promised_and_repeats_itself() -> None:
    """v = alpha * noise - sigma * clean, on one circle per image (Salimans and Ho, 2022)."""
    hr = torch.rand(2, 3, 32, 32)
    asked = {}
    for prediction in ("noise", "clean", "v"):
        model = network(prediction=prediction)
        output, wanted = model.denoise(seen(series(), days()), hr, 3)
        again, same = model.denoise(seen(series(), days()), hr, 3)
        assert output.shape == wanted.shape == (2, 4, 8, 8)
        assert torch.equal(output, again)
        assert torch.equal(wanted, same)
        asked[prediction] = wanted
    assert asked["noise"].mean().item() == pytest.approx(0, abs=0.2)
    assert asked["noise"].std().item() == pytest.approx(1, abs=0.15)
    torch.testing.assert_close(asked["clean"], model.autoencoder.encode(hr))
    for noise, clean, v in zip(*(asked[name].flatten(1).double() for name in ("noise", "clean", "v")), strict=True):
        (alpha, minus_sigma), residual, *_ = np.linalg.lstsq(torch.stack((noise, clean), dim=1), v, rcond=None)
        assert residual.item() < 1e-6
        assert math.hypot(alpha, minus_sigma) == pytest.approx(1, abs=1e-3)
    _, other = model.denoise(seen(series(), days()), hr, 4)
    assert not torch.equal(other, asked["v"])


def test_every_date_that_shows_something_is_learned_from_with_its_own_time() -> None:
    model = network(condition="control")
    values = torch.tensor([0.1, 0.0, 0.3, 0.4])
    lr, dt = values.view(1, 4, 1, 1, 1).expand(200, 4, 3, 2, 2), 100.0 * torch.arange(4).expand(200, 4)
    learned: list[float] = []

    def watch(noisy: Tensor, told: Tensor, beside: Tensor, when: Tensor) -> Tensor:
        shown = (beside.mean(dim=(1, 2, 3)) + 1) / 2
        chosen = (shown[:, None] - values).abs().argmin(dim=1)
        expected = features("relative", 100.0 * chosen, torch.zeros(200, 2), torch.zeros(200))
        torch.testing.assert_close(when, expected)
        learned.extend(chosen.tolist())
        return noisy

    model._call = watch  # type: ignore[method-assign, assignment]
    model.denoise(Seen(lr, dt, PLACE.repeat(100, 1), DAY.repeat(100)), torch.rand(200, 3, 8, 8), 0)
    shares = np.bincount(learned, minlength=4) / 200
    assert shares[1] == 0  # the black one
    np.testing.assert_allclose(shares[[0, 2, 3]], 1 / 3, atol=0.14)


# Refusals


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"condition": "above"}, "got condition 'above', expected channels, beside or control"),
        ({"prediction": "velocity"}, "got prediction 'velocity', expected noise, clean or v"),
        ({"zero_snr": True}, "got zero_snr with prediction 'noise', expected 'v' or 'clean'"),
        ({"sampling_steps": 1001}, "got 1001 sampling steps, expected 1 to 1000"),
        ({"strength": 2.0}, r"fusion: got .*strength=2\.0"),
        ({"dates": "latest"}, "latest"),
        ({"time": "monthly"}, "monthly"),
        ({"draws": 0}, "draws"),
        ({"skip": True}, "got skip with prediction 'noise' and condition 'channels', expected 'clean' and a latent"),
        ({"skip": True, "prediction": "clean", "condition": "control"}, "got skip with .* condition 'control'"),
    ],
)
def test_unknown_values_and_those_that_exclude_each_other_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        network(**changes)


def test_other_bands_than_the_autoencoders_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got 4 bands in and 3 out, .*set pairs\.bands to \[tci\]"):
        LatentDiffusion(4, 3, 4, AUTOENCODER, dict(prior().config))


def test_an_unknown_time_is_refused_where_it_is_told() -> None:
    unknown = torch.full((2, 3), torch.nan)
    with pytest.raises(ValueError, match="a method with relative time got images without dates"):
        network()(seen(series(), unknown))
    with torch.inference_mode():
        assert network(time="none")(seen(series(), unknown)).isfinite().all()
