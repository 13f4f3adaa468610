"""What an aerial camera makes of a surface: the high-resolution side of a pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from satsr.world.cameras.sensors import Array, Band, Sensor, add_noise

# Flown below most of the atmosphere; S2-NAIP keeps a quarter of the native resolution.
NAIP = Sensor(
    "NAIP, every fourth pixel of the native 0.6 m",
    (
        Band("b02", 2.4, 0.50, 90, 0.10, 0.020, 0.93),
        Band("b03", 2.4, 0.50, 90, 0.10, 0.012, 0.95),
        Band("b04", 2.4, 0.50, 90, 0.10, 0.008, 0.96),
    ),
    registration_m=0.0,
)
SEEN = ("b04", "b03", "b02")  # in the order of the image's channels


@dataclass(frozen=True)
class Flight:
    """The tone of one aerial campaign: `digital number = 255 * gain * reflectance ** (1 / gamma) + veil`.

    Attributes:
        gain: one value for each of red, green and blue.
        gamma: contrast of the photographic rendering.
        veil: brightness that haze and stray light add, as a share of white.
    """

    gain: tuple[float, float, float] = (1.42, 1.37, 1.30)
    gamma: float = 2.2
    veil: float = 0.01

    def develop(self, reflectance: Array) -> Array:
        """Return (..., 3) reflectance as shares of white, not clipped."""
        return np.asarray(self.gain) * np.maximum(reflectance, 0) ** (1 / self.gamma) + self.veil

    def undo(self, white: Array) -> Array:
        """Return the reflectance behind (..., 3) shares of white: the inverse of `develop`."""
        return (np.maximum(white - self.veil, 0) / np.asarray(self.gain)) ** self.gamma


def draw_flight(rng: np.random.Generator) -> Flight:
    """Draw a campaign's tone around the nominal one: NAIP's colour balance differs by state and year."""
    nominal = Flight()
    red, green, blue = np.asarray(nominal.gain) * rng.normal(1, 0.06) * rng.normal(1, 0.025, 3)
    return Flight((red, green, blue), nominal.gamma + rng.uniform(-0.2, 0.2), rng.uniform(0.0, 0.04))


def photograph(
    surface: Array,
    bands: tuple[str, ...],
    flight: Flight,
    rng: np.random.Generator,
    *,
    pixel_m: float,
    margin: int,
) -> NDArray[np.uint8]:
    """Return the 8-bit aerial image (H, W, 3) of a surface, without its margin.

    Args:
        surface: (C, H + 2 margin, W + 2 margin) surface reflectance in [0, 1].
        bands: the C bands' names; those of `SEEN` are used.
        flight: tone of the campaign.
        rng: source of noise.
        pixel_m: size of the surface's pixels in metres.
        margin: pixels around the region.
    """
    channels = []
    for name in SEEN:
        band = NAIP.band(name)
        image = ndimage.gaussian_filter(surface[bands.index(name)], band.blur_m / pixel_m, truncate=3)
        image = band.path + band.transmittance * image[margin : -margin or None, margin : -margin or None]
        channels.append(add_noise(image, band, rng))
    white = flight.develop(np.stack(channels, axis=-1))
    return np.clip(np.rint(255 * white), 1, 255).astype(np.uint8)  # 0 in all bands means no data
