"""What readers of deeper images share: 16-bit PNG files, masks, and hold-outs that no author published."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from satsr.data.images import read_image

HOLD_OUT_SEED = 0


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
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(path, format="PNG", compress_level=4)


def hold_out_share(name: str) -> float:
    """Return a number in [0, 1) that depends on a name alone: below 0.1, say, and the place is held out.

    So a place stays on its side of a hold-out when others come or go, on every machine.
    """
    digest = hashlib.sha256(f"{HOLD_OUT_SEED} {name}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
