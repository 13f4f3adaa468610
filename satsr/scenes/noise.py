"""How far a composite may be from what the sensor saw: its noise, by the model of the sensor."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from satsr.models.consistent import KNOWN

DARK = 0.002  # reflectance below which noise no longer falls: readout
OF_MEDIAN = math.sqrt(math.pi / 2)  # standard deviation of a median over that of a mean, of many normal values
HALF_LEVEL = 0.45 / 255  # with what two steps of back-projection leave, half a level


def composite_noise(
    composite: NDArray[np.float32], dates: NDArray[np.uint8], bands: Sequence[str], whites: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the standard deviation of a composite's noise, in shares of white.

    Shot noise gives each band its signal-to-noise ratio at its reference (mission requirements, see
    `satsr.world.cameras.sensors`).

    Args:
        composite: (C, h, w), shares of white.
        dates: (h, w), how many it is the median of; 0 counts as one.
        bands: names of the C bands.
        whites: reflectance of white for each.
    """
    count = np.maximum(dates, 1)
    spread = np.where(count > 2, OF_MEDIAN, 1) / np.sqrt(count)
    of_one = [
        sensor.reference / sensor.snr * np.sqrt(np.maximum(values * white, DARK) / sensor.reference) / white
        for values, white, sensor in zip(composite, whites, (KNOWN[name] for name in bands), strict=True)
    ]
    return (np.stack(of_one) * spread).astype(np.float32)


def tolerance(
    composite: NDArray[np.float32], dates: NDArray[np.uint8], bands: Sequence[str], whites: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return how far an output may be from a composite: its noise, at least half a level; see `composite_noise`."""
    return np.maximum(composite_noise(composite, dates, bands, whites), np.float32(HALF_LEVEL))
