"""From a product's 16-bit counts to the 8-bit values that the networks were trained on.

The networks saw S2-NAIP: level 1C of 2019 and 2020, so counts without an offset, as ESA's true-colour image and other
bands divided by 8,160. Both scales are applied here to reflectance, so that a product of any baseline gives the same
value for the same ground: `reflectance = (counts + offset) / quantification`.

Level 2A goes through the same two scales. It is reflectance at the ground, darker in blue than what the networks
saw; ESA's own TCI file of level 2A ends at reflectance 0.2 and would be too bright, so it is not taken.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

OFFSET_BASELINE = "04.00"  # since 2022-01-25, and of everything that was processed again as Collection 1
HOME_MADE = "99.99"  # of Sen2Cor on a user's machine: newer than nothing
OFFSET = -1000.0  # the value that those products' XML names for every band
RGB = ("b04", "b03", "b02")  # red, green, blue of the true-colour image


def age(baseline: str | None) -> str:
    """Return what orders processing baselines; 99.99 is not newer than anything."""
    return "" if baseline is None or baseline == HOME_MADE else baseline


def baseline_offset(baseline: str) -> float:
    """Return what is added to counts of a processing baseline such as `05.00`."""
    return OFFSET if baseline >= OFFSET_BASELINE else 0.0


def reflectance(counts: NDArray[np.number], offset: float, quantification: float) -> NDArray[np.float32]:
    """Return reflectance, negative where noise makes it so."""
    return (counts.astype(np.float32) + np.float32(offset)) / np.float32(quantification)
