"""Metrics: properties that hold whatever the images."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from satsr.metrics.cpsnr import cpsnr, crop_offsets_px
from satsr.metrics.protocol import Protocol
from satsr.metrics.psnr import psnr
from satsr.metrics.scoring import score
from satsr.metrics.ssim import ssim
from tests.metrics.metric_images import PLAIN, Function, each_function, each_protocol, noisy, random_mask, texture

EXAMPLES = settings(max_examples=15, deadline=None)
SEEDS = st.integers(0, 10_000)


@each_protocol
def test_identical_images_score_perfectly(protocol: Protocol) -> None:
    hr = texture(0)
    scores = score(hr, hr.clone(), PLAIN, protocol)
    assert (scores["psnr"] == np.inf).all()
    assert (scores["cpsnr"] == np.inf).all()
    np.testing.assert_allclose(scores["ssim"], 1, rtol=0, atol=1e-12)


@each_protocol
@given(seed=SEEDS)
@EXAMPLES
def test_psnr_and_ssim_are_symmetric(protocol: Protocol, seed: int) -> None:
    x, y = texture(seed), texture(seed + 1)
    for function in (psnr, ssim):
        torch.testing.assert_close(function(x, y, protocol), function(y, x, protocol), rtol=1e-12, atol=0)


@each_protocol
@given(seed=SEEDS)
@EXAMPLES
def test_bounds(protocol: Protocol, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.rand(2, 2, 3, 24, 24, generator=generator).round()
    assert (ssim(x, y, protocol).abs() <= 1).all()
    assert (psnr(x, y, protocol) >= 0).all()


def test_cpsnr_is_at_least_psnr_of_the_undisplaced_window() -> None:
    hr = texture(1)
    sr = noisy(hr, 1)
    inner = (..., slice(4, -4), slice(4, -4))
    assert (cpsnr(sr, hr, "corrected") >= psnr(sr[inner], hr[inner], "corrected") - 1e-9).all()


@each_protocol
@each_function
@given(seed=SEEDS)
@EXAMPLES
def test_more_noise_scores_lower(function: Function, protocol: Protocol, seed: int) -> None:
    hr = texture(seed)
    scores = [function(noisy(hr, seed, sd), hr, protocol) for sd in (0.01, 0.03, 0.09)]
    assert (scores[0] > scores[1]).all()
    assert (scores[1] > scores[2]).all()


@each_protocol
@each_function
@given(seed=SEEDS)
@EXAMPLES
def test_more_blur_scores_lower(function: Function, protocol: Protocol, seed: int) -> None:
    hr = noisy(texture(seed), seed)
    blurred = [torch.from_numpy(gaussian_filter(hr.numpy(), (0, 0, sd, sd))) for sd in (0.5, 1, 3)]
    scores = [function(sr, hr, protocol) for sr in blurred]
    assert (scores[0] > scores[1]).all()
    assert (scores[1] > scores[2]).all()


@each_protocol
@given(seed=SEEDS, levels=st.tuples(*[st.integers(-20, 20)] * 3))
@EXAMPLES
def test_cpsnr_ignores_a_bias_of_each_band(protocol: Protocol, seed: int, levels: tuple[int, ...]) -> None:
    hr = texture(seed)
    sr = 0.1 + 0.8 * noisy(hr, seed)  # room for the bias without clipping
    # Whole 8-bit levels, so that rounding commutes with the bias.
    biased = sr + torch.tensor(levels).view(1, 3, 1, 1) / 255
    torch.testing.assert_close(
        cpsnr(biased, hr, protocol),
        cpsnr(sr, hr, protocol),
        rtol=0,
        atol=2e-2 if protocol == "published" else 1e-4,
    )


@pytest.mark.parametrize(("protocol", "step_px"), [("published", 2), ("corrected", 1)], ids=["published", "corrected"])
@given(seed=SEEDS, data=st.data())
@EXAMPLES
def test_cpsnr_undoes_a_displacement(protocol: Protocol, step_px: int, seed: int, data: st.DataObject) -> None:
    down, right = (data.draw(st.integers(-8 // step_px, 8 // step_px)) * step_px for _ in range(2))
    scene = texture(seed, size=(60, 64))
    hr = scene[..., 8:-8, 8:-8]
    sr = scene[..., 8 - down : 52 - down, 8 - right : 56 - right]
    assert (cpsnr(sr, hr, protocol) == torch.inf).all()


def test_published_cpsnr_cannot_undo_an_odd_displacement() -> None:
    scene = texture(2, size=(60, 64))
    sr, hr = scene[..., 7:-9, 8:-8], scene[..., 8:-8, 8:-8]
    assert cpsnr(sr, hr, "published").isfinite().all()
    assert cpsnr(sr, hr, "corrected").isinf().all()


def test_crop_offsets_are_the_published_pairs_with_odd_displacements_between() -> None:
    published, corrected = crop_offsets_px(2), crop_offsets_px(1)
    assert published == [(r, 8 - r) for r in range(9)]
    assert [a - b for a, b in corrected] == list(range(-8, 9))
    assert set(published) < set(corrected)
    assert all(0 <= offset <= 8 for pair in corrected for offset in pair)


@each_function
@given(seed=SEEDS)
@EXAMPLES
def test_full_mask_equals_no_mask(function: Function, seed: int) -> None:
    hr = texture(seed)
    sr = noisy(hr, seed)
    full = torch.ones(2, *hr.shape[-2:], dtype=torch.bool)
    torch.testing.assert_close(function(sr, hr, "corrected", full), function(sr, hr, "corrected"), rtol=0, atol=1e-9)


@pytest.mark.parametrize("function", [psnr, cpsnr])
def test_masked_pixels_do_not_count(function: Function) -> None:
    hr = texture(3)
    sr, valid = noisy(hr, 3), random_mask(3, hr)
    other = torch.where(valid.unsqueeze(1), hr, 1 - hr)
    assert torch.equal(function(sr, hr, "corrected", valid), function(sr, other, "corrected", valid))
    assert not torch.equal(function(sr, hr, "corrected"), function(sr, other, "corrected"))


@each_function
def test_published_ignores_the_mask(function: Function) -> None:
    hr = texture(4)
    sr = noisy(hr, 4)
    assert torch.equal(function(sr, hr, "published", random_mask(4, hr)), function(sr, hr, "published"))


@each_protocol
@each_function
def test_scores_of_an_image_do_not_depend_on_its_batch(function: Function, protocol: Protocol) -> None:
    hr = texture(5, size=(96, 96), images=40)  # more than one chunk
    sr, valid = noisy(hr, 5), random_mask(5, hr)
    batch = function(sr, hr, protocol, valid)
    for i in (0, 17, 39):
        alone = function(sr[i : i + 1], hr[i : i + 1], protocol, valid[i : i + 1])
        torch.testing.assert_close(alone, batch[i : i + 1], rtol=1e-12, atol=0)


@each_protocol
@each_function
def test_one_band_equals_three_equal_bands(function: Function, protocol: Protocol) -> None:
    hr = texture(6, bands=1)
    sr = noisy(hr, 6)
    three = function(sr.repeat(1, 3, 1, 1), hr.repeat(1, 3, 1, 1), protocol)
    torch.testing.assert_close(function(sr, hr, protocol), three, rtol=1e-12, atol=0)
