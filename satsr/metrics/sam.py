"""Spectral angle.

Kruse et al., "The spectral image processing system (SIPS)", Remote Sensing of Environment 1993, the
spectral angle mapper.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from satsr.metrics.checks import check_images
from satsr.metrics.protocol import Protocol, map_chunks, mask_of, prepare
from satsr.metrics.psnr import masked_mean


def sam(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> Tensor:
    """Compute the angle between the spectra of SR and HR at each pixel, and average the pixels.

    The reference code does not report it. "published" treats images as its own metrics do: 8-bit rounding,
    4 px border removed, mask ignored. "corrected" is the definition, over valid pixels.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1], C at least 2.
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.

    Returns:
        float64 (N,) in [0, 90] degrees, lower is better; 0 where spectra are equal up to brightness.

    Raises:
        ValueError: from `check_images`, or for images of one band.
    """
    check_images(sr, hr, protocol, valid)
    if sr.shape[1] < 2:
        raise ValueError(
            f"all images: got {sr.shape[1]} band, sam expects at least 2: a single band has no angle, leave sam out"
        )

    def mean_angle(sr: Tensor, hr: Tensor, mask: Tensor | None) -> Tensor:
        return masked_mean(spectral_angle_deg(prepare(sr, protocol), prepare(hr, protocol)), mask)

    return map_chunks(mean_angle, sr, hr, mask_of(valid, protocol))


def spectral_angle_deg(x: Tensor, y: Tensor) -> Tensor:
    """Compute the angle between two spectra at each pixel.

    From the difference and the sum of the unit spectra (Kahan): the arc cosine would turn rounding into
    1e-8 rad for equal spectra. A zero spectrum is at 0 degrees from another zero one, at 90 from any other.

    Args:
        x: float (N, C, H, W), not negative.
        y: the same shape.

    Returns:
        (N, H, W) in [0, 90] degrees.
    """
    smallest = torch.finfo(x.dtype).tiny
    x_unit, y_unit = (F.normalize(spectra, dim=1, eps=smallest) for spectra in (x, y))
    half = torch.atan2((x_unit - y_unit).norm(dim=1), (x_unit + y_unit).norm(dim=1))
    return torch.rad2deg(2 * half)
