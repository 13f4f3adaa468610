"""SSIM corrected for brightness and registration: the best over small displacements, band bias removed.

Salvetti et al., "Multi-image super resolution of remotely sensed images using residual attention deep neural
networks" (RAMS), 2020, and Molini et al., "DeepSUM", 2020: the correction of cPSNR, then SSIM.
"""

from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from satsr.metrics.checks import check_images, first_image
from satsr.metrics.correlation import mean_differences
from satsr.metrics.cpsnr import PROBAV_DISPLACEMENT_PX, centered_offsets_px
from satsr.metrics.protocol import Protocol, map_chunks, mask_of, prepare
from satsr.metrics.psnr import masked_mean
from satsr.metrics.ssim import C1, C2, WINDOW_PX, blur_windows

TRIM_PX = 2 * PROBAV_DISPLACEMENT_PX
RADIUS_PX = WINDOW_PX // 2


def cssim(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None) -> Tensor:
    """Compute cSSIM.

    SR loses 3 px on each side and is compared with the 49 crops of HR of that size: the mean of HR - SR is
    added to SR per band, and the largest SSIM (mean of bands) counts. The reference code has no cSSIM.
    "published" treats images as its own metrics do: 8-bit rounding, 4 px border removed, mask ignored.
    "corrected" is the definition; with a mask, the mean difference is that of valid pixels, and SSIM is averaged
    over windows whose center is valid.

    Args:
        sr: super-resolved images (N, C, H, W) in [0, 1].
        hr: targets of the same shape and range.
        protocol: "published" or "corrected".
        valid: bool (N, H, W), HR pixels that count.

    Returns:
        float64 (N,) in [-1, 1], higher is better; 1 where a displacement makes SR equal to HR.

    Raises:
        ValueError: from `check_images`, or if no window of an image has a valid center.
    """
    check_images(sr, hr, protocol, valid, window_px=WINDOW_PX + TRIM_PX)

    def largest(sr: Tensor, hr: Tensor, mask: Tensor | None) -> Tensor:
        return _ssim_of_displacements(prepare(sr, protocol), prepare(hr, protocol), mask).amax(dim=1)

    best = map_chunks(largest, sr, hr, mask_of(valid, protocol))
    if (empty := first_image(best.isinf())) is not None:
        raise ValueError(
            f"image {empty}: got no valid pixel {RADIUS_PX} px or more from the border, expected at least one: "
            "leave the image out"
        )
    return best


def _ssim_of_displacements(sr: Tensor, hr: Tensor, mask: Tensor | None) -> Tensor:
    """Compute SSIM for every displacement: (N, 49), -inf where no window has a valid center."""
    offsets_px = centered_offsets_px(PROBAV_DISPLACEMENT_PX)
    weight = None if mask is None else mask.unsqueeze(1).to(sr.dtype)
    bias = mean_differences(sr, hr, weight, offsets_px, TRIM_PX)[..., None, None]  # (N, C, 7, 7, 1, 1)
    inner = slice(PROBAV_DISPLACEMENT_PX, -PROBAV_DISPLACEMENT_PX)
    x, y = _Windows.of(sr[..., inner, inner]), _Windows.of(hr)
    centers = None if mask is None else mask[:, RADIUS_PX:-RADIUS_PX, RADIUS_PX:-RADIUS_PX]
    scores = []
    for row, column in product(range(len(offsets_px)), repeat=2):
        similarity = _similarity(x, y.crop(row, column), bias[:, :, row, column])
        counted = None if centers is None else _crop(centers, row, column)
        scores.append(masked_mean(similarity.mean(dim=1), counted))
    return torch.stack(scores, dim=1).nan_to_num(nan=-torch.inf)


@dataclass(frozen=True)
class _Windows:
    """Images (N, C, H, W) with mean and variance of each SSIM window, which all displacements share."""

    image: Tensor
    mean: Tensor
    variance: Tensor

    @classmethod
    def of(cls, image: Tensor) -> "_Windows":
        mean, mean_square = blur_windows(torch.stack((image, image**2)), WINDOW_PX, "valid")
        return cls(image, mean, mean_square - mean**2)

    def crop(self, row: int, column: int) -> "_Windows":
        """Cut what a displaced crop of the image has."""
        return _Windows(*(_crop(part, row, column) for part in (self.image, self.mean, self.variance)))


def _crop(image: Tensor, row: int, column: int) -> Tensor:
    height, width = (size - TRIM_PX for size in image.shape[-2:])
    return image[..., row : row + height, column : column + width]


def _similarity(x: _Windows, y: _Windows, bias: Tensor) -> Tensor:
    """Compute SSIM (Wang et al., equation 13) of x - bias and y, in place where it can; a bias moves only the mean."""
    covariance = blur_windows(x.image * y.image, WINDOW_PX, "valid").addcmul_(x.mean, y.mean, value=-1)
    mean = x.mean - bias
    above = (mean * y.mean).mul_(2).add_(C1).mul_(covariance.mul_(2).add_(C2))
    below = mean.square_().addcmul_(y.mean, y.mean).add_(C1).mul_((x.variance + y.variance).add_(C2))
    return above.div_(below)
