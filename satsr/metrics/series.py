"""The low-resolution input as one image, for metrics that compare the output with what it was made from."""

import torch
from torch import Tensor

from satsr.data.dates import median_of_valid
from satsr.metrics.checks import first_image
from satsr.metrics.protocol import LEVELS_8BIT, Protocol


def input_image(lr: Tensor | None, hr: Tensor) -> Tensor:
    """Return the per-pixel median over the dates of the input's first bands.

    Dates that are black at a pixel do not count there; it is what the bicubic baseline enlarges.

    Args:
        lr: input series (N, T, C_in, h, w) in [0, 1], whose first C bands are those of `hr`.
        hr: (N, C, H, W), a whole number of times as large.

    Returns:
        (N, C, h, w) in [0, 1].

    Raises:
        ValueError: in one line with what was got, what was expected and the remedy.
    """
    if lr is None:
        raise ValueError("all images: got no lr, expected the input series (N, T, C_in, h, w): pass lr")
    _check_shape(lr, hr)
    bad = first_image(~((lr >= 0) & (lr <= 1)))
    if bad is not None:
        raise ValueError(f"image {bad}: got lr outside [0, 1] or not finite, expected [0, 1]: clip or mask it first")
    return median_of_valid(lr[:, :, : hr.shape[1]].to(torch.float32))


def on_cpu(image: Tensor, protocol: Protocol) -> Tensor:
    """Hand an image over to code outside torch: float32 on the CPU, rounded to 8 bit for "published"."""
    image = image.detach().to("cpu", torch.float32)
    return (image * LEVELS_8BIT).round() / LEVELS_8BIT if protocol == "published" else image


def scale_of(lr: Tensor, hr: Tensor) -> int:
    """Return how many times larger `hr` (..., H, W) is than `lr` (..., h, w)."""
    return hr.shape[-1] // lr.shape[-1]


def _check_shape(lr: Tensor, hr: Tensor) -> None:
    count, bands, height, width = hr.shape
    if lr.ndim != 5 or len(lr) != count or 0 in lr.shape:
        raise ValueError(
            f"all images: got lr {tuple(lr.shape)}, expected ({count}, T, C_in, h, w): pass the input of these images"
        )
    if lr.shape[2] < bands:
        raise ValueError(
            f"all images: got {lr.shape[2]} bands in lr and {bands} in hr, expected at least as many in lr: "
            "pass the bands of hr first"
        )
    scale = scale_of(lr, hr)
    if scale == 0 or (height, width) != (scale * lr.shape[-2], scale * lr.shape[-1]):
        raise ValueError(
            f"all images: got hr {height}x{width} px over lr {lr.shape[-2]}x{lr.shape[-1]} px, "
            "expected a whole multiple in both axes: crop them to the same ground"
        )
