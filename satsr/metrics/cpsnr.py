"""PSNR corrected for brightness and registration: the best over small displacements, band bias removed.

Märtens et al., "Super-resolution of PROBA-V images using convolutional neural networks", 2019, section 4,
with the +-8 px of Wolters et al., 2023.
"""

import torch
from torch import Tensor

from satsr.metrics.checks import check_images
from satsr.metrics.correlation import correlate, window_sums
from satsr.metrics.protocol import Protocol, map_chunks, mask_of, prepare
from satsr.metrics.psnr import decibel

MAX_DISPLACEMENT_PX = 8


def cpsnr(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> Tensor:
    """Compute cPSNR.

    For every displacement of SR against HR, both are cropped to (H - 8, W - 8), the mean of SR - HR is
    added to HR per band, and the smallest mean squared error counts. "published" repeats the reference
    code: 8-bit rounding, 4 px border removed, mask ignored, and only the 81 even displacements, because
    there both crops move at once. "corrected" tries all 289 displacements and counts valid pixels only.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.

    Returns:
        float64 (N,) in dB, higher is better; infinity where a displacement makes SR equal to HR.

    Raises:
        ValueError: from `check_images`.
    """
    check_images(sr, hr, protocol, valid, window_px=MAX_DISPLACEMENT_PX + 1)
    offsets_px = crop_offsets_px(step_px=2 if protocol == "published" else 1)

    def smallest_mse(sr: Tensor, hr: Tensor, mask: Tensor | None) -> Tensor:
        sr, hr = prepare(sr, protocol), prepare(hr, protocol)
        weight = None if mask is None else mask.unsqueeze(1).to(torch.float64)
        best = _best_displacement(_mse_of_displacements(sr, hr, weight, offsets_px))
        return _aligned_mse(sr, hr, weight, torch.tensor(offsets_px, device=sr.device)[best])

    return decibel(map_chunks(smallest_mse, sr, hr, mask_of(valid, protocol)))


def crop_offsets_px(step_px: int) -> list[tuple[int, int]]:
    """List where the crops of SR and HR start, along one axis, for displacements of -8 to 8 px.

    Args:
        step_px: 2 gives the published pairs (0, 8), (1, 7) .. (8, 0); 1 puts the odd displacements between.

    Returns:
        Pairs (offset in SR, offset in HR) in [0, 8], by ascending displacement.
    """
    displacements = range(-MAX_DISPLACEMENT_PX, MAX_DISPLACEMENT_PX + 1, step_px)
    sr_offsets = [(MAX_DISPLACEMENT_PX + d + 1) // 2 for d in displacements]
    return [(offset, offset - d) for offset, d in zip(sr_offsets, displacements, strict=True)]


def _mse_of_displacements(sr: Tensor, hr: Tensor, weight: Tensor | None, offsets_px: list[tuple[int, int]]) -> Tensor:
    """Expand the mean of (SR - HR - bias)^2 into window sums: (N, P, P), inf without a valid pixel."""
    sr_offsets, hr_offsets = (list(offsets) for offsets in zip(*offsets_px, strict=True))
    if weight is None:
        ones = torch.ones_like(sr[:1, :1])
        count = window_sums(ones, hr_offsets, MAX_DISPLACEMENT_PX)
        sum_sr = window_sums(sr, sr_offsets, MAX_DISPLACEMENT_PX)
        sum_squares = window_sums(sr**2, sr_offsets, MAX_DISPLACEMENT_PX)
        weighted_hr = hr
    else:
        # The mask lies on HR pixels, so sums of SR under it change with the displacement.
        per_band = weight.expand_as(sr)
        count = window_sums(weight, hr_offsets, MAX_DISPLACEMENT_PX)
        sum_sr = correlate(sr, per_band, offsets_px, MAX_DISPLACEMENT_PX)
        sum_squares = correlate(sr**2, per_band, offsets_px, MAX_DISPLACEMENT_PX)
        weighted_hr = weight * hr
    sum_squares = sum_squares + window_sums(weighted_hr * hr, hr_offsets, MAX_DISPLACEMENT_PX)
    sum_products = correlate(sr, weighted_hr, offsets_px, MAX_DISPLACEMENT_PX)
    bias = (sum_sr - window_sums(weighted_hr, hr_offsets, MAX_DISPLACEMENT_PX)) / count
    mse = ((sum_squares - 2 * sum_products) / count - bias**2).mean(dim=1)
    return mse.where(count[:, 0] > 0, torch.inf)


def _best_displacement(mse: Tensor) -> Tensor:
    """Find row and column displacement of the smallest error: indices (N, 2)."""
    smallest = mse.flatten(1).argmin(dim=1)
    return torch.stack((smallest // mse.shape[-1], smallest % mse.shape[-1]), dim=1)


def _aligned_mse(sr: Tensor, hr: Tensor, weight: Tensor | None, offsets_px: Tensor) -> Tensor:
    """Recompute the chosen error without the cancellation of expanded squares: exactly 0 for equal crops.

    `offsets_px` (N, 2, 2) holds the pairs for rows and columns of each image.
    """
    sr_crop, hr_crop = _crop(sr, offsets_px[..., 0]), _crop(hr, offsets_px[..., 1])
    weight_crop = torch.ones_like(hr_crop[..., :1]) if weight is None else _crop(weight, offsets_px[..., 1])
    error = sr_crop - hr_crop  # (N, H - 8, W - 8, C)
    count = weight_crop.sum(dim=(1, 2), keepdim=True)
    bias = (weight_crop * error).sum(dim=(1, 2), keepdim=True) / count
    return ((weight_crop * (error - bias) ** 2).sum(dim=(1, 2), keepdim=True) / count).mean(dim=(1, 2, 3))


def _crop(images: Tensor, start_px: Tensor) -> Tensor:
    """Cut a window of (H - 8, W - 8) at its own (row, column) out of each image: (N, H - 8, W - 8, C)."""
    height, width = (size - MAX_DISPLACEMENT_PX for size in images.shape[-2:])
    image = torch.arange(len(images), device=images.device)
    rows = start_px[:, :1] + torch.arange(height, device=images.device)
    columns = start_px[:, 1:] + torch.arange(width, device=images.device)
    return images[image[:, None, None], :, rows[:, :, None], columns[:, None, :]]
