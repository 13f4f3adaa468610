"""The one input check that all metrics share."""

import torch
from torch import Tensor

from satsr.metrics.protocol import Protocol, border_px, check_protocol, map_chunks


def check_images(sr: Tensor, hr: Tensor, protocol: Protocol, valid: Tensor | None = None, window_px: int = 1) -> None:
    """Check what a metric is given.

    Args:
        sr: super-resolved images (N, C, H, W), float, in [0, 1].
        hr: targets of the same shape and range.
        protocol: decides the border that is removed.
        valid: bool (N, H, W), HR pixels that count; must leave one per image where it is used.
        window_px: smallest side that the metric can work on after the border is gone.

    Raises:
        ValueError: in one line with the image's index, what was got, what was expected and the remedy.
    """
    check_protocol(protocol)
    _check_shapes(sr, hr)
    _check_size(hr, window_px + 2 * border_px(protocol))
    _check_range(sr, "sr")
    _check_range(hr, "hr")
    if valid is not None:
        _check_valid(valid, hr, protocol)


def first_image(flags: Tensor) -> int | None:
    """Find the first image that is flagged.

    Args:
        flags: bool (N, ...).

    Returns:
        Index of the first image with any True, or None.
    """
    flagged = flags.reshape(len(flags), -1).any(dim=1).nonzero()
    return int(flagged[0]) if len(flagged) else None


def _check_shapes(sr: Tensor, hr: Tensor) -> None:
    if sr.ndim == hr.ndim == 4 and sr.shape[1] != hr.shape[1]:
        raise ValueError(
            f"all images: got {sr.shape[1]} and {hr.shape[1]} bands, expected the same ones: choose them, or repeat a "
            "single band"
        )
    if sr.ndim != 4 or sr.shape != hr.shape:
        raise ValueError(
            f"all images: got sr {tuple(sr.shape)} and hr {tuple(hr.shape)}, "
            "expected one shape (N, C, H, W): crop or resize sr to hr"
        )
    if len(sr) == 0:
        raise ValueError("got no images, expected at least one: skip empty batches")
    if not (sr.is_floating_point() and hr.is_floating_point()):
        raise ValueError(f"all images: got {sr.dtype} and {hr.dtype}, expected float: divide 8-bit values by 255")


def _check_size(hr: Tensor, smallest_px: int) -> None:
    height, width = hr.shape[-2:]
    if min(height, width) < smallest_px:
        raise ValueError(
            f"all images: got {height}x{width} px, expected at least {smallest_px}x{smallest_px} "
            "for border and window: score larger images"
        )


def _check_range(image: Tensor, name: str) -> None:
    bad = first_image(~map_chunks(_within_range, image))
    if bad is None:
        return
    if not torch.isfinite(image[bad]).all():
        raise ValueError(f"image {bad}: got NaN or infinity in {name}, expected finite values: mask or drop it")
    low, high = image[bad].min().item(), image[bad].max().item()
    raise ValueError(f"image {bad}: got {name} in [{low:g}, {high:g}], expected [0, 1]: clip it first")


def _within_range(image: Tensor) -> Tensor:
    """Mark the images with all values in [0, 1], none of them NaN: bool (N,)."""
    # By the ends of each image: comparing every value would cost more than some metrics.
    return (image.flatten(1).amin(dim=1) >= 0) & (image.flatten(1).amax(dim=1) <= 1)


def _check_valid(valid: Tensor, hr: Tensor, protocol: Protocol) -> None:
    expected = (hr.shape[0], *hr.shape[-2:])
    if valid.dtype != torch.bool or valid.shape != expected:
        raise ValueError(
            f"all images: got valid {valid.dtype} {tuple(valid.shape)}, "
            f"expected torch.bool {tuple(expected)}: pass hr_valid"
        )
    if protocol == "corrected" and (empty := first_image(~valid.flatten(1).any(dim=1))) is not None:
        raise ValueError(f"image {empty}: got no valid pixel, expected at least one: leave the image out")
