"""Mean squared and mean absolute error."""

from collections.abc import Callable

import torch
from torch import Tensor

from satsr.metrics.checks import check_images
from satsr.metrics.protocol import Protocol, map_chunks, mask_of, prepare
from satsr.metrics.psnr import masked_mean


def mse(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> Tensor:
    """Compute the mean squared error over all bands and pixels.

    The reference code does not report it. "published" treats images as its own metrics do: 8-bit rounding,
    4 px border removed, mask ignored. "corrected" is the definition, over valid pixels.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.

    Returns:
        float64 (N,) in [0, 1], squared units of the images, lower is better; 0 for identical images.

    Raises:
        ValueError: from `check_images`.
    """
    return _mean_error(torch.square, sr, hr, protocol, valid)


def mae(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> Tensor:
    """Compute the mean absolute error over all bands and pixels.

    The reference code does not report it. "published" treats images as its own metrics do: 8-bit rounding,
    4 px border removed, mask ignored. "corrected" is the definition, over valid pixels.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.

    Returns:
        float64 (N,) in [0, 1], units of the images, lower is better; 0 for identical images.

    Raises:
        ValueError: from `check_images`.
    """
    return _mean_error(torch.abs, sr, hr, protocol, valid)


def _mean_error(
    size: Callable[[Tensor], Tensor], sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None
) -> Tensor:
    check_images(sr, hr, protocol, valid)

    def of_chunk(sr: Tensor, hr: Tensor, mask: Tensor | None) -> Tensor:
        error = size(prepare(sr, protocol) - prepare(hr, protocol))
        return masked_mean(error.mean(dim=1), mask)

    return map_chunks(of_chunk, sr, hr, mask_of(valid, protocol))
