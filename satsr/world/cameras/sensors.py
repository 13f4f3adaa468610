"""What a satellite makes of a surface.

A band's optics are Gaussian in space, so along one image axis point spread and sampling at the band's own distance
are one matrix, and bilinear resampling to the product's grid another: a band's samples are `rows @ surface @
columns.T`. Before sampling come season, sun and shadows (from the world); the samples get haze and noise; the
product gets clouds with their shadows, and rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from satsr.world.light import Sun
from satsr.world.random_fields import fractal

Array = NDArray[np.floating]  # float32 on all long paths

CLOUD_M = 1500.0  # size of the largest clouds over a landscape of a kilometre


@dataclass(frozen=True)
class Band:
    """One spectral band.

    Attributes:
        name: as in the data set's file names.
        gsd_m: native sampling distance in metres.
        mtf_nyquist: modulation transfer of the whole system at the Nyquist frequency of `gsd_m`.
        snr: signal-to-noise ratio at `reference`.
        reference: TOA reflectance at which `snr` is stated.
        path: path reflectance of a clear sky (Rayleigh and a little aerosol).
        transmittance: two-way transmittance of a clear sky.
    """

    name: str
    gsd_m: float
    mtf_nyquist: float
    snr: float
    reference: float
    path: float
    transmittance: float

    @property
    def blur_m(self) -> float:
        """Standard deviation of the point spread function: exp(-2 (pi sigma f)^2) = MTF at f = 1 / (2 gsd)."""
        return self.gsd_m * float(np.sqrt(-2.0 * np.log(self.mtf_nyquist))) / np.pi


@dataclass(frozen=True)
class Sensor:
    """A camera: its bands, and how well its images lie on each other (standard deviation in metres)."""

    name: str
    bands: tuple[Band, ...]
    registration_m: float

    def band(self, name: str) -> Band:
        """Return the band of that name."""
        return next(b for b in self.bands if b.name == name)


# Sampling distances and SNR at reference radiance: Sentinel-2 MSI mission requirements. MTF at Nyquist: inside
# the range measured in orbit (0.2 to 0.35). Multi-temporal registration of L1C: better than 0.5 pixel.
SENTINEL2 = Sensor(
    "Sentinel-2 MSI L1C",
    (
        Band("b01", 60, 0.30, 129, 0.19, 0.110, 0.76),
        Band("b02", 10, 0.27, 154, 0.18, 0.080, 0.81),
        Band("b03", 10, 0.28, 168, 0.18, 0.047, 0.87),
        Band("b04", 10, 0.25, 142, 0.17, 0.028, 0.91),
        Band("b05", 20, 0.33, 117, 0.16, 0.022, 0.91),
        Band("b06", 20, 0.32, 89, 0.16, 0.018, 0.92),
        Band("b07", 20, 0.31, 105, 0.16, 0.015, 0.93),
        Band("b08", 10, 0.24, 174, 0.28, 0.012, 0.93),
        Band("b8a", 20, 0.31, 72, 0.15, 0.011, 0.95),
        Band("b09", 60, 0.30, 114, 0.03, 0.008, 0.40),
        Band("b10", 60, 0.30, 50, 0.01, 0.002, 0.03),
        Band("b11", 20, 0.22, 100, 0.05, 0.003, 0.95),
        Band("b12", 20, 0.22, 100, 0.06, 0.002, 0.94),
    ),
    registration_m=3.0,
)


@dataclass(frozen=True)
class Conditions:
    """One satellite pass over a region.

    Attributes:
        haze: multiplies the path reflectance; 1 is a clear sky.
        shift_m: misregistration in metres, down and right.
        cloud_cover: share of the region under cloud, 0 to 1.
        edge: share of the region outside the swath, 0 to 1; those pixels are black.
        shadow_m: displacement of cloud shadows in metres, down and right.
        cloud_m: size of the largest clouds in metres.
    """

    haze: float
    shift_m: tuple[float, float]
    cloud_cover: float
    edge: float
    shadow_m: tuple[float, float]
    cloud_m: float = CLOUD_M


class Frame(NamedTuple):
    """What a sensor's product shows of a region.

    Attributes:
        image: TOA reflectance (C, h, w), not clipped.
        inside: bool (h, w), pixels inside the swath.
        cloud: opacity of the clouds (h, w) in [0, 1].
    """

    image: Array
    inside: NDArray[np.bool_]
    cloud: Array


def draw_conditions(rng: np.random.Generator, sensor: Sensor, cloudy_share: float, sun: Sun) -> Conditions:
    """Draw the conditions of one pass; about `cloudy_share` of them have clouds, with shadows away from the sun."""
    length_m = rng.uniform(400, 1000) / np.tan(np.radians(max(sun.elevation_deg, 15.0)))  # low clouds
    azimuth = np.radians(sun.azimuth_deg)
    cloudy = rng.random() < cloudy_share
    outside = rng.random() < 0.04  # the swath's edge rarely crosses a region
    return Conditions(
        haze=float(1.0 + rng.gamma(1.2, 0.25)),
        shift_m=(float(rng.normal(0, sensor.registration_m)), float(rng.normal(0, sensor.registration_m))),
        cloud_cover=float(rng.uniform(0.05, 0.8)) if cloudy else 0.0,
        edge=float(rng.uniform(0.1, 1.0)) if outside else 0.0,
        shadow_m=(float(np.cos(azimuth) * length_m), float(-np.sin(azimuth) * length_m)),
    )


def observe(
    surface: Array,
    bands: tuple[str, ...],
    sensor: Sensor,
    conditions: Conditions,
    rng: np.random.Generator,
    *,
    pixel_m: float,
    margin: int,
    scale: float,
) -> Frame:
    """Return one frame of a region as the sensor's product shows it.

    Args:
        surface: (C, H, W) surface reflectance in [0, 1] at `pixel_m`, with a margin of `margin` pixels.
        bands: the C bands' names.
        sensor: the camera.
        conditions: haze, shift, clouds and swath of this pass.
        rng: source of clouds and noise.
        pixel_m: size of the surface's pixels in metres.
        margin: pixels around the region that are seen only through the point spread function.
        scale: size of the product's pixels in pixels of the surface.
    """
    height, width = (int((n - 2 * margin) // scale) for n in surface.shape[1:])
    frame = np.empty((len(bands), height, width), np.float32)
    for image, name, out in zip(surface, bands, frame, strict=True):
        band = sensor.band(name)
        (rows, to_rows), (columns, to_columns) = (
            _axis(n, count, pixel_m, margin, scale, band, shift)
            for n, count, shift in zip(image.shape, (height, width), conditions.shift_m, strict=True)
        )
        native = add_noise(_atmosphere(rows @ image @ columns.T, band, conditions.haze), band, rng)
        out[:] = to_rows @ native @ to_columns.T
    cloud = np.zeros((height, width), np.float32)
    if conditions.cloud_cover:
        cloud = _lay_clouds(frame, conditions, rng, pixel_m * scale)
    return Frame(frame, _inside_swath(height, width, conditions.edge, rng), cloud)


def _axis(
    n: int, count: int, pixel_m: float, margin: int, scale: float, band: Band, shift_m: float
) -> tuple[Array, Array]:
    """Return two matrices: a surface line to the band's own samples (m, n), and those to the product (count, m)."""
    target = (margin + (np.arange(count) + 0.5) * scale) * pixel_m  # centres of the product's pixels
    first = np.floor(target[0] / band.gsd_m) - 1
    native = (first + np.arange(int(np.ceil(target[-1] / band.gsd_m) - first) + 2) + 0.5) * band.gsd_m
    surface = ((np.arange(n) + 0.5) * pixel_m).astype(np.float32)
    seen_from = (native + shift_m).astype(np.float32)[:, None]
    spread = np.exp(-0.5 * np.square((seen_from - surface) / np.float32(band.blur_m)))
    spread /= np.maximum(spread.sum(axis=1, keepdims=True), 1e-12)
    bilinear = np.clip(1 - np.abs(target[:, None] - native) / band.gsd_m, 0, None).astype(np.float32)
    return spread, bilinear


