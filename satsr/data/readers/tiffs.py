"""TIFFs of real sensors: read with their place on earth, and resampled. Shared by readers of such layouts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from satsr.data.images import AGAIN
from satsr.data.rasters import open_raster

FULLY = 0.999  # share of a new pixel that has to have values, with room for rounding
Box = tuple[float, float, float, float]  # left, top, right, bottom


class Raster(NamedTuple):
    """A TIFF: (H, W, C) values (see `finite`), the ground they cover, and its coordinates; top is more than bottom."""

    image: NDArray[Any]
    box: Box
    crs: Any

    @property
    def pixel(self) -> tuple[float, float]:
        """Width and height of a pixel, in the units of the coordinates."""
        left, top, right, bottom = self.box
        return (right - left) / self.image.shape[1], (top - bottom) / self.image.shape[0]


def read_tiff(path: Path, bands: Sequence[int], expected: int) -> Raster:
    """Read bands (numbered from 1) of a TIFF that has `expected` of them.

    Raises:
        FileNotFoundError, ValueError: see `open_raster`; or another number of bands.
    """
    with open_raster(path) as file:
        if file.count != expected:
            raise ValueError(f"{path}: got {file.count} bands, expected {expected}: {AGAIN}")
        west, south, east, north = file.bounds
        return Raster(finite(np.moveaxis(file.read(list(bands)), 0, -1)), (west, north, east, south), file.crs)


def finite(image: NDArray[Any], fill: float = 0) -> NDArray[Any]:
    """Return an image (..., C) with `fill` in all bands of a pixel where one is NaN or infinite.

    That is the one rule for values that are no numbers: they are what the layout stores where nothing is known, so that
    the pixel is not valid and no network or mean meets a NaN.
    """
    if image.dtype.kind != "f":
        return image
    unknown = ~np.isfinite(image).all(axis=-1)
    if not unknown.any():
        return image
    return np.where(unknown[..., None], image.dtype.type(fill), image)


def web_mercator(x: float, y: float, crs: Any) -> tuple[float, float]:
    """Return a point of `crs` in metres of EPSG:3857."""
    from rasterio.warp import transform

    xs, ys = transform(crs, "EPSG:3857", [x], [y])
    return float(xs[0]), float(ys[0])


def corner_of(path: Path) -> tuple[float, float] | None:
    """Return the north-west corner of a TIFF in metres of EPSG:3857, None for one without a place on earth.

    Raises:
        FileNotFoundError, ValueError: see `open_raster`.
    """
    with open_raster(path) as file:
        return None if file.crs is None else web_mercator(file.bounds.left, file.bounds.top, file.crs)


def resized(image: NDArray[Any], size: tuple[int, int], box: Box | None = None) -> NDArray[np.float32]:
    """Resample (H, W, C) to (h, w, C) with the triangle ("bilinear") filter, widened when it shrinks (antialiased).

    Args:
        image: any number type.
        size: h and w.
        box: the part to take, in pixels from the top left, fractions allowed; all by default.
    """
    left, top, right, bottom = box or (0, 0, image.shape[1], image.shape[0])
    reach = int(max((right - left) / size[1], (bottom - top) / size[0], 1)) + 2  # of the filter, beyond the box
    x, y = (
        max(int(left) - reach, 0),
        max(int(top) - reach, 0),
    )  # what lies farther away is not converted: it may be huge
    near = image[y : int(bottom) + reach, x : int(right) + reach].astype(np.float32)
    shifted = (left - x, top - y, right - x, bottom - y)
    planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in np.moveaxis(near, -1, 0)]
    made = [plane.resize(size[::-1], Image.Resampling.BILINEAR, shifted) for plane in planes]
    return np.stack([np.asarray(plane) for plane in made], axis=-1)


def covered(mask: NDArray[np.bool_], size: tuple[int, int], box: Box | None = None) -> NDArray[np.bool_]:
    """Return which pixels (h, w) of what `resized` makes come from True pixels of a mask (H, W) alone."""
    return np.asarray(resized(mask[..., None], size, box)[..., 0] > FULLY)
