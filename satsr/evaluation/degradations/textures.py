"""Fine structure of an image: taken out of it, brought elsewhere, and fitted to the place where it arrives."""

import numpy as np
from scipy import ndimage

from satsr.evaluation.degradations.context import Array

# Over this distance (standard deviation) the strength of a texture is measured.
NEIGHBORHOOD_PX = 8.0
# Twice the length of the structures that are laid anew, and even.
PIECE_PX = 32


def half_at(frequency: float) -> float:
    """Return the standard deviation in px of the Gaussian that halves `frequency` (cycles per px).

    Its transfer function is exp(-2 (pi sigma f)^2).
    """
    return float(np.sqrt(np.log(2) / 2) / (np.pi * frequency))


def blurred(image: Array, sigma_px: float) -> Array:
    """Blur (C, H, W) with a Gaussian; the image is mirrored at its border."""
    return ndimage.gaussian_filter(image, (0, sigma_px, sigma_px), mode="reflect")


def fine_structure(image: Array, sigma_px: float) -> Array:
    """Return what `blurred` removes from (C, H, W)."""
    return image - blurred(image, sigma_px)


def from_elsewhere(texture: Array, rng: np.random.Generator) -> Array:
    """Lay a new texture out of overlapping pieces of this one, each from a place drawn at random and turned.

    The pieces' windows add to one in squares, so independent pieces keep the power of the texture. One long
    piece, mirrored, would show its axis.

    Args:
        texture: (C, H, W) of zero mean, at least 32 px wide and high.
        rng: draws places and turns.

    Returns:
        (C, H, W).

    Raises:
        ValueError: for a smaller texture.
    """
    height, width = texture.shape[1:]
    if min(height, width) < PIECE_PX:
        raise ValueError(
            f"got an image of {height}x{width} px, expected at least {PIECE_PX}x{PIECE_PX}: use a larger one"
        )
    half_px = PIECE_PX // 2
    window = np.sin(np.pi * (np.arange(PIECE_PX) + 0.5) / PIECE_PX)
    laid = np.zeros((len(texture), height + 2 * PIECE_PX, width + 2 * PIECE_PX))
    for top in range(0, height + PIECE_PX, half_px):
        for left in range(0, width + PIECE_PX, half_px):
            y, x = (rng.integers(size - PIECE_PX + 1) for size in (height, width))
            piece = np.rot90(texture[:, y : y + PIECE_PX, x : x + PIECE_PX], int(rng.integers(4)), axes=(1, 2))
            laid[:, top : top + PIECE_PX, left : left + PIECE_PX] += np.outer(window, window) * piece
    return laid[:, half_px : half_px + height, half_px : half_px + width]


def as_strong_as(texture: Array, model: Array) -> Array:
    """Scale a texture (C, H, W) so that it is everywhere as strong as the model (C, H, W)."""
    return texture * (_local_sd(model) / np.maximum(_local_sd(texture), 1e-3))


def _local_sd(texture: Array) -> Array:
    """Measure a texture of zero mean: (C, H, W) to (1, H, W)."""
    return np.sqrt(blurred((texture**2).mean(axis=0, keepdims=True), NEIGHBORHOOD_PX))
