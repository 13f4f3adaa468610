"""PSNR corrected for brightness and registration: the best over small displacements, mean difference removed.

Märtens et al., "Super-resolution of PROBA-V images using convolutional neural networks", 2019, section 4:
`cpsnr_probav`. With the +-8 px of Wolters et al., 2023: `cpsnr`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from satsr.metrics.checks import check_images
from satsr.metrics.correlation import correlate, mean_differences, window_sums
from satsr.metrics.protocol import LEVELS_8BIT, Protocol, levels_8bit, map_chunks, mask_of, prepare, without_border
from satsr.metrics.psnr import decibel

MAX_DISPLACEMENT_PX = 8
PROBAV_DISPLACEMENT_PX = 3
LARGEST_LEVEL = 128  # of 8-bit levels about 0

Offsets = list[tuple[int, int]]


@dataclass(frozen=True)
class Search:
    """What is tried and removed when SR is laid on HR.

    Attributes:
        offsets_px: where the crops of SR and HR start, along one axis, for every displacement.
        bias: whether a mean difference is removed per band, or one of the whole image.
    """

    offsets_px: Offsets
    bias: Literal["band", "image"]

    @property
    def trim_px(self) -> int:
        """By how much the crops are smaller than the images: the largest offset."""
        return max(map(max, self.offsets_px))


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
    search = Search(crop_offsets_px(step_px=2 if protocol == "published" else 1), bias="band")
    return best_psnr(sr, hr, protocol, valid, search)


def cpsnr_probav(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> Tensor:
    """Compute cPSNR as the PROBA-V challenge defines it.

    "corrected": SR loses 3 px on each side and is compared with the 49 crops of HR of that size; the mean
    of SR - HR over all bands and valid pixels is added to HR, and the smallest mean squared error over
    valid pixels counts. The peak is 1. "published" equals `cpsnr`: the reference code has only that one.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count: the clear ones.

    Returns:
        float64 (N,) in dB, higher is better; infinity where a displacement makes SR equal to HR.

    Raises:
        ValueError: from `check_images`.
    """
    if protocol == "published":
        return cpsnr(sr, hr, protocol, valid)
    return best_psnr(sr, hr, protocol, valid, Search(centered_offsets_px(PROBAV_DISPLACEMENT_PX), bias="image"))


def crop_offsets_px(step_px: int) -> Offsets:
    """List where the crops of SR and HR start, along one axis, for displacements of -8 to 8 px.

    Args:
        step_px: 2 gives the published pairs (0, 8), (1, 7) .. (8, 0); 1 puts the odd displacements between.

    Returns:
        Pairs (offset in SR, offset in HR) in [0, 8], by ascending displacement.
    """
    displacements = range(-MAX_DISPLACEMENT_PX, MAX_DISPLACEMENT_PX + 1, step_px)
    sr_offsets = [(MAX_DISPLACEMENT_PX + d + 1) // 2 for d in displacements]
    return [(offset, offset - d) for offset, d in zip(sr_offsets, displacements, strict=True)]


def centered_offsets_px(max_displacement_px: int) -> Offsets:
    """List where the crops start when that of SR stays in the middle and that of HR moves.

    Args:
        max_displacement_px: largest displacement along one axis.

    Returns:
        Pairs (offset in SR, offset in HR): the first is `max_displacement_px`, the second 0 to twice that.
    """
    return [(max_displacement_px, offset) for offset in range(2 * max_displacement_px + 1)]


def best_psnr(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None, search: Search) -> Tensor:
    """Compute the best PSNR over the displacements of a search; arguments, result and errors as of `cpsnr`."""
    check_images(sr, hr, protocol, valid, window_px=search.trim_px + 1)

    def smallest_mse(sr: Tensor, hr: Tensor, mask: Tensor | None) -> Tensor:
        with torch.autocast(sr.device.type, enabled=False):  # it would round exact sums
            if protocol == "published" and search.bias == "band" and _levels_sum_exactly(sr):
                return _mse_of_levels(_levels(sr), _levels(hr), search).amin(dim=(1, 2)) / LEVELS_8BIT**2
            sr, hr = prepare(sr, protocol), prepare(hr, protocol)
            weight = None if mask is None else mask.unsqueeze(1).to(torch.float64)
            mse = _mse_of_displacements(sr, hr, weight, search)
            return _aligned_mse(sr, hr, weight, search, _best_displacement(mse))

    return decibel(map_chunks(smallest_mse, sr, hr, mask_of(valid, protocol)))


def _levels_sum_exactly(image: Tensor) -> bool:
    """Return whether float32 holds the products of 8-bit levels, summed over bands and rows, without rounding."""
    return image.shape[1] * image.shape[2] * LARGEST_LEVEL**2 <= 2**24


def _levels(image: Tensor) -> Tensor:
    """Return what "published" compares as whole 8-bit levels about 0, float32."""
    return levels_8bit(without_border(image)).to(torch.float32).sub_(LARGEST_LEVEL)


def _mse_of_levels(sr: Tensor, hr: Tensor, search: Search) -> Tensor:
    """Expand the mean of (SR - HR - bias)^2 of whole levels: float64 (N, P, P), exact, so 0 for equal crops."""
    offsets_px, trim_px = search.offsets_px, search.trim_px
    sr_offsets, hr_offsets = (list(offsets) for offsets in zip(*offsets_px, strict=True))
    sr_squares, hr_squares = (image.square().sum(dim=1, keepdim=True) for image in (sr, hr))
    squares = window_sums(sr_squares, sr_offsets, trim_px) + window_sums(hr_squares, hr_offsets, trim_px)
    squares = squares[:, 0] - 2 * correlate(sr, hr, offsets_px, trim_px)
    difference = window_sums(sr, sr_offsets, trim_px) - window_sums(hr, hr_offsets, trim_px)  # (N, C, P, P)
    count = (sr.shape[-2] - trim_px) * (sr.shape[-1] - trim_px)
    return (count * squares - difference.square().sum(dim=1)) / (count**2 * sr.shape[1])


def _mse_of_displacements(sr: Tensor, hr: Tensor, weight: Tensor | None, search: Search) -> Tensor:
    """Expand the mean of (SR - HR - bias)^2 into window sums: float64 (N, P, P), inf without a valid pixel."""
    bands, offsets_px, trim_px = sr.shape[1], search.offsets_px, search.trim_px
    sr_offsets, hr_offsets = (list(offsets) for offsets in zip(*offsets_px, strict=True))
    bias = _bias(mean_differences(sr, hr, weight, offsets_px, trim_px), search)
    sr_squares = sr.square().sum(dim=1, keepdim=True)
    if weight is None:
        weight, weighted_hr = torch.ones_like(hr[:1, :1]), hr
        sum_squares = window_sums(sr_squares, sr_offsets, trim_px)[:, 0]
    else:
        weighted_hr = weight * hr
        sum_squares = correlate(sr_squares, weight, offsets_px, trim_px)
    hr_squares = (weighted_hr * hr).sum(dim=1, keepdim=True)
    sum_squares = sum_squares + window_sums(hr_squares, hr_offsets, trim_px)[:, 0]
    sum_products = correlate(sr, weighted_hr, offsets_px, trim_px)
    count = window_sums(weight, hr_offsets, trim_px)[:, 0]
    mse = (sum_squares - 2 * sum_products) / (bands * count) - bias.square().mean(dim=1)
    return mse.where(count > 0, torch.inf)


def _bias(difference: Tensor, search: Search) -> Tensor:
    """Turn the mean difference of each band (N, C, ...) into what is removed from it."""
    return difference if search.bias == "band" else difference.mean(dim=1, keepdim=True)


def _best_displacement(mse: Tensor) -> Tensor:
    """Find row and column displacement of the smallest error: indices (N, 2)."""
    smallest = mse.flatten(1).argmin(dim=1)
    return torch.stack((smallest // mse.shape[-1], smallest % mse.shape[-1]), dim=1)


def _aligned_mse(sr: Tensor, hr: Tensor, weight: Tensor | None, search: Search, best: Tensor) -> Tensor:
    """Recompute the chosen error without the cancellation of expanded squares: exactly 0 for equal crops."""
    sr_start, hr_start = torch.tensor(search.offsets_px)[best.cpu()].unbind(dim=-1)  # (N, 2) each
    error = _crop(sr, sr_start, search.trim_px).sub_(_crop(hr, hr_start, search.trim_px))
    if weight is not None:
        weight = _crop(weight, hr_start, search.trim_px)
    error = error.sub_(_bias(_mean(error, weight), search)).square_()
    return _mean(error, weight).mean(dim=(1, 2, 3))


def _mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Average (N, C, H, W) over the pixels that count: (N, C, 1, 1)."""
    if weight is None:
        return values.mean(dim=(2, 3), keepdim=True)
    return (weight * values).sum(dim=(2, 3), keepdim=True) / weight.sum(dim=(2, 3), keepdim=True)


def _crop(images: Tensor, start_px: Tensor, trim_px: int) -> Tensor:
    """Cut a smaller window at its own (row, column) out of each image: (N, C, H - trim_px, W - trim_px)."""
    height, width = (size - trim_px for size in images.shape[-2:])
    corners = zip(images.movedim(1, -1), start_px.tolist(), strict=True)
    return torch.stack([image[r : r + height, c : c + width] for image, (r, c) in corners]).movedim(-1, 1)
