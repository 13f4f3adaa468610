"""Noise of a place, ways from noise to an image, and the sampler, against diffusers and by their properties."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from satsr.models.diffusion.noise import place_noise
from satsr.models.diffusion.process import Diffusion, Prediction, StraightFlow, asked, clean_estimate
from satsr.models.diffusion.sampler import sample
from satsr.models.diffusion.unet import build_unet, latent_unet_config, norm_groups

CHAIN = Diffusion(steps=100, beta_start=1e-4, beta_end=0.1)


def places(*corners: tuple[int, int]) -> Tensor:
    return torch.tensor(corners)


# Noise


@settings(max_examples=25, deadline=None)
@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40), st.integers(0, 9), st.integers(0, 9))
def test_overlapping_windows_see_one_field(row: int, column: int, down: int, right: int) -> None:
    window, moved = place_noise(places((row, column), (row + down, column + right)), (2, 12, 13), draw=3)
    assert torch.equal(window[:, down:, right:], moved[:, : 12 - down, : 13 - right])


def test_noise_does_not_depend_on_the_batch() -> None:
    together = place_noise(places((0, 0), (5, 7), (-3, 2)), (3, 8, 8), draw=1, seed=4)
    alone = place_noise(places((5, 7)), (3, 8, 8), draw=1, seed=4)
    assert torch.equal(together[1], alone[0])


def test_noise_is_standard_normal_and_independent() -> None:
    field = place_noise(places((0, 0)), (2, 256, 256), draw=0)[0].double()
    assert stats.kstest(field.flatten().numpy(), "norm").pvalue > 1e-3
    for shift in ((0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (0, 0, 16)):
        correlation = (field * field.roll(shift, dims=(0, 1, 2))).mean().item()
        assert abs(correlation) < 4 / math.sqrt(field.numel()), shift


@pytest.mark.parametrize("other", [{"draw": 1}, {"draw": 0, "seed": 1}])
def test_other_draws_and_seeds_are_other_fields(other: dict[str, int]) -> None:
    first, second = (place_noise(places((0, 0)), (1, 128, 128), **k).flatten() for k in ({"draw": 0}, other))
    assert abs(torch.corrcoef(torch.stack((first, second)))[0, 1]) < 4 / 128


def test_noise_is_the_same_on_every_machine() -> None:
    """SplitMix64 in plain Python integers, with scipy's normal quantile."""
    mask = 2**64 - 1

    def mixed(counter: int) -> int:
        value = (counter + 1) * 0x9E3779B97F4A7C15 & mask
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & mask
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB & mask
        return value ^ (value >> 31)

    def normal(row: int, column: int, channel: int, draw: int, seed: int) -> float:
        field = mixed(mixed(seed) + draw & mask)
        bits = mixed(mixed(mixed(field + channel & mask) + row & mask) + column & mask)
        return float(stats.norm.ppf(((bits >> 12) + 0.5) / 2**52))

    found = place_noise(places((7, -2)), (2, 3, 4), draw=5, seed=9)[0]
    expected = [[[normal(7 + r, -2 + c, k, 5, 9) for c in range(4)] for r in range(3)] for k in range(2)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)


# Processes


@pytest.mark.parametrize("schedule", ["linear", "scaled_linear"])
@pytest.mark.parametrize("zero_snr", [False, True])
def test_the_chain_is_that_of_diffusers_at_its_steps(schedule: str, zero_snr: bool) -> None:
    chain = Diffusion(50, 1e-3, 0.05, schedule, zero_snr)
    reference = DDIMScheduler(
        50, beta_start=1e-3, beta_end=0.05, beta_schedule=schedule, rescale_betas_zero_snr=zero_snr
    )
    alpha, sigma = chain.mix(torch.arange(1.0, 51))
    torch.testing.assert_close(alpha**2, reference.alphas_cumprod)
    torch.testing.assert_close(alpha**2 + sigma**2, torch.ones(50))
    assert (chain.mix(torch.tensor([0.0]))[0] == 1).all()


