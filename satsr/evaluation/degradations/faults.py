"""Controlled degradations: one fault each, as strong as asked for.

All are pure functions of one signature, `(image, strength, context) -> image`, for float32 images (C, H, W) in
[0, 1]. With the context unchanged, the squared error grows with the strength, so of two levels of one fault it is
known which is worse.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

from satsr.evaluation.degradations.context import Array, Box, Context, Degradation, degradation
from satsr.evaluation.degradations.objects import MIN_OBJECTS, misplaced_objects, missing_objects, usable
from satsr.evaluation.degradations.textures import blurred, fine_structure, from_elsewhere

# Structures up to the size of a house at 2.5 m.
HALLUCINATED_SIGMA_PX = 4.0
# Keeps the half-band of images at a quarter-pixel shift, where a cubic spline loses a tenth of it.
SPLINE_ORDER = 5


@degradation
def blur(image: Array, strength: float, context: Context) -> Array:
    """Blur with a Gaussian.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: standard deviation in px.
        context: not used.

    Returns:
        float32 (C, H, W) in [0, 1].
    """
    return blurred(image, strength)


@degradation
def aliasing(image: Array, strength: float, context: Context) -> Array:
    """Keep every n-th pixel without a low-pass, and enlarge by bicubic interpolation through the kept pixels.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: n, a whole number; 1 changes nothing.
        context: not used.

    Returns:
        float32 (C, H, W) in [0, 1].

    Raises:
        ValueError: if n is not a whole number, or leaves fewer than two pixels along an axis.
    """
    step, (height, width) = int(strength), image.shape[1:]
    if strength != step or not 1 <= step < min(height, width):
        raise ValueError(f"got aliasing of strength {strength:g}, expected a whole number from 1 to the image's side")
    kept = torch.from_numpy(image[None, :, ::step, ::step])
    # Corners aligned: kept pixels stay in place, so that aliasing is not a shift as well.
    rows, columns = (step * (size - 1) + 1 for size in kept.shape[-2:])
    between = F.interpolate(kept, size=(rows, columns), mode="bicubic", align_corners=True)
    return F.pad(between, (0, width - columns, 0, height - rows), mode="replicate")[0].numpy()


@degradation
def color_cast(image: Array, strength: float, context: Context) -> Array:
    """Multiply the first band and divide the last, or the other way around, so that the mean gray stays.

    Args:
        image: float32 (C, H, W) in [0, 1], C at least 2.
        strength: relative change of the first band; the last changes by as much of its own the other way as
            keeps the mean of all.
        context: the seed draws the direction.

    Returns:
        float32 (C, H, W) in [0, 1].

    Raises:
        ValueError: for one band.
    """
    if len(image) < 2:
        raise ValueError("got one band, expected at least 2: a gray image has no color")
    change = _sign(context) * strength * image[0]
    cast = image.copy()
    cast[0] += change
    cast[-1] -= image[-1] * (change.mean() / max(image[-1].mean(), 1e-6))
    return cast


@degradation
def gain(image: Array, strength: float, context: Context) -> Array:
    """Make all bands brighter or darker by one factor.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: relative change; 0.1 gives a factor of 0.9 or 1.1.
        context: the seed draws the direction.

    Returns:
        float32 (C, H, W) in [0, 1].
    """
    return image * (1 + _sign(context) * strength)


@degradation
def noise(image: Array, strength: float, context: Context) -> Array:
    """Add white Gaussian noise, independent in all bands.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: standard deviation.
        context: the seed draws the noise.

    Returns:
        float32 (C, H, W) in [0, 1].
    """
    return image + strength * context.rng().standard_normal(image.shape)


@degradation
def shift(image: Array, strength: float, context: Context) -> Array:
    """Translate by a quintic spline; the edge is repeated.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: length in px.
        context: the seed draws the direction.

    Returns:
        float32 (C, H, W) in [0, 1].
    """
    angle = context.rng().uniform(0, 2 * np.pi)
    offset_px = (0, strength * np.sin(angle), strength * np.cos(angle))
    return ndimage.shift(image, offset_px, order=SPLINE_ORDER, mode="nearest")


@degradation
def hallucination(image: Array, strength: float, context: Context) -> Array:
    """Add structure that is not there: the fine structure of another place of the same image, mirrored.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: weight; 1 adds as much structure as the image has.
        context: the seed draws the place.

    Returns:
        float32 (C, H, W) in [0, 1].
    """
    return image + strength * from_elsewhere(fine_structure(image, HALLUCINATED_SIGMA_PX), context.rng())


@degradation
def checkerboard(image: Array, strength: float, context: Context) -> Array:
    """Add squares alternately brighter and darker, as an unbalanced transposed convolution leaves them.

    Args:
        image: float32 (C, H, W) in [0, 1].
        strength: amplitude; half the difference of neighboring squares.
        context: the seed draws whether squares are 1 or 2 px wide.

    Returns:
        float32 (C, H, W) in [0, 1].
    """
    side_px = context.rng().integers(1, 3)
    rows, columns = (np.arange(size) // side_px for size in image.shape[1:])
    return image + strength * (1 - 2 * ((rows[:, None] + columns) % 2))


DEGRADATIONS: dict[str, Degradation] = {
    "blur": blur,
    "aliasing": aliasing,
    "color_cast": color_cast,
    "gain": gain,
    "noise": noise,
    "shift": shift,
    "hallucination": hallucination,
    "missing_objects": missing_objects,
    "misplaced_objects": misplaced_objects,
    "checkerboard": checkerboard,
}
NEEDS_OBJECTS = frozenset({"missing_objects", "misplaced_objects"})


def applicable(name: str, objects: Sequence[Box]) -> bool:
    """Return whether a degradation can be applied to a chip with these objects.

    Args:
        name: key of `DEGRADATIONS`.
        objects: boxes (x1, y1, x2, y2) in the chip.

    Raises:
        ValueError: for an unknown name, listing the valid ones.
    """
    if name not in DEGRADATIONS:
        raise ValueError(f"got degradation {name!r}, expected one of {list(DEGRADATIONS)}: pick one")
    return name not in NEEDS_OBJECTS or len(usable(objects)) >= MIN_OBJECTS


def _sign(context: Context) -> int:
    return int(context.rng().choice([-1, 1]))
