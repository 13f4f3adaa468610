"""How far a super-resolved image lies beside its input: a spatial score that does not mistake detail for shift.

The spatial score of opensr-test whitens all frequencies of the LR grid, so what enlarging adds near the LR Nyquist
frequency moves its peak although nothing is displaced. Here both images are low-passed first, and the
correlation keeps its amplitudes.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from satsr.metrics.checks import check_images
from satsr.metrics.protocol import Protocol, check_protocol
from satsr.metrics.series import input_image, on_cpu, scale_of

Array = NDArray[np.float64]

# Standard deviations in LR pixels: about the optics of a Sentinel-2 band, and the low-pass of the comparison.
ANTIALIAS_LR_PX = 0.5
LOWPASS_LR_PX = 1.5
STEPS_PER_PX = 100
# The window pulls the peak towards zero by a share of the displacement, so what is left is estimated again.
MOST_ESTIMATES = 10
FARTHEST_LR_PX = 5.0  # as in opensr-test
SMALLEST_LR_PX = 16


def registration_shift(
    sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None, lr: Tensor | None = None
) -> Tensor:
    """Compute the length of the displacement of SR against its input.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1].
        hr: targets of the same shape and range; only checked, because SR is compared with its input.
        protocol: the reference code has no such metric; "published" only rounds all images to 8 bit first.
        valid: ignored.
        lr: input series (N, T, C_in, h, w) in [0, 1].

    Returns:
        float64 (N,) in HR px, at least 0, lower is better.

    Raises:
        ValueError: from `registration_displacement`.
    """
    return registration_displacement(sr, hr, protocol, valid, lr).square().sum(dim=1).sqrt()


def registration_displacement(
    sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None, lr: Tensor | None = None
) -> Tensor:
    """Compute the displacement of SR against its input, with its direction.

    The mean of SR's bands, brought down to the LR grid with an antialiasing Gaussian, and that of the median LR
    image are low-passed and weighted by a Hann window; the peak of their cross-correlation is found to 1/100 LR
    px by a zoomed Fourier transform (Guizar-Sicairos et al., "Efficient subpixel image registration
    algorithms", Optics Letters 2008), again and again on SR moved back by what was found.

    Args:
        sr: as for `registration_shift`.
        hr: as for `registration_shift`.
        protocol: as for `registration_shift`.
        valid: ignored.
        lr: as for `registration_shift`.

    Returns:
        float64 (N, 2), down and right, in HR px: positive where the content of SR lies below or to the right of
        its place in LR. Beyond +-5 LR px it stays at that limit.

    Raises:
        ValueError: from `check_images` and `input_image`, for LR smaller than 16 px, and for images without texture.
    """
    check_protocol(protocol)
    check_images(sr, hr, "corrected")
    low = input_image(lr, hr)
    scale = scale_of(low, hr)
    if min(low.shape[-2:]) < SMALLEST_LR_PX:
        raise ValueError(
            f"all images: got lr {low.shape[-2]}x{low.shape[-1]} px, expected at least "
            f"{SMALLEST_LR_PX}x{SMALLEST_LR_PX}: score larger images"
        )
    grays = (on_cpu(image, protocol).to(torch.float64).mean(dim=1).numpy() for image in (sr, low))
    found = [
        _displacement_lr_px(_lowpass(x, scale), _lowpass(y, 1), number)
        for number, (x, y) in enumerate(zip(*grays, strict=True))
    ]
    return scale * torch.tensor(np.array(found), dtype=torch.float64, device=sr.device)


def _lowpass(image: Array, scale: int) -> Array:
    """Bring (H, W) down to the LR grid, where it is not on it already, and low-pass it: (h, w)."""
    if scale > 1:
        image = _gaussian_samples(image, scale, ANTIALIAS_LR_PX * scale)
    return _gaussian_samples(image, 1, LOWPASS_LR_PX)


def _gaussian_samples(image: Array, step_px: int, sigma_px: float) -> Array:
    """Average (H, W) under a Gaussian around the center of every square of `step_px`: (H / step, W / step)."""
    rows, columns = (_gaussian_rows(size, step_px, sigma_px) for size in image.shape)
    return rows @ image @ columns.T


def _gaussian_rows(size_px: int, step_px: int, sigma_px: float) -> Array:
    center_px = (np.arange(size_px // step_px) + 0.5) * step_px - 0.5
    offset_px = np.arange(size_px) - center_px[:, None]
    weight = np.exp(-0.5 * (offset_px / sigma_px) ** 2)
    return weight / weight.sum(axis=1, keepdims=True)


def _displacement_lr_px(moved: Array, fixed: Array, number: int) -> Array:
    for name, image in (("sr", moved), ("lr", fixed)):
        if np.ptp(image) < 1e-6:
            raise ValueError(f"image {number}: got {name} without texture, expected some: leave the image out")
    found = np.zeros(2)
    for _ in range(MOST_ESTIMATES):
        step = _correlation_peak(ndimage.shift(moved, -found, order=3, mode="nearest"), fixed)
        found = np.clip(found + step, -FARTHEST_LR_PX, FARTHEST_LR_PX)
        if np.abs(step).max() < 1.5 / STEPS_PER_PX:
            break
    return found


def _correlation_peak(moved: Array, fixed: Array) -> Array:
    from skimage.registration import phase_cross_correlation

    window = np.outer(*(np.hanning(size + 2)[1:-1] for size in fixed.shape))
    x, y = (window * (image - image.mean()) for image in (moved, fixed))
    # The function returns what moves its second image onto its first.
    return phase_cross_correlation(y, x, upsample_factor=STEPS_PER_PX, normalization=None)[0] * -1.0
