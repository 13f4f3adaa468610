"""A faint visible mark all over an image: that it is a model's estimate. It changes pixels, so only on request."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

TEXT = "MODEL ESTIMATE"
SIDE_PX = 256  # the mark repeats
STRENGTH = 0.08  # of a pixel's own value: as much brighter


def marked(image: NDArray[np.float32], row: int, column: int) -> NDArray[np.float32]:
    """Return an image with the mark, which lies where it lies whatever part is written.

    Args:
        image: (C, h, w), in any unit of which 0 is dark.
        row: of its first pixel in the whole.
        column: likewise.
    """
    rows, columns = (
        np.arange(first, first + count) % SIDE_PX for first, count in zip((row, column), image.shape[1:], strict=True)
    )
    return image * (1 + STRENGTH * _mark()[np.ix_(rows, columns)])


@lru_cache
def _mark() -> NDArray[np.float32]:
    """Return the mark as shares of its strength, (SIDE_PX, SIDE_PX)."""
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.new("L", (SIDE_PX, SIDE_PX))
    font = ImageFont.load_default(size=24)
    draw = ImageDraw.Draw(canvas)
    left, top, right, bottom = draw.textbbox((0, 0), TEXT, font=font)
    draw.text(((SIDE_PX - right - left) / 2, (SIDE_PX - bottom - top) / 2), TEXT, fill=255, font=font)
    turned = canvas.rotate(30, resample=Image.Resampling.BILINEAR)
    return np.asarray(turned, np.float32) / np.float32(255)
