"""The two protocols that every metric can follow, and how images reach a metric under them."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

Protocol = Literal["published", "corrected"]

# `crop_border: 4` in every configuration of the reference code.
PUBLISHED_BORDER_PX = 4
LEVELS_8BIT = 255.0
# Values of one batch that are worked on at a time: what fits a CPU's cache runs several times faster.
CHUNK_VALUES = 2**19
# Images that a network sees at a time: its features are many times as large.
CHUNK_IMAGES = 16


def check_protocol(protocol: str) -> None:
    """Check the name of a protocol.

    Args:
        protocol: name to check.

    Raises:
        ValueError: if it is unknown, listing the valid ones.
    """
    if protocol not in get_args(Protocol):
        raise ValueError(f"got protocol {protocol!r}, expected one of {list(get_args(Protocol))}: pick one")


def border_px(protocol: Protocol) -> int:
    """Return how many pixels the protocol removes on each side of an image."""
    return PUBLISHED_BORDER_PX if protocol == "published" else 0


def prepare(image: Tensor, protocol: Protocol) -> Tensor:
    """Bring an image to what the protocol compares.

    "published" repeats the reference code: rounding to 8 bit (half to even, in the precision of the
    image), then a border of 4 px removed. "corrected" leaves the image as it is.

    Args:
        image: (N, C, H, W) in [0, 1].
        protocol: which of the two.

    Returns:
        float64 in [0, 1]: (N, C, H - 8, W - 8) for "published", (N, C, H, W) for "corrected".
    """
    if protocol == "corrected":
        return image.to(torch.float64)
    return levels_8bit(without_border(image)).to(torch.float64) / LEVELS_8BIT


def levels_8bit(image: Tensor) -> Tensor:
    """Round an image (N, C, H, W) in [0, 1] to whole levels in [0, 255], half to even, in its own precision."""
    return image.mul(LEVELS_8BIT).round_()


def without_border(image: Tensor) -> Tensor:
    """Cut the published 4 px from every side of (N, C, H, W)."""
    inner = slice(PUBLISHED_BORDER_PX, -PUBLISHED_BORDER_PX)
    return image[..., inner, inner]


def mask_of(valid: Tensor | None, protocol: Protocol) -> Tensor | None:
    """Return the mask that the protocol honors: none for "published", as in the reference code."""
    return None if protocol == "published" else valid


def as_published(image: Tensor) -> Tensor:
    """Bring an image to what the reference code gives to a network: 8 bit, BGR order, no border removed.

    Args:
        image: (N, 3, H, W) in [0, 1].

    Returns:
        The same shape and range.
    """
    return levels_8bit(image).flip(1) / LEVELS_8BIT


def replace_invalid(sr: Tensor, hr: Tensor, mask: Tensor | None) -> Tensor:
    """Return SR with HR in the pixels that do not count, so that a network sees no difference there.

    Args:
        sr: (N, C, H, W).
        hr: the same shape.
        mask: bool (N, H, W), or None for all pixels.
    """
    return sr if mask is None else torch.where(mask.unsqueeze(1), sr, hr)


def map_chunks(
    function: Callable[..., Tensor], images: Tensor, *others: Tensor | None, size: int | None = None
) -> Tensor:
    """Apply a function to a few images at a time.

    Args:
        function: takes slices of all batches along their first axis and returns one value per image.
        images: (N, C, H, W), N at least 1.
        others: batches of the same N, or None, which is passed on.
        size: images at a time; by default as many as a cache holds.

    Returns:
        The concatenated results (N,).
    """
    size = size or max(1, CHUNK_VALUES // images[0].numel())
    batches = (images, *others)
    chunks = []
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        chunks.append(function(*(batch if batch is None else batch[part] for batch in batches)))
    return torch.cat(chunks)
