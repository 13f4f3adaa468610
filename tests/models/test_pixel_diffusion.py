"""SR3 and the straight flow behind the common interface."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from satsr.data.seen import Seen
from satsr.models.bicubic import BicubicMedian
from satsr.models.diffusion.process import StraightFlow
from satsr.models.pixel_diffusion import SR3_CHAIN, PixelDiffusion
from satsr.models.superresolver import ModelCard, SuperResolver

RGB = ("red", "green", "blue")
SMALL: dict[str, Any] = {"widths": (8, 16), "blocks": 1, "attention": (), "dropout": 0.0, "sampling_steps": 3}


def network(**changes: Any) -> PixelDiffusion:
    torch.manual_seed(0)
    return PixelDiffusion(3, 2, 3, **{**SMALL, **changes}).eval()


def flow(**changes: Any) -> PixelDiffusion:
    return network(**{"process": StraightFlow(), "prediction": "velocity", "eta": 0.0, **changes})


def series(seed: int = 0, size: tuple[int, int] = (8, 8)) -> Tensor:
    return torch.rand(2, 2, 3, *size, generator=torch.Generator().manual_seed(seed))


DT, PLACE, DAY = torch.zeros(2, 2), torch.tensor([[0, 0], [8, 16]]), torch.full((2,), torch.nan)


def seen(lr: Tensor) -> Seen:
    return Seen(lr, DT, PLACE, DAY)


def test_the_published_size() -> None:
    with torch.device("meta"):
        unet = PixelDiffusion(3, 8, 3).unet
    assert unet.config.in_channels == 27  # type: ignore[union-attr]
    assert tuple(unet.config.block_out_channels) == (64, 128, 256, 512, 512)  # type: ignore[union-attr]
    kinds = [type(block).__name__ for block in unet.down_blocks]  # type: ignore[union-attr]
    assert [kind.startswith("Attn") for kind in kinds] == [False, False, False, True, False]  # 128 px -> 16 px


@pytest.mark.parametrize("make", [network, flow])
@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 3)])
def test_any_height_and_width(make: Any, size: tuple[int, int]) -> None:
    sr = make(widths=(8, 8, 16, 16))(seen(series(size=size)))
    assert sr.shape == (2, 3, 4 * size[0], 4 * size[1])
    assert sr.isfinite().all()


@pytest.mark.parametrize("make", [network, flow])
def test_an_image_depends_on_its_place_and_not_on_its_batch(make: Any) -> None:
    model, lr = make(), series()
    together = model(seen(lr))
    torch.testing.assert_close(model(Seen(lr[1:], DT[1:], PLACE[1:], DAY[1:]))[0], together[1], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(model(Seen(lr[1:], DT[1:], PLACE[:1], DAY[1:]))[0], together[1], atol=1e-3)


def test_images_lie_in_range() -> None:
    sr = network()(seen(series()))
    assert sr.min() >= 0
    assert sr.max() <= 1


def test_training_asks_for_the_noise_that_was_added() -> None:
    model = network()
    hr = torch.rand(2, 3, 32, 32)
    output, wanted = model.denoise(seen(series()), hr, 1)
    again, same = model.denoise(seen(series()), hr, 1)
    assert output.shape == wanted.shape == hr.shape
    assert torch.equal(output, again)
    assert torch.equal(wanted, same)
    assert abs(wanted.mean()) < 0.1
    assert wanted.std().item() == pytest.approx(1, abs=0.1)
    assert not torch.equal(wanted, model.denoise(seen(series()), hr, 2)[1])


def test_a_network_that_predicts_right_samples_the_target() -> None:
    """With the noise known, one step of the flow is the image."""
    model, hr = flow(sampling_steps=1), torch.rand(2, 3, 32, 32)

    def knows(noisy: Tensor, beside: Tensor, told: Tensor) -> Tensor:
        return noisy - (2 * hr - 1)  # at time 1 the noisy image is the noise

    model._call = knows  # type: ignore[method-assign]
    torch.testing.assert_close(model(seen(series())), hr, atol=1e-5, rtol=1e-4)


def test_a_residual_of_nothing_is_the_baseline() -> None:
    model, lr = network(residual=True, prediction="clean", eta=0.0), series()
    model._call = lambda noisy, beside, told: torch.zeros_like(noisy)  # type: ignore[method-assign]
    torch.testing.assert_close(model(seen(lr)), BicubicMedian(3, 4)(lr))
    _, wanted = model.denoise(seen(lr), BicubicMedian(3, 4)(lr), 0)
    assert wanted.abs().max() < 1e-6


def test_guidance_moves_away_from_what_is_predicted_without_dates() -> None:
    model, lr = network(drop_condition=0.1, prediction="clean", eta=0.0, sampling_steps=1), series()

    def brightness(noisy: Tensor, beside: Tensor, told: Tensor) -> Tensor:
        shown = float((beside != 0).any())  # hidden dates are 0
        return torch.full_like(noisy, 0.1 + 0.2 * shown)

    model._call = brightness  # type: ignore[method-assign]
    plain = model(seen(lr)).mean().item()
    model.guidance = 1.5
    guided = model(seen(lr)).mean().item()
    assert plain == pytest.approx((1 + 0.3) / 2)
    assert guided == pytest.approx((1 + 2.5 * 0.3 - 1.5 * 0.1) / 2)


def test_dates_are_hidden_in_the_share_that_is_asked_for() -> None:
    model = network(drop_condition=0.3)
    hidden = []

    def watch(noisy: Tensor, beside: Tensor, told: Tensor) -> Tensor:
        hidden.extend((beside == 0).all(dim=(1, 2, 3)).tolist())
        return noisy

    model._call = watch  # type: ignore[method-assign]
    lr, hr = torch.rand(500, 2, 3, 2, 2), torch.rand(500, 3, 8, 8)
    model.denoise(Seen(lr, torch.zeros(500, 2), PLACE.repeat(250, 1), DAY.repeat(250)), hr, 0)
    assert sum(hidden) / 500 == pytest.approx(0.3, abs=0.07)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"process": StraightFlow()}, "got process 'flow' with prediction 'noise'"),
        ({"prediction": "velocity"}, "got process 'diffusion' with prediction 'velocity'"),
        (
            {"process": replace(SR3_CHAIN, zero_snr=True)},
            "got zero_snr with prediction 'noise', expected 'v' or 'clean'",
        ),
        ({"process": StraightFlow(), "prediction": "velocity"}, r"got eta=1\.0 for a flow, expected 0"),
        ({"guidance": 1.0}, r"got guidance=1\.0 without drop_condition"),
        ({"process": replace(SR3_CHAIN, steps=10), "sampling_steps": 11}, "got 11 sampling steps, expected 1 to 10"),
    ],
)
def test_values_that_exclude_each_other_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        network(**changes)


def test_the_interface_starts_at_place_zero_where_none_is_given() -> None:
    card = ModelCard("flow", {**SMALL, "prediction": "velocity", "eta": 0.0}, 2, RGB, RGB, 4)
    model = SuperResolver(card).eval()
    lr = series()
    assert torch.equal(model(lr), model(lr, DT, torch.zeros(2, 2, dtype=torch.int64)))