def test_between_two_steps_the_share_of_signal_is_interpolated() -> None:
    low, high, between = (CHAIN.mix(torch.tensor([t]))[0] ** 2 for t in (10.0, 11.0, 10.25))
    torch.testing.assert_close(between, 0.75 * low + 0.25 * high)


def test_the_published_chain_ends_in_noise() -> None:
    alpha, _ = Diffusion(2000, 1e-6, 1e-2).mix(torch.tensor([2000.0]))
    assert alpha.item() == pytest.approx(math.sqrt(4.5e-5), rel=0.02)


def test_a_continuous_chain_tells_the_signal_a_discrete_one_its_step() -> None:
    time = torch.tensor([1.0, 100.0])
    assert CHAIN.told(time).tolist() == [0, 99]
    continuous = Diffusion(100, 1e-4, 0.1, continuous=True)
    torch.testing.assert_close(continuous.told(time), 1000 * continuous.mix(time)[0])


@pytest.mark.parametrize(
    ("process", "low", "high", "whole"),
    [(CHAIN, 1, 100, True), (Diffusion(100, continuous=True), 0, 100, False), (StraightFlow(), 0, 1, False)],
)
def test_times_to_train_at_cover_the_way(process: Diffusion | StraightFlow, low: int, high: int, whole: bool) -> None:
    times = process.drawn(20_000, torch.Generator().manual_seed(0))
    assert times.min() >= low
    assert times.max() <= high
    assert times.mean().item() == pytest.approx((low + high) / 2, rel=0.02)
    assert bool((times == times.round()).all()) == whole


def test_sampling_visits_the_steps_of_diffusers_and_ends_with_the_image() -> None:
    assert CHAIN.times(4) == [100, 75, 50, 25, 0]
    assert Diffusion(100, spacing="leading").times(4) == [76, 51, 26, 1, 0]
    assert len(CHAIN.times(100)) == 101
    assert StraightFlow().times(4) == [1, 0.75, 0.5, 0.25, 0]
    with pytest.raises(ValueError, match="got 101 sampling steps, expected 1 to 100"):
        CHAIN.times(101)


@pytest.mark.parametrize("prediction", ["noise", "clean", "v", "velocity"])
def test_the_right_output_gives_the_image_back(prediction: Prediction) -> None:
    clean, noise = torch.randn(2, 2, 3, 4, 4).unbind(0)
    process = StraightFlow() if prediction == "velocity" else CHAIN
    time = torch.tensor([0.3, 0.8]) * (1 if prediction == "velocity" else 100)
    alpha, sigma = (share.view(-1, 1, 1, 1) for share in process.mix(time))
    noisy = alpha * clean + sigma * noise
    output = asked(prediction, clean, noise, alpha, sigma)
    torch.testing.assert_close(clean_estimate(prediction, output, noisy, alpha, sigma), clean, atol=1e-5, rtol=1e-4)


# Sampler


def wrong_but_fixed(noisy: Tensor, told: Tensor) -> Tensor:
    """A denoiser that depends on everything a denoiser sees."""
    return torch.tanh(0.7 * noisy + 0.002 * told.view(-1, 1, 1, 1))


