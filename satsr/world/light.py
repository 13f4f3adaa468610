"""Sunlight on a height map: cast shadows, shading of slopes, and the sky's diffuse share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

#: Share of the light on open ground that comes from the sky, per band of `materials.BANDS`: Rayleigh scattering
#: makes it larger in the blue, which is why shadows look blue. It includes light that neighbors throw back.
DIFFUSE = np.array((0.36, 0.32, 0.26, 0.21, 0.20, 0.19, 0.18, 0.17, 0.17, 0.16, 0.14, 0.13, 0.12), np.float32)
_STEEPEST = 1.6  # lit at most this many times as strongly as level ground


@dataclass(frozen=True)
class Sun:
    """Where the sun stands.

    Attributes:
        azimuth_deg: Clockwise from north; 180 is south.
        elevation_deg: Above the horizon, in (0, 90].
    """

    azimuth_deg: float
    elevation_deg: float

    def __post_init__(self) -> None:
        if not 0 < self.elevation_deg <= 90:
            raise ValueError(f"sun elevation: got {self.elevation_deg}, expected 0 < degrees <= 90; use a daytime date")

    @property
    def toward(self) -> tuple[float, float]:
        """Unit vector (x right, y down) along the ground toward the sun."""
        azimuth = np.deg2rad(self.azimuth_deg)
        return float(np.sin(azimuth)), float(-np.cos(azimuth))


def shifted(field: Field, dx: int, dy: int) -> Field:
    """Return g with g[y, x] = field[y + dy, x + dx], repeating the border outside."""
    height, width = field.shape
    dx, dy = int(np.clip(dx, -width, width)), int(np.clip(dy, -height, height))
    padded = np.pad(field, ((max(-dy, 0), max(dy, 0)), (max(-dx, 0), max(dx, 0))), mode="edge")
    return padded[max(dy, 0) : max(dy, 0) + height, max(dx, 0) : max(dx, 0) + width]


def sunlit(height_m: Field, pixel_m: float, sun: Sun) -> Field:
    """Share of the sun's disc that every pixel sees, in [0, 1].

    A ray climbs from the pixel toward the sun. The highest obstacle along 2n steps is the higher one of the first n
    and the next n steps, so doubling n reaches the length of the longest shadow in a few passes.

    Args:
        height_m: (H, W) height of what stands on the ground.
        pixel_m: Side of a pixel in meters.
        sun: Where the sun stands.
    """
    climb = pixel_m * np.tan(np.deg2rad(sun.elevation_deg))
    toward = np.array(sun.toward)
    longest = float(height_m.max()) / climb
    horizon = shifted(height_m, *np.rint(toward).astype(int)) - np.float32(climb)
    n = 1
    while n < longest:
        further = shifted(horizon, *np.rint(n * toward).astype(int)) - np.float32(n * climb)
        np.maximum(horizon, further, out=horizon)
        n *= 2
    # The penumbra and the half-transparent rims of crowns soften the edge over about a step's climb.
    return np.clip(1 + (height_m - horizon) / np.float32(0.6 * climb + 0.4), 0, 1)


def _slope(height: Field, axis: int) -> Field:
    """Difference per pixel that ignores walls: the smaller one-sided difference, zero where the two disagree."""
    forward = np.diff(height, axis=axis, append=np.take(height, [-1], axis=axis))
    backward = np.roll(forward, 1, axis=axis)
    smaller = np.minimum(np.abs(forward), np.abs(backward))
    return np.where(forward * backward > 0, np.copysign(smaller, forward), np.float32(0))


def shading(surface_m: Field, pixel_m: float, sun: Sun) -> Field:
    """Direct light on every facet of (H, W) `surface_m`, relative to level ground, in [0, 1.6]."""
    east, south = sun.toward
    run = pixel_m * np.tan(np.deg2rad(sun.elevation_deg))
    along = _slope(surface_m, 1) * np.float32(east / run)
    along += _slope(surface_m, 0) * np.float32(south / run)
    return np.clip(1 - along, 0, _STEEPEST)
