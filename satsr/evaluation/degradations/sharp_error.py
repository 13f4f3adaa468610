"""A sharp but imperfect rendering, as a generative network gives: plausible to the eye, wrong in pixels."""

import numpy as np
from scipy import ndimage
from torch import Tensor

from satsr.evaluation.degradations.context import Array, Context, check_image, to_array, to_tensor
from satsr.evaluation.degradations.textures import as_strong_as, fine_structure, from_elsewhere, half_at

LARGEST_SHIFT_PX = 1.0
WARP_PX = 0.7  # standard deviation of each component, so about 1 px in length
WARP_CORRELATION_PX = 16.0
LARGEST_GAIN = 0.04
FINE_FREQUENCY = 1 / 8  # cycles per px
OTHER_TEXTURE = 0.5  # its share of the fine structure's power


def sharp_error(image: Tensor, context: Context) -> Tensor:
    """Render an image as a generative network would: everything is there, and nothing exactly so.

    A shift of up to 1 px and a smooth warp of about 1 px move things, a gain of a few percent changes the
    brightness, and half the power of all structure above 1/8 cycles per px is replaced by texture of another place
    of the same image, as strong as the original's at every place.

    Args:
        image: float32 (C, H, W) in [0, 1].
        context: the seed draws everything; objects are not used.

    Returns:
        float32 (C, H, W) in [0, 1].

    Raises:
        ValueError: from `check_image`.
    """
    check_image(image)
    rng = context.rng()
    warped = _warped(to_array(image), rng)
    return to_tensor((1 + rng.uniform(-LARGEST_GAIN, LARGEST_GAIN)) * _retextured(warped, rng))


def _warped(image: Array, rng: np.random.Generator) -> Array:
    size = image.shape[1:]
    angle, length_px = rng.uniform(0, 2 * np.pi), rng.uniform(0, LARGEST_SHIFT_PX)
    shift_px = length_px * np.array([np.sin(angle), np.cos(angle)])
    # White noise blurred by sigma is correlated as exp(-(d / 2 sigma)^2): 1/e at twice sigma.
    smooth = ndimage.gaussian_filter(rng.standard_normal((2, *size)), (0, *[WARP_CORRELATION_PX / 2] * 2))
    field_px = WARP_PX * smooth / smooth.std(axis=(1, 2), keepdims=True)
    sources = np.indices(size) + field_px + shift_px[:, None, None]
    return np.stack([ndimage.map_coordinates(band, sources, order=5, mode="nearest") for band in image])


def _retextured(image: Array, rng: np.random.Generator) -> Array:
    own = fine_structure(image, half_at(FINE_FREQUENCY))
    other = as_strong_as(from_elsewhere(own, rng), own)
    # Weights of independent textures add in squares: the image stays as sharp as it was.
    return image - own + np.sqrt(1 - OTHER_TEXTURE) * own + np.sqrt(OTHER_TEXTURE) * other