@pytest.mark.parametrize("prediction", ["noise", "v"])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_every_step_is_that_of_diffusers(prediction: Prediction, eta: float) -> None:
    chain = Diffusion(100, 1e-3, 0.05, spacing="leading")
    names: dict[Prediction, str] = {"noise": "epsilon", "v": "v_prediction"}
    reference = DDIMScheduler(
        100,
        beta_start=1e-3,
        beta_end=0.05,
        clip_sample=False,
        prediction_type=names[prediction],  # type: ignore[arg-type]
    )
    reference.set_timesteps(10)
    noise = torch.randn(11, 2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = noise[10]
    for step, time in enumerate(reference.timesteps):
        output = wrong_but_fixed(expected, time.float().expand(2))
        last = step == 9
        result = reference.step(output, int(time), expected, eta=0 if last else eta, variance_noise=noise[step])
        expected = result.prev_sample
    found = sample(wrong_but_fixed, noise[10], chain, prediction, 10, eta, fresh_noise=lambda step: noise[step])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_a_denoiser_that_knows_the_image_reaches_it(steps: int) -> None:
    image, start = torch.rand(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    for process, prediction in ((CHAIN, "clean"), (StraightFlow(), "clean")):
        assert torch.equal(sample(lambda x, t: image, start, process, prediction, steps), image)  # type: ignore[arg-type]


def test_a_straight_flow_is_eulers_method() -> None:
    start = torch.randn(1, 1, 2, 2)
    expected = start.clone()
    for step in range(5):
        expected = expected - 0.2 * wrong_but_fixed(expected, torch.tensor([1000 * (1 - step / 5)]))
    found = sample(wrong_but_fixed, start, StraightFlow(), "velocity", 5)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_hook_sees_and_changes_every_clean_estimate() -> None:
    seen: list[int] = []

    def halved(step: int, clean: Tensor) -> Tensor:
        seen.append(step)
        return clean / 2

    image = torch.ones(1, 1, 2, 2)
    found = sample(lambda x, t: image, torch.randn(1, 1, 2, 2), CHAIN, "clean", 4, on_clean=halved)
    assert seen == [0, 1, 2, 3]
    assert torch.equal(found, image / 2)


@pytest.mark.parametrize("follows", [True, False])
def test_the_noise_estimate_follows_a_changed_image_or_stays(follows: bool) -> None:
    """On the straight path with clean estimate c at time t, the noise is (x - (1 - t) c) / t."""
    start, image = torch.randn(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    seen: list[Tensor] = []

    def network(noisy: Tensor, told: Tensor) -> Tensor:
        seen.append(noisy)
        return image

    sample(network, start, StraightFlow(), "clean", 4, on_clean=lambda step, clean: 3 * clean, noise_follows=follows)
    noisy = start
    for now, then, found in zip((1.0, 0.75, 0.5), (0.75, 0.5, 0.25), seen[1:], strict=True):
        noise = (noisy - (1 - now) * (3 * image if follows else image)) / now
        noisy = (1 - then) * 3 * image + then * noise
        torch.testing.assert_close(found, noisy)


# U-Net


def test_the_unet_has_attention_where_it_is_asked_for() -> None:
    network = build_unet(5, 3, (8, 16, 24), 1, (2,), dropout=0.0)
    assert [type(block).__name__ for block in network.down_blocks] == ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"]  # type: ignore[union-attr]
    assert network(torch.rand(2, 5, 16, 24), torch.zeros(2)).sample.shape == (2, 3, 16, 24)
    with pytest.raises(ValueError, match=r"got attention at levels \[3\], expected some of \[0, 1, 2\]"):
        build_unet(5, 3, (8, 16, 24), 1, (3,), dropout=0.0)


def test_the_latent_unet_is_of_stable_diffusions_class_without_text() -> None:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    network = UNet2DConditionModel.from_config(latent_unet_config(4, (8, 16, 24), 1, (1, 2)))
    kinds = [type(block).__name__ for block in network.down_blocks]
    assert kinds == ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"]
    assert [type(block).__name__ for block in network.up_blocks] == ["AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"]
    assert network(torch.rand(2, 4, 16, 24), torch.zeros(2), None).sample.shape == (2, 4, 16, 24)
    with pytest.raises(ValueError, match=r"got attention at levels \[2\], expected some of \[0, 1\]"):
        latent_unet_config(4, (8, 16), 1, (2,))


@pytest.mark.parametrize(("widths", "expected"), [((64, 128), 32), ((32, 64, 96), 32), ((24, 48), 24), ((8, 20), 4)])
def test_groups_divide_every_width(widths: tuple[int, ...], expected: int) -> None:
    assert norm_groups(widths) == expected


def test_groups_can_be_named() -> None:
    assert latent_unet_config(4, (32, 64), 1, ())["norm_num_groups"] == 32
    assert latent_unet_config(4, (32, 64), 1, (), groups=4)["norm_num_groups"] == 4
    with pytest.raises(ValueError, match=r"got 5 groups for widths \[32, 64\], expected a number that divides each"):
        latent_unet_config(4, (32, 64), 1, (), groups=5)