def _atmosphere(image: Array, band: Band, haze: float) -> Array:
    """Add path reflectance and take transmittance, both growing with haze."""
    return haze * band.path + band.transmittance**haze * image


def _lay_clouds(frame: Array, conditions: Conditions, rng: np.random.Generator, pixel_m: float) -> Array:
    """Lay clouds and their shadows over a frame, in place; bands see them displaced (the focal plane's parallax).

    Returns:
        Opacity where no band is displaced, (h, w) in [0, 1].
    """
    bands, height, width = frame.shape
    reach = int(np.ceil(max(map(abs, conditions.shadow_m)) / pixel_m)) + 4
    field = fractal(max(height, width) + 2 * reach, rng, beta=3.2, longest_px=conditions.cloud_m / pixel_m)
    threshold = np.quantile(field[reach : reach + height, reach : reach + width], 1 - conditions.cloud_cover)
    thickness = rng.uniform(0.35, 1.0)  # from veils of cirrus to towers
    opacity = thickness * np.clip((field - threshold) / 1.2, 0, 1)
    brightness = 0.4 + 0.4 * opacity
    parallax = rng.uniform(-0.6, 0.6, 2)

    def seen(image: Array, down: float, right: float) -> Array:
        moved = ndimage.shift(image, (down, right), order=1, mode="nearest")
        return moved[reach : reach + height, reach : reach + width]

    shadow = 1 - 0.55 * ndimage.gaussian_filter(seen(opacity, *(s / pixel_m for s in conditions.shadow_m)), 1.5)
    for number, image in enumerate(frame):
        down, right = parallax * (number - bands / 2)
        cover = seen(opacity, down, right)
        image[:] = image * shadow * (1 - cover) + seen(brightness, down, right) * cover
    return seen(opacity, 0, 0)


def add_noise(image: Array, band: Band, rng: np.random.Generator) -> Array:
    """Add shot noise in place: its variance grows with the signal and gives the band's SNR at its reference."""
    sigma = band.reference / band.snr * np.sqrt(np.maximum(image, 0.002) / band.reference)
    image += sigma * rng.standard_normal(image.shape, np.float32)
    return image


def _inside_swath(height: int, width: int, edge: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return False for about the share `edge` of the pixels, on one side of a slanted line."""
    if edge == 0:
        return np.ones((height, width), bool)
    y, x = np.mgrid[0:height, 0:width]
    across = x * np.cos(rng.uniform(-0.3, 0.3)) + 0.2 * y
    return across >= np.quantile(across, edge) if edge < 1 else np.zeros((height, width), bool)
