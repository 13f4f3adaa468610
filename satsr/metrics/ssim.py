"""Structural similarity.

Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE TIP 2004,
section III-B: 11 px Gaussian window with sigma 1.5, K1 = 0.01, K2 = 0.03.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from satsr.metrics.checks import check_images, first_image
from satsr.metrics.protocol import Protocol, map_chunks, mask_of, prepare
from satsr.metrics.psnr import masked_mean

WINDOW_PX = 11
SIGMA_PX = 1.5
C1 = 0.01**2
C2 = 0.03**2

Padding = Literal["valid", "reflect"]


def ssim(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> Tensor:
    """Compute SSIM per band over windows that lie inside the image, then average the bands.

    "published" repeats the reference code's `calculate_ssim` with `crop_border: 4`: 8-bit rounding, 4 px
    border removed, mask ignored. "corrected" is the definition, averaged over windows whose center is valid.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.

    Returns:
        float64 (N,) in [-1, 1], higher is better; 1 for identical images.

    Raises:
        ValueError: from `check_images`, or if no window of an image has a valid center.
    """
    check_images(sr, hr, protocol, valid, window_px=WINDOW_PX)
    mask = mask_of(valid, protocol)

    def mean_of_map(sr: Tensor, hr: Tensor, centers: Tensor | None) -> Tensor:
        similarity = ssim_map(prepare(sr, protocol), prepare(hr, protocol))
        return masked_mean(similarity.mean(dim=1), centers)

    return map_chunks(mean_of_map, sr, hr, None if mask is None else _valid_centers(mask))


def mean_ssim(sr: Tensor, hr: Tensor, window_px: int = WINDOW_PX, padding: Padding = "valid") -> Tensor:
    """Average `ssim_map`: differentiable, unchecked, for losses.

    The published L2 models add 0.3 * (1 - SSIM) / 2 with a 5 px window and reflected borders.

    Args:
        sr: (N, C, H, W), about [0, 1].
        hr: the same shape.
        window_px: odd width of the Gaussian window.
        padding: see `ssim_map`.

    Returns:
        (N,) in [-1, 1], float32 or better.
    """
    return ssim_map(sr, hr, window_px, padding).mean(dim=(1, 2, 3))


def ssim_map(sr: Tensor, hr: Tensor, window_px: int = WINDOW_PX, padding: Padding = "valid") -> Tensor:
    """Compute SSIM at every pixel (Wang et al., equation 13).

    Args:
        sr: (N, C, H, W), about [0, 1].
        hr: the same shape.
        window_px: odd width of the Gaussian window.
        padding: "valid" keeps windows inside the image, "reflect" mirrors the border to keep its size.

    Returns:
        (N, C, H - window_px + 1, W - window_px + 1) or (N, C, H, W), float32 or better.
    """
    # Half precision would lose the variances, which are differences of nearly equal numbers.
    dtype = torch.promote_types(torch.promote_types(sr.dtype, hr.dtype), torch.float32)
    with torch.autocast(sr.device.type, enabled=False):
        x, y = sr.to(dtype), hr.to(dtype)
        moments = torch.stack((x, y, x * x, y * y, x * y))  # (5, N, C, H, W)
        mean_x, mean_y, mean_xx, mean_yy, mean_xy = blur_windows(moments, window_px, padding)
        mean_product, mean_squares = mean_x * mean_y, mean_x**2 + mean_y**2
        covariance, variances = mean_xy - mean_product, mean_xx + mean_yy - mean_squares
        luminance = (2 * mean_product + C1) / (mean_squares + C1)
        return luminance * (2 * covariance + C2) / (variances + C2)


def blur_windows(images: Tensor, window_px: int, padding: Padding) -> Tensor:
    """Average images under the Gaussian window at every pixel; see `ssim_map` for the arguments.

    As two matrix products: several times faster than a convolution, which has no fast float64 path.
    """
    if padding == "reflect":
        border = [window_px // 2] * 4
        images = F.pad(images.flatten(0, 1), border, mode="reflect").unflatten(0, images.shape[:2])
    height, width = images.shape[-2:]
    return _gaussian_rows(height, window_px, images) @ images @ _gaussian_rows(width, window_px, images).mT


def _gaussian_rows(size_px: int, window_px: int, like: Tensor) -> Tensor:
    column = torch.arange(size_px, dtype=like.dtype, device=like.device)
    radius = window_px // 2
    offset_px = column - column[radius : size_px - radius, None]  # (size - window + 1, size)
    weight = torch.exp(-0.5 * (offset_px / SIGMA_PX) ** 2) * (offset_px.abs() <= radius)
    return weight / weight.sum(dim=1, keepdim=True)


def _valid_centers(valid: Tensor) -> Tensor:
    inner = slice(WINDOW_PX // 2, -(WINDOW_PX // 2))
    centers = valid[:, inner, inner]
    if (empty := first_image(~centers.flatten(1).any(dim=1))) is not None:
        raise ValueError(
            f"image {empty}: got no valid pixel {WINDOW_PX // 2} px or more from the border, expected at "
            "least one: leave the image out"
        )
    return centers
