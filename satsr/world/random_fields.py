"""Random fields: the raw material of terrain, soils, canopies and worn surfaces."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Field = NDArray[np.floating]


def fractal(size: int, rng: np.random.Generator, beta: float, longest_px: float = np.inf) -> Field:
    """Draw a Gaussian field whose power spectrum falls as frequency ** -beta (spectral synthesis).

    Args:
        size: Side of the square field in pixels.
        rng: Source of randomness.
        beta: Spectral exponent; 0 is white noise, 2 a rough surface, 4 a smooth one.
        longest_px: Wavelengths longer than this carry no more power than this one does.

    Returns:
        (size, size) field of zero mean and unit standard deviation.
    """
    n = fft.next_fast_len(size, real=True)
    frequency = np.hypot(fft.fftfreq(n)[:, None], fft.rfftfreq(n)[None]).astype(np.float32)
    frequency = np.maximum(frequency, max(1.0 / longest_px, 0.5 / n))
    white = rng.standard_normal((n, n // 2 + 1, 2), dtype=np.float32).view(np.complex64)[..., 0]
    white[0, 0] = 0
    field = fft.irfft2(white * frequency ** np.float32(-beta / 2), s=(n, n))[:size, :size]
    return (field - field.mean()) / field.std()


def profile(length: int, rng: np.random.Generator, smooth: float) -> Field:
    """Draw a one-dimensional noise of unit standard deviation, smoothed over `smooth` samples; it wraps."""
    white = rng.standard_normal(length, dtype=np.float32)
    line = ndimage.gaussian_filter1d(white, smooth, mode="wrap")
    return (line - line.mean()) / line.std()


def upsample(field: NDArray, factor: int) -> NDArray:
    """Repeat every pixel of (H, W) `factor` times along both axes."""
    return field.repeat(factor, axis=0).repeat(factor, axis=1)


def step(field: Field, threshold: float, softness: float) -> Field:
    """Map a field to [0, 1]: 0 below the threshold, 1 above it, linear over `softness` around it."""
    return np.clip((field - threshold) / softness + 0.5, 0, 1)
