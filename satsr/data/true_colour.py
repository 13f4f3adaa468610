"""From reflectance to the 8 bits that are stored: the true-colour image by ESA's rule, and single bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from satsr.world.cameras.sensors import Array

TCI_WHITE = 0.3558  # TOA reflectance shown as 255 in ESA's true-colour image (Sentinel-2 L1C product)


BAND_WHITE = 0.8160  # S2-NAIP divides the 16-bit value (reflectance x 10,000) by 8,160


def true_colour(frame: Array, bands: tuple[str, ...], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return ESA's 8-bit true-colour image (h, w, 3): linear to 255 at reflectance 0.3558, 0 only outside."""
    rgb = np.stack([frame[bands.index(b)] for b in ("b04", "b03", "b02")], axis=-1)
    return _eight_bit(rgb / TCI_WHITE, inside[..., None])


def eight_bit_band(image: Array, inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a band (h, w) as S2-NAIP stores it: linear to 255 at reflectance 0.816, 0 only outside."""
    return _eight_bit(image / BAND_WHITE, inside)


def _eight_bit(share: Array, inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(inside, np.clip(np.rint(share * 255), 1, 255), 0).astype(np.uint8)
