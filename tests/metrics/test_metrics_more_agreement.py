"""Errors, spectral angle, cSSIM and the PROBA-V challenge's cPSNR against independent implementations."""

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.distance import cosine
from skimage.metrics import structural_similarity
from torch import Tensor

from satsr.metrics.cpsnr import cpsnr, cpsnr_probav
from satsr.metrics.cssim import cssim
from satsr.metrics.errors import mae, mse
from satsr.metrics.protocol import Protocol
from satsr.metrics.sam import sam
from tests.metrics.metric_images import Function, noisy, random_mask, texture

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Wang et al.'s window in scikit-image's words: 11 px, population moments.
WANG: dict[str, Any] = {"channel_axis": 0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def prepared(image: Tensor, protocol: Protocol) -> Array:
    """(C, H, W) as the protocol compares it."""
    if protocol == "corrected":
        return image.double().numpy()
    return np.round(image.numpy() * np.float32(255)).astype(np.float64)[:, 4:-4, 4:-4] / 255


def crops(sr: Array, hr: Array, mask: Mask) -> list[tuple[Array, Array, Mask]]:
    """The middle of SR, and the 49 crops of HR and of the mask that it is compared with."""
    height, width = (size - 6 for size in hr.shape[1:])
    windows = [np.s_[..., v : v + height, u : u + width] for v, u in product(range(7), repeat=2)]
    return [(sr[:, 3:-3, 3:-3], hr[window], mask[window]) for window in windows]


def loop_cpsnr_probav(sr: Array, hr: Array, mask: Mask) -> float:
    errors = [(x - y)[:, counted] for x, y, counted in crops(sr, hr, mask) if counted.any()]
    return -10 * math.log10(min(np.mean((error - error.mean()) ** 2) for error in errors))


def loop_cssim(sr: Array, hr: Array, mask: Mask) -> float:
    best = -math.inf
    for x, y, counted in crops(sr, hr, mask):
        centers = np.zeros_like(counted)
        centers[5:-5, 5:-5] = counted[5:-5, 5:-5]
        if centers.any():
            moved = x + (y - x)[:, counted].mean(axis=1)[:, None, None]
            similarity = structural_similarity(moved, y, data_range=1, full=True, **WANG)[1]
            best = max(best, similarity.mean(axis=0)[centers].mean())
    return best


def loop_sam(sr: Array, hr: Array, mask: Mask) -> float:
    cosine = (sr * hr).sum(axis=0) / np.linalg.norm(sr, axis=0) / np.linalg.norm(hr, axis=0)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))[mask].mean())


BY_OTHERS: dict[Function, Callable[[Array, Array, Mask], float]] = {
    mse: lambda sr, hr, mask: float(np.mean((sr - hr)[:, mask] ** 2)),
    mae: lambda sr, hr, mask: float(np.mean(np.abs(sr - hr)[:, mask])),
    sam: loop_sam,
    cssim: loop_cssim,
    cpsnr_probav: loop_cpsnr_probav,
}


def assert_agrees(function: Function, sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> None:
    ours = function(sr, hr, protocol, valid)
    for i, (x, y) in enumerate(zip(sr, hr, strict=True)):
        x, y = prepared(x, protocol), prepared(y, protocol)
        mask = np.ones(y.shape[1:], bool) if valid is None else valid[i].numpy()
        assert ours[i].item() == pytest.approx(BY_OTHERS[function](x, y, mask), rel=0, abs=1e-6)


@pytest.mark.parametrize("function", BY_OTHERS)
def test_agrees_with_independent_implementations(function: Function) -> None:
    hr = texture(8, bands=4, size=(33, 38))
    sr = noisy(hr, 8)
    assert_agrees(function, sr, hr, "corrected")
    for share in (0.9, 0.1):
        assert_agrees(function, sr, hr, "corrected", random_mask(8, hr, share))
    if function is not cpsnr_probav:
        assert_agrees(function, sr, hr, "published")


@pytest.mark.parametrize("function", BY_OTHERS)
def test_agrees_on_real_images(function: Function, real: Path) -> None:
    files = [real / "real_pairs" / sensor / name for sensor in ("naip", "spot") for name in ("01_lr.png", "01_hr.png")]
    lr_naip, hr_naip, lr_spot, hr_spot = (read_png(file) for file in files)
    hr = torch.stack((hr_naip, hr_spot))[..., :64, :48]
    lr = torch.stack((lr_naip, lr_spot))[..., :16, :12]
    sr = F.interpolate(lr, scale_factor=4, mode="bicubic", align_corners=False).clamp(0, 1)
    assert_agrees(function, sr, hr, "corrected")


def read_png(path: Path) -> Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1).float() / 255


def test_sam_is_the_angle_of_scipys_cosine_distance() -> None:
    hr = texture(9).double()
    sr = noisy(hr, 9)
    distances = [
        [cosine(*pixels) for pixels in zip(*(image.flatten(1).T.numpy() for image in images), strict=True)]
        for images in zip(sr, hr, strict=True)
    ]
    theirs = np.degrees(np.arccos(1 - np.array(distances))).mean(axis=1)
    np.testing.assert_allclose(sam(sr, hr, "corrected"), theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("rows", [60, 1400])
def test_published_cpsnr_is_exact_below_and_above_what_float32_can_sum(rows: int) -> None:
    """Nearly white images: the sums of products are large, and the differences between displacements are small."""
    like = torch.empty(3, 1, rows, 40)
    sr, hr = (1 - random_mask(seed, like, share=0.02)[None].float() / 255 for seed in (10, 11))
    x, y = prepared(sr[0], "published"), prepared(hr[0], "published")
    height, width = (size - 8 for size in y.shape[1:])
    errors = [
        x[:, r : r + height, c : c + width] - y[:, 8 - r : 8 - r + height, 8 - c : 8 - c + width]
        for r, c in product(range(9), repeat=2)
    ]
    smallest = min(np.mean((error - error.mean(axis=(1, 2), keepdims=True)) ** 2) for error in errors)
    expected = pytest.approx(-10 * math.log10(smallest), rel=0, abs=1e-9)
    assert cpsnr(sr, hr, "published").item() == expected
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert cpsnr(sr, hr, "published").item() == expected
