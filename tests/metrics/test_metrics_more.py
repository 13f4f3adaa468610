"""Errors, spectral angle, cSSIM and the PROBA-V challenge's cPSNR: properties and known answers."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from satsr.metrics.cpsnr import cpsnr, cpsnr_probav
from satsr.metrics.cssim import cssim
from satsr.metrics.errors import mae, mse
from satsr.metrics.protocol import Protocol
from satsr.metrics.sam import sam, spectral_angle_deg
from tests.metrics.metric_images import ERRORS, Function, each_error, each_protocol, noisy, random_mask, texture

EXAMPLES = settings(max_examples=10, deadline=None)
SEEDS = st.integers(0, 10_000)


@each_protocol
@each_error
def test_identical_images_have_no_error(function: Function, protocol: Protocol) -> None:
    hr = texture(0)
    assert torch.equal(function(hr, hr.clone(), protocol), torch.zeros(2, dtype=torch.float64))


@each_protocol
@each_error
@given(seed=SEEDS)
@EXAMPLES
def test_errors_are_symmetric(function: Function, protocol: Protocol, seed: int) -> None:
    x, y = texture(seed), texture(seed + 1)
    torch.testing.assert_close(function(x, y, protocol), function(y, x, protocol), rtol=1e-12, atol=0)


@each_protocol
@each_error
@given(seed=SEEDS)
@EXAMPLES
def test_errors_grow_with_noise(function: Function, protocol: Protocol, seed: int) -> None:
    hr = texture(seed)
    errors = [function(noisy(hr, seed, sd), hr, protocol) for sd in (0.01, 0.03, 0.09)]
    assert (errors[0] < errors[1]).all()
    assert (errors[1] < errors[2]).all()


@each_protocol
@given(seed=SEEDS)
@EXAMPLES
def test_bounds(protocol: Protocol, seed: int) -> None:
    x, y = torch.rand(2, 2, 3, 26, 25, generator=torch.Generator().manual_seed(seed)).round()
    squared, absolute, angle = (function(x, y, protocol) for function in (mse, mae, sam))
    assert (absolute**2 <= squared + 1e-12).all()  # Jensen
    assert (squared <= absolute + 1e-12).all()  # values in [0, 1]
    assert ((angle >= 0) & (angle <= 90)).all()
    assert (cssim(x, y, protocol).abs() <= 1).all()


@each_error
@given(seed=SEEDS)
@EXAMPLES
def test_only_valid_pixels_count(function: Function, seed: int) -> None:
    hr = texture(seed)
    sr, valid = noisy(hr, seed), random_mask(seed, hr)
    other = torch.where(valid.unsqueeze(1), hr, 1 - hr)
    assert torch.equal(function(sr, hr, "corrected", valid), function(sr, other, "corrected", valid))
    assert torch.equal(function(sr, hr, "published", valid), function(sr, hr, "published"))
    full = torch.ones_like(valid)
    torch.testing.assert_close(function(sr, hr, "corrected", full), function(sr, hr, "corrected"), rtol=1e-12, atol=0)


@each_protocol
@each_error
def test_errors_do_not_depend_on_the_batch(function: Function, protocol: Protocol) -> None:
    hr = texture(1, size=(96, 96), images=40)  # more than one chunk
    sr, valid = noisy(hr, 1), random_mask(1, hr)
    batch = function(sr, hr, protocol, valid)
    for i in (0, 17, 39):
        alone = function(sr[i : i + 1], hr[i : i + 1], protocol, valid[i : i + 1])
        torch.testing.assert_close(alone, batch[i : i + 1], rtol=1e-12, atol=0)


def test_unusable_masks_are_refused() -> None:
    hr = texture(2)
    valid = torch.ones(2, *hr.shape[-2:], dtype=torch.bool)
    valid[1, 5:-5, 5:-5] = False
    with pytest.raises(ValueError, match="image 1: got no valid pixel 5 px or more from the border"):
        cssim(hr, hr, "corrected", valid)
    valid[1] = False
    for function in ERRORS:
        with pytest.raises(ValueError, match="image 1: got no valid pixel"):
            function(hr, hr, "corrected", valid)


@pytest.mark.parametrize(
    ("function", "protocol", "smallest"),
    [
        (mse, "published", 9),
        (sam, "published", 9),
        (cssim, "published", 25),
        (cssim, "corrected", 17),
        (cpsnr_probav, "published", 17),
        (cpsnr_probav, "corrected", 7),
    ],
)
def test_too_small_images_are_refused(function: Function, protocol: Protocol, smallest: int) -> None:
    image = torch.rand(1, 2, smallest, smallest, generator=torch.Generator().manual_seed(0))
    assert not function(image, image, protocol).isnan().any()
    with pytest.raises(ValueError, match=f"expected at least {smallest}x{smallest}"):
        function(image[..., 1:], image[..., 1:], protocol)


# Spectral angle


@given(seed=SEEDS, gain=st.floats(0.01, 1))
@EXAMPLES
def test_sam_ignores_brightness(seed: int, gain: float) -> None:
    hr = texture(seed).double()
    sr = noisy(hr, seed)
    torch.testing.assert_close(sam(gain * sr, hr, "corrected"), sam(sr, hr, "corrected"), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("x", "y", "angle_deg"),
    [((0, 0), (0, 0), 0), ((0, 0), (0.5, 0.2), 90), ((1, 0), (0, 1), 90), ((0.2, 0.2), (0, 0.7), 45)],
)
def test_angles_that_are_known(x: tuple[float, float], y: tuple[float, float], angle_deg: float) -> None:
    sr, hr = (torch.tensor(spectrum, dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, 3, 4) for spectrum in (x, y))
    assert sam(sr, hr, "corrected").item() == pytest.approx(angle_deg, abs=1e-12)
    assert sam(hr, sr, "corrected").item() == pytest.approx(angle_deg, abs=1e-12)


@pytest.mark.parametrize("angle_rad", [1e-12, 1e-8, 1e-3, 1.5])
def test_small_angles_are_not_lost_in_rounding(angle_rad: float) -> None:
    x = torch.tensor([1.0, 0.0], dtype=torch.float64).view(1, 2, 1, 1)
    y = torch.tensor([math.cos(angle_rad), math.sin(angle_rad)], dtype=torch.float64).view(1, 2, 1, 1)
    assert spectral_angle_deg(x, y).item() == pytest.approx(math.degrees(angle_rad), rel=1e-9)


def test_sam_refuses_one_band() -> None:
    with pytest.raises(ValueError, match="got 1 band, sam expects at least 2"):
        sam(texture(3, bands=1), texture(4, bands=1), "corrected")


# cSSIM and the PROBA-V challenge's cPSNR


@pytest.mark.parametrize(("function", "perfect"), [(cssim, 1.0), (cpsnr_probav, math.inf)])
@given(seed=SEEDS, down=st.integers(-3, 3), right=st.integers(-3, 3))
@EXAMPLES
def test_a_displacement_is_undone(function: Function, perfect: float, seed: int, down: int, right: int) -> None:
    scene = texture(seed, size=(40, 44))
    sr, hr = scene[..., 4 - down : 36 - down, 4 - right : 40 - right], scene[..., 4:-4, 4:-4]
    np.testing.assert_allclose(function(sr, hr, "corrected"), perfect, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("function", "perfect"), [(cssim, 1.0), (cpsnr_probav, math.inf)])
def test_a_larger_displacement_is_not_undone(function: Function, perfect: float) -> None:
    scene = texture(5, size=(40, 44))
    assert (function(scene[..., :-8, 4:-4], scene[..., 4:-4, 4:-4], "corrected") < perfect - 1e-3).all()


@pytest.mark.parametrize(
    ("function", "shift", "same"),
    [
        (cssim, (0.05, -0.03, 0.02), True),
        (cpsnr_probav, (0.05, 0.05, 0.05), True),
        (cpsnr_probav, (0.05, -0.03, 0.02), False),
    ],
)
def test_which_bias_is_removed(function: Function, shift: tuple[float, ...], same: bool) -> None:
    hr = texture(6).double()
    sr = 0.1 + 0.8 * noisy(hr, 6)  # room for the bias without clipping
    biased = sr + torch.tensor(shift, dtype=torch.float64).view(1, 3, 1, 1)
    change = (function(biased, hr, "corrected") - function(sr, hr, "corrected")).abs()
    assert ((change < 1e-9) == same).all()


def test_the_displacement_is_searched_with_the_bias_of_the_image() -> None:
    """Bands that grow in opposite directions: a displacement moves their means apart, not that of the image."""
    ramp = torch.linspace(0.1, 0.9, 40, dtype=torch.float64).expand(1, 1, 40, 40)
    scene = torch.cat((ramp, 1 - ramp, 0.5 * (ramp + ramp.mT)), dim=1)
    sr, hr = scene[..., 2:-6, 3:-5], scene[..., 4:-4, 4:-4]
    assert cpsnr_probav(sr, hr, "corrected").item() > 200


def test_published_cpsnr_of_probav_is_the_only_published_one() -> None:
    hr = texture(7)
    sr = noisy(hr, 7)
    assert torch.equal(cpsnr_probav(sr, hr, "published"), cpsnr(sr, hr, "published"))
