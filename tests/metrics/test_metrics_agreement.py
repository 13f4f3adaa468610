"""Metrics against independent implementations, on random and on real images."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from satsr.metrics.cpsnr import cpsnr
from satsr.metrics.protocol import Protocol
from satsr.metrics.psnr import psnr
from satsr.metrics.scoring import score
from satsr.metrics.ssim import mean_ssim, ssim, ssim_map
from tests.metrics.metric_images import each_protocol, noisy, random_mask, texture

Array = NDArray[np.float64]

REAL_PAIRS = Path(os.environ.get("SATSR_REAL_DATA", Path(__file__).parents[2] / "../shared/data")) / "real_pairs"
# Wang et al.'s window in scikit-image's words: 11 px, population moments.
WANG: dict[str, Any] = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def eight_bit(image: Tensor) -> Array:
    """(C, H, W) to rounded values 0 .. 255 with the published border of 4 px removed."""
    return np.round(image.numpy() * np.float32(255)).astype(np.float64)[:, 4:-4, 4:-4]


def loop_cpsnr(sr: Array, hr: Array, mask: NDArray[np.bool_], displacements: range, peak: float) -> float:
    """The definition, one displacement after another; sr and hr (C, H, W), mask (H, W)."""
    height, width = hr.shape[1] - 8, hr.shape[2] - 8
    smallest = math.inf
    for down in displacements:
        for right in displacements:
            top, left = math.ceil((8 + down) / 2), math.ceil((8 + right) / 2)
            here = np.s_[top - down : top - down + height, left - right : left - right + width]
            counted = mask[here]
            error = sr[:, top : top + height, left : left + width][:, counted] - hr[:, *here][:, counted]
            if counted.any():
                smallest = min(smallest, np.mean((error - error.mean(axis=1, keepdims=True)) ** 2))
    return 10 * math.log10(peak**2 / smallest)


def published_by_others(sr: Tensor, hr: Tensor) -> dict[str, float]:
    """Published scores of one image (C, H, W), by scikit-image and the plain loop."""
    x, y = eight_bit(sr), eight_bit(hr)
    return {
        "psnr": peak_signal_noise_ratio(y, x, data_range=255),
        "ssim": skimage_ssim(x, y, data_range=255),
        "cpsnr": loop_cpsnr(x, y, np.ones(y.shape[1:], bool), range(-8, 9, 2), peak=255),
    }


def corrected_by_others(sr: Tensor, hr: Tensor) -> dict[str, float]:
    """Corrected scores of one image (C, H, W), by scikit-image and the plain loop."""
    x, y = sr.double().numpy(), hr.double().numpy()
    return {
        "psnr": peak_signal_noise_ratio(y, x, data_range=1),
        "ssim": skimage_ssim(x, y, data_range=1),
        "cpsnr": loop_cpsnr(x, y, np.ones(y.shape[1:], bool), range(-8, 9), peak=1),
    }


def skimage_ssim(x: Array, y: Array, data_range: float) -> float:
    return structural_similarity(x, y, channel_axis=0, data_range=data_range, **WANG)


BY_OTHERS = {"published": published_by_others, "corrected": corrected_by_others}


def assert_agrees_with_others(sr: Tensor, hr: Tensor, protocol: Protocol) -> None:
    others = [BY_OTHERS[protocol](*images) for images in zip(sr, hr, strict=True)]
    ours = score(sr, hr, list(others[0]), protocol)
    for i, values in enumerate(others):
        for name, value in values.items():
            assert ours[name][i] == pytest.approx(value, rel=0, abs=1e-6), name


@each_protocol
@pytest.mark.parametrize(("bands", "size"), [(3, (32, 45)), (1, (41, 33)), (4, (64, 64))])
def test_agrees_with_independent_implementations(protocol: Protocol, bands: int, size: tuple[int, int]) -> None:
    hr = texture(7, bands, size)
    assert_agrees_with_others(noisy(hr, 7), hr, protocol)


@each_protocol
def test_agrees_on_nearly_equal_images(protocol: Protocol) -> None:
    hr = texture(8)
    assert_agrees_with_others(noisy(hr, 8, sd=3e-3), hr, protocol)


@each_protocol
@pytest.mark.skipif(not REAL_PAIRS.is_dir(), reason="no real pairs: set SATSR_REAL_DATA to their folder")
def test_agrees_on_real_images(protocol: Protocol) -> None:
    hr = torch.stack([read_png(path) for path in sorted(REAL_PAIRS.glob("*/0[0-3]_hr.png"))])
    lr = torch.stack([read_png(path) for path in sorted(REAL_PAIRS.glob("*/0[0-3]_lr.png"))])
    sr = F.interpolate(lr, scale_factor=4, mode="bicubic", align_corners=False).clamp(0, 1)
    assert_agrees_with_others(sr, hr, protocol)


def read_png(path: Path) -> Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1).float() / 255


@pytest.mark.parametrize("share", [0.9, 0.3, 0.01])
def test_masked_cpsnr_agrees_with_the_plain_loop(share: float) -> None:
    hr = texture(9)
    sr, valid = noisy(hr, 9), random_mask(9, hr, share)
    expected = [
        loop_cpsnr(s.double().numpy(), h.double().numpy(), v.numpy(), range(-8, 9), peak=1)
        for s, h, v in zip(sr, hr, valid, strict=True)
    ]
    np.testing.assert_allclose(cpsnr(sr, hr, "corrected", valid).numpy(), expected, rtol=0, atol=1e-6)


def test_masked_cpsnr_skips_windows_without_valid_pixels() -> None:
    hr = texture(10, images=1)
    valid = torch.zeros(1, *hr.shape[-2:], dtype=torch.bool)
    valid[:, :2] = True  # outside every window that starts at row 2 of HR or below
    sr = noisy(hr, 10)
    expected = loop_cpsnr(sr[0].double().numpy(), hr[0].double().numpy(), valid[0].numpy(), range(-8, 9), peak=1)
    assert cpsnr(sr, hr, "corrected", valid).item() == pytest.approx(expected, rel=0, abs=1e-6)


def test_masked_psnr_and_ssim_agree_with_their_definitions() -> None:
    hr = texture(11, images=1)
    sr, valid = noisy(hr, 11), random_mask(11, hr)
    x, y, mask = sr[0].double().numpy(), hr[0].double().numpy(), valid[0].numpy()
    assert psnr(sr, hr, "corrected", valid).item() == pytest.approx(
        -10 * math.log10(np.mean((x - y)[:, mask] ** 2)), rel=0, abs=1e-9
    )
    similarity = structural_similarity(x, y, channel_axis=0, data_range=1, full=True, **WANG)[1].mean(axis=0)
    inside = np.zeros_like(mask)
    inside[5:-5, 5:-5] = mask[5:-5, 5:-5]
    assert ssim(sr, hr, "corrected", valid).item() == pytest.approx(similarity[inside].mean(), rel=0, abs=1e-9)


# SSIM as a loss


def test_reflected_ssim_keeps_the_size_and_equals_valid_inside() -> None:
    hr = texture(12)
    sr = noisy(hr, 12)
    reflected, valid = (ssim_map(sr, hr, 5, padding) for padding in ("reflect", "valid"))
    assert reflected.shape == hr.shape
    torch.testing.assert_close(reflected[..., 2:-2, 2:-2], valid, rtol=1e-4, atol=1e-5)


def test_reflected_ssim_agrees_with_scipy_mirroring() -> None:
    hr = texture(13, bands=1, images=1).double()
    sr = noisy(hr, 13).double()
    x, y = sr[0, 0].numpy(), hr[0, 0].numpy()

    def blur(image: Array) -> Array:
        return gaussian_filter(image, 1.5, mode="mirror", radius=2)

    mean_x, mean_y = blur(x), blur(y)
    covariance = blur(x * y) - mean_x * mean_y
    variances = blur(x**2) - mean_x**2 + blur(y**2) - mean_y**2
    expected = (2 * mean_x * mean_y + 1e-4) * (2 * covariance + 9e-4)
    expected /= (mean_x**2 + mean_y**2 + 1e-4) * (variances + 9e-4)
    np.testing.assert_allclose(ssim_map(sr, hr, 5, "reflect")[0, 0].numpy(), expected, rtol=0, atol=1e-9)


def test_descending_the_ssim_loss_raises_ssim() -> None:
    hr = texture(14)
    sr = noisy(hr, 14, sd=0.1).requires_grad_()
    before = mean_ssim(sr, hr, 5, "reflect")
    before.sum().backward()
    assert sr.grad is not None
    assert sr.grad.isfinite().all()
    after = mean_ssim((sr + 0.01 * sr.grad / sr.grad.abs().max()).detach(), hr, 5, "reflect")
    assert (after > before).all()


def test_ssim_gradient_is_right() -> None:
    generator = torch.Generator().manual_seed(15)
    sr, hr = torch.rand(2, 1, 1, 7, 6, dtype=torch.float64, generator=generator)
    assert torch.autograd.gradcheck(lambda x: mean_ssim(x, hr, 5, "reflect"), sr.requires_grad_())


def test_ssim_loss_stays_float32_under_autocast() -> None:
    hr = texture(16)
    sr = noisy(hr, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = mean_ssim(sr, hr, 5, "reflect")
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, mean_ssim(sr, hr, 5, "reflect"), rtol=0, atol=0)
