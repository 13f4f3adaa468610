"""Reading and writing small images, with errors that name the file and the remedy."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

# What Pillow raises for a damaged file, by where the damage lies.
_DAMAGE = (
    *(UnidentifiedImageError, OSError, SyntaxError, EOFError, OverflowError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)
# What helps where a file is missing or damaged.
AGAIN = "download or make that file again"


@contextmanager
def open_image(source: Path | bytes, name: str = "") -> Iterator[Image.Image]:
    """Open an image with Pillow.

    Args:
        source: a file, or its bytes.
        name: how errors name it; by default its path.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is truncated or not an image, which may show while it is read.
    """
    name = name or str(source)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            yield image
    except FileNotFoundError:
        raise FileNotFoundError(f"{name} is missing: {AGAIN}") from None
    except _DAMAGE as error:
        raise ValueError(f"{name} cannot be read ({error}): {AGAIN}") from None


def read_png(path: Path) -> NDArray[np.uint8]:
    """Return an 8-bit PNG or JPEG as (H, W) or (H, W, 3).

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is truncated, not an image, or not 8 bits deep.
    """
    return read_image(path, ("L", "RGB"), "an 8-bit gray or RGB image")


def read_image(path: Path, modes: Sequence[str], expected: str) -> NDArray[Any]:
    """Return an image file of one of Pillow's modes, no value changed.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is truncated, not an image, or of another mode than was `expected`.
    """
    with open_image(path) as image:
        if image.mode not in modes:
            raise ValueError(f"{path}: got mode {image.mode}, expected {expected}: {AGAIN}")
        return np.asarray(image)


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an 8-bit image (H, W) or (H, W, 3), making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, format="PNG", compress_level=4)


IMAGES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")


def read_png16(path: Path) -> NDArray[np.uint16]:
    """Return a gray 16-bit PNG as (H, W), no value changed.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is truncated, not an image, or not 16 bits deep.
    """
    return read_image(path, ("I;16",), "a 16-bit gray PNG, whose lower bits an 8-bit copy has lost")


def read_mask(path: Path) -> NDArray[np.bool_]:
    """Return a gray 1-bit or 8-bit PNG as bool (H, W): True where it is not 0.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is truncated, not an image, or deeper than 8 bits.
    """
    return np.asarray(read_image(path, ("1", "L"), "a 1-bit or 8-bit gray mask") != 0)


def write_png16(path: Path, image: NDArray[np.uint16]) -> None:
    """Write a 16-bit image (H, W), making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(image)).save(path, format="PNG", compress_level=4)


def write_mask(path: Path, mask: NDArray[np.bool_]) -> None:
    """Write a mask (H, W) as 8 bits, 255 where it is True, making its folder."""
    write_png(path, mask.astype(np.uint8) * np.uint8(255))
