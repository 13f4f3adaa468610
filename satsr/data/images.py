"""Reading and writing small images, with errors that name the file and the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError


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
    try:
        with Image.open(path) as image:
            if image.mode not in modes:
                raise ValueError(f"{path}: got mode {image.mode}, expected {expected}: download or make it again")
            return np.asarray(image)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: download or make that file again") from None
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read ({error}): download or make that file again") from None


def write_png(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an 8-bit image (H, W) or (H, W, 3), making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, format="PNG", compress_level=4)
