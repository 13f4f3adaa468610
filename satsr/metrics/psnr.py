"""Peak signal-to-noise ratio."""

import torch
from torch import Tensor

from satsr.metrics.checks import check_images
from satsr.metrics.protocol import Protocol, map_chunks, mask_of, prepare


def psnr(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> Tensor:
    """Compute PSNR over all bands and pixels.

    "published" repeats the reference code's `calculate_psnr` with `crop_border: 4`: 8-bit rounding, 4 px
    border removed, mask ignored. "corrected" is the definition, over valid pixels.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.

    Returns:
        float64 (N,) in dB, higher is better; infinity for identical images.

    Raises:
        ValueError: from `check_images`.
    """
    check_images(sr, hr, protocol, valid)

    def mse(sr: Tensor, hr: Tensor, mask: Tensor | None) -> Tensor:
        squared = (prepare(sr, protocol) - prepare(hr, protocol)).square().mean(dim=1)  # (N, H, W)
        return masked_mean(squared, mask)

    return decibel(map_chunks(mse, sr, hr, mask_of(valid, protocol)))


def masked_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Average each image over the pixels that count.

    Args:
        values: (N, H, W).
        mask: bool (N, H, W), or None for all pixels.

    Returns:
        (N,).
    """
    if mask is None:
        return values.mean(dim=(1, 2))
    return (values * mask).sum(dim=(1, 2)) / mask.sum(dim=(1, 2))


def decibel(mse: Tensor) -> Tensor:
    """Turn a mean squared error of values in [0, 1] into PSNR in dB; zero gives infinity."""
    return -10 * torch.log10(mse)
