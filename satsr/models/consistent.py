"""An output in agreement with the low-resolution image that it stands for: what the sensor would see of it.

Damped iterative back-projection (Irani and Peleg, "Improving resolution by image registration", 1991) through the
sensor's point spread function, in a fixed number of steps. What the sensor cannot see stays as the model made it.

Measured on six NAIP chips of 2.5 m in red, green and blue, seen without noise at 10 m; residuals are the strongest
inside, in 8-bit levels, and PSNR is against the chip, mean (least):

| output | residual before, after 1, 2, 3 steps | PSNR before | after 2 |
|---|---|--:|--:|
| the chip in another tone, right above the LR Nyquist frequency | 12, 0.32, 0.02, 0.00 | 33.8 | 62.7 (55.9) |
| the same tone (gain 0.9, offset 0.03), at all frequencies | 12, 0.30, 0.03, 0.00 | 33.6 | 51.2 (43.5) |
| bicubic enlargement | 19, 1.58, 0.19, 0.03 | 30.2 | 31.2 |
| the chip moved by one output pixel | 22, 1.35, 0.17, 0.03 | 29.7 | 30.3 |

The limit of the first is what lies just below the Nyquist frequency, which the sensor sees as it sees what lies just
above; of the second, what it does not see. A reference's noise limits more: of one level, 39 dB. Beside a step edge of
height 1 the output overshoots by up to 0.15 (0.29 where the model put the edge one output pixel off), and by up to 0.03
from 2.5 LR pixels on. In place of the transposed spread, Keys's cubic convolution gave 0.5 dB less in the first row;
what errors with a spectrum of 1/f^2 would ask for gave 3 dB more, for a reach half as long again and more ringing; the
noise is the same. A second application changes the first row by 0.0004 at most, bicubic enlargement by 0.006.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from satsr.world.cameras.sensors import SENTINEL2
from satsr.world.cameras.twin_cameras import SEEN_IN

LR_GSD_M = 10.0
KNOWN = {b.name: b for b in SENTINEL2.bands if b.gsd_m == LR_GSD_M}  # coarser bands are resampled before they get here
KNOWN |= {colour: KNOWN[name] for colour, name in SEEN_IN.items()}

# The least steps that leave less than half an 8-bit level everywhere in the table above: 12 LR pixels of reach. Damping
# 0.05 needs three for the same; without any, noise is amplified 3.1 times in place of 3.0.
STEPS = 2
DAMPING = 0.02
PSF_SIGMAS = 4.0  # reach of the point spread function: 6e-5 of a Gaussian lie beyond
BACK_PX = 4  # reach of the back-projection in LR pixels
CIRCLE_PX = 64  # LR pixels of the circle on which it is designed: half-way around, 1e-12 is left

Weights = NDArray[np.float64]


@dataclass(frozen=True)
class SensorModel:
    """How a sensor sees the bands of an output: each through its own Gaussian, at the centres of the LR pixels.

    Attributes:
        bands: names of the bands, in the order of the output's channels.
        scale: output pixels per LR pixel, at least 2.
        sigma_px: standard deviation of each band's point spread function in output pixels.

    Raises:
        ValueError: a scale below 2, or not one positive `sigma_px` for each band.
    """

    bands: tuple[str, ...]
    scale: int
    sigma_px: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.scale != int(self.scale) or self.scale < 2:
            raise ValueError(f"got scale {self.scale}, expected an integer from 2 on: there is nothing to enlarge")
        if not self.bands or len(self.sigma_px) != len(self.bands) or min(self.sigma_px) <= 0:
            raise ValueError(f"got sigma_px {self.sigma_px} for bands {self.bands}, expected one above 0 for each band")

    @classmethod
    def of(cls, bands_out: tuple[str, ...], scale: int, lr_gsd_m: float = LR_GSD_M) -> SensorModel:
        """Return Sentinel-2's model, from its modulation transfer in `satsr.world.cameras.sensors`.

        Args:
            bands_out: names of the output's bands, of those that are sampled at 10 m.
            scale: output pixels per LR pixel.
            lr_gsd_m: size of the LR pixels in metres.

        Raises:
            ValueError: an unknown band, a scale below 2, or an LR pixel without size.
        """
        if unknown := [name for name in bands_out if name not in KNOWN]:
            raise ValueError(f"got bands without a known 10 m sensor: {unknown}, expected some of {sorted(KNOWN)}")
        if not lr_gsd_m > 0:
            raise ValueError(f"got lr_gsd_m {lr_gsd_m}, expected the size of an LR pixel in metres")
        return cls(tuple(bands_out), scale, tuple(KNOWN[name].blur_m / lr_gsd_m * scale for name in bands_out))

    @property
    def margin_px(self) -> int:
        """Output pixels around an LR pixel that it also sees."""
        return max(0, math.ceil(PSF_SIGMAS * max(self.sigma_px) - self.scale / 2))

    @property
    def margin_lr_px(self) -> int:
        """The same in whole LR pixels."""
        return math.ceil(self.margin_px / self.scale)


def observe(sr: Tensor, sensor: SensorModel) -> Tensor:
    """Return what the sensor would see of an image, without noise.

    Beyond the image's border it sees the border's pixels again.

    Args:
        sr: (N, C, scale * h, scale * w), any values; computed in float32.
        sensor: of the C bands.

    Returns:
        (N, C, h, w), in the units of `sr`.

    Raises:
        ValueError: a shape that does not fit the sensor's bands and scale.
    """
    _check_image(sr, sensor)
    sr = sr.float()
    weights = _to_device([_spread(s, sensor.scale, sensor.margin_px) for s in sensor.sigma_px], sr)
    padded = F.pad(sr, (sensor.margin_px,) * 4, mode="replicate")
    return _along_both(lambda image: _sample_rows(image, weights, sensor.scale), padded)


def make_consistent(
    sr: Tensor,
    reference: Tensor,
    sensor: SensorModel,
    known: Tensor | None = None,
    steps: int = STEPS,
    damping: float = DAMPING,
    tolerance: float | Tensor = 0.0,
) -> Tensor:
    """Change an output so that the sensor would see `reference` in it.

    Args:
        sr: (N, C, scale * h, scale * w), best not clipped; computed in float32.
        reference: (N, C, h, w), what the sensor saw, in the units of `sr`.
        sensor: of the C bands.
        known: bool (N, 1 or C, h, w), False where `reference` says nothing, and may be NaN: under clouds, outside the
            swath, clipped. The output keeps there what the sensor would see of it. All are known where none is given.
        steps: back-projections. Each costs `BACK_PX + margin_lr_px` LR pixels of reach.
        damping: how much of the power at the LR Nyquist frequency counts as noise; above 0. More of it amplifies noise
            less and needs more steps.
        tolerance: differences up to this are the reference's noise and stay; a number, or broadcastable to
            `reference`. At 0, all of the reference's noise enters the output, amplified (`noise_gain`).

    Returns:
        (N, C, scale * h, scale * w), not clipped.

    Raises:
        ValueError: shapes that do not fit, `known` that is not bool, or a damping that is not above 0.
    """
    _check_image(sr, sensor)
    _check_reference(sr, reference, known, sensor)
    sr, reference = sr.float(), reference.float()
    weights = _to_device(_back_projections(sensor, damping), sr)
    for _ in range(steps):
        residual = reference - observe(sr, sensor)
        if known is not None:
            residual = torch.where(known, residual, 0.0)
        residual = residual - residual.clamp(-tolerance, tolerance)  # type: ignore[arg-type]  # both, or neither, tensors
        padded = F.pad(residual, (BACK_PX,) * 4, mode="replicate")
        sr = sr + _along_both(lambda image: _enlarge_rows(image, weights), padded)
    return sr


def halo_px(sensor: SensorModel, steps: int = STEPS) -> int:
    """Return how far an output pixel looks, in LR pixels: exactly, as the filters end there (12 by default)."""
    return steps * (BACK_PX + sensor.margin_lr_px)


def noise_gain(
    sensor: SensorModel, steps: int = STEPS, damping: float = DAMPING, tolerance: float = 0.0, seed: int = 0
) -> float:
    """Return what white noise in the reference leaves in a flat output: its standard deviation, as a multiple.

    In red 3.0, green 2.7, blue 2.6, b08 3.1, at any scale; with a tolerance of 1, 2 or 3 standard deviations of the
    noise at most 1.2, 0.32 and 0.06; undamped 3.1; in one step with damping 0.2, 1.4.

    Args:
        sensor: its band with the most noise counts.
        steps: as of `make_consistent`.
        damping: the same.
        tolerance: in standard deviations of the noise, which is white and Gaussian.
        seed: of the noise.
    """
    bands, edge = len(sensor.bands), 8
    noise = torch.randn(1, bands, 96, 96, generator=torch.Generator().manual_seed(seed))
    flat = torch.zeros(1, bands, 96 * sensor.scale, 96 * sensor.scale)
    edge *= sensor.scale
    left = make_consistent(flat, noise, sensor, steps=steps, damping=damping, tolerance=tolerance)
    return float(left[..., edge:-edge, edge:-edge].std(dim=(0, 2, 3)).max())


def _along_both(along_rows: Callable[[Tensor], Tensor], image: Tensor) -> Tensor:
    """Apply to both axes what works along the last but one; everything here is separable."""
    return along_rows(along_rows(image).mT).mT


def _sample_rows(image: Tensor, weights: Tensor, scale: int) -> Tensor:
    """Map (N, C, scale * h + K - scale, W) and weights (C, K) to weighted sums (N, C, h, W), one every `scale` rows.

    Sums over shifted views in place of a convolution: float32 on any device (cuDNN's convolutions may round to
    TF32's 11 bits), and the same for any batch.
    """
    taps = weights.shape[1]
    last = image.shape[-2] - taps
    seen = torch.zeros_like(image[..., : last + 1 : scale, :])
    for tap in range(taps):
        seen = seen + image[..., tap : tap + last + 1 : scale, :] * weights[:, tap, None, None]
    return seen


def _enlarge_rows(image: Tensor, weights: Tensor) -> Tensor:
    """Map (N, C, h + K - 1, w) and weights (C, scale, K) to (N, C, scale * h, w)."""
    phases = [_sample_rows(image, phase, 1) for phase in weights.unbind(dim=1)]
    return torch.stack(phases, dim=-2).flatten(-3, -2)  # (N, C, h, scale, w) -> (N, C, scale * h, w)


@lru_cache
def _spread(sigma_px: float, scale: int, margin_px: int) -> Weights:
    """Return the weights (scale + 2 * margin_px,) with which an LR pixel sees output pixels along a line."""
    from_centre = np.arange(-margin_px, scale + margin_px) + 0.5 - scale / 2
    weights = np.exp(-0.5 * np.square(from_centre / sigma_px))
    return weights / weights.sum()


def _back_projections(sensor: SensorModel, damping: float) -> list[Weights]:
    return [_back_projection(sigma, sensor.scale, damping) for sigma in sensor.sigma_px]


@lru_cache
def _back_projection(sigma_px: float, scale: int, damping: float) -> Weights:
    """Return the weights (scale, 2 * BACK_PX + 1) of LR residuals in each of the output pixels of an LR pixel.

    The transposed point spread function, so that the sensor's view changes with the smallest change of the output,
    behind the damped inverse of what both do to an LR image, K = (1 + damping) / (H + damping). A pixel's weights sum
    to 1, or else a change of tone would come with a grid. H is 1 for a uniform image, and about twice the squared
    modulation transfer at the LR Nyquist frequency: 0.13 for 0.25.
    """
    if not damping > 0:
        raise ValueError(f"got damping {damping}, expected a number above 0, such as {DAMPING}")
    away = np.fft.fftfreq(CIRCLE_PX, 1 / CIRCLE_PX)  # 0, 1, ..., -2, -1 LR pixels
    distance = (np.arange(scale) + 0.5) / scale - 0.5 - away[:, None]  # (LR pixel, phase), in LR pixels
    spread = np.exp(-0.5 * np.square(distance * scale / sigma_px))
    seen = np.fft.fft(spread / spread.sum(), axis=0)
    back = np.fft.fft(spread / spread.sum(axis=0), axis=0)
    both = (seen.conj() * back).sum(axis=1, keepdims=True).real  # H; real because everything is symmetric
    weights = np.fft.ifft(back * (1 + damping) / (both + damping), axis=0).real
    weights = np.roll(weights, BACK_PX, axis=0)[: 2 * BACK_PX + 1]
    return (weights / weights.sum(axis=0)).T


def _to_device(weights: list[Weights], like: Tensor) -> Tensor:
    return torch.from_numpy(np.stack(weights)).to(like)


def _check_image(sr: Tensor, sensor: SensorModel) -> None:
    fits = (
        sr.ndim == 4
        and sr.shape[1] == len(sensor.bands)
        and sr.numel()
        and not any(side % sensor.scale for side in sr.shape[2:])
    )
    if not fits:
        raise ValueError(
            f"got sr {tuple(sr.shape)}, expected (N, C={len(sensor.bands)}, {sensor.scale} * h, {sensor.scale} * w): "
            "take the sensor of the output's bands and scale"
        )


def _check_reference(sr: Tensor, reference: Tensor, known: Tensor | None, sensor: SensorModel) -> None:
    count, bands, height, width = sr.shape
    expected = (count, bands, height // sensor.scale, width // sensor.scale)
    if reference.shape != expected:
        raise ValueError(
            f"got reference {tuple(reference.shape)} for sr {tuple(sr.shape)}, expected {expected}: the bands that the "
            "output shows, on the LR grid"
        )
    if known is None:
        return
    if known.dtype != torch.bool or known.shape not in (expected, (count, 1, *expected[2:])):
        raise ValueError(
            f"got known {known.dtype} {tuple(known.shape)}, expected bool {expected} or with one band: True where the "
            "reference holds"
        )
