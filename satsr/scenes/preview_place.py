"""Where pixels of a map page lie on earth, as numbers that a page can compute with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satsr.data.ground import METRES_PER_DEGREE, WGS84, pixel_m

CELLS = (1, 2, 4, 8, 16, 32, 64)  # along a side of the grid whose nodes the page is told
PART = 1 / 4  # of a pixel, by which a place between nodes may be wrong
DECIMALS = 7  # of a degree: a centimetre
DEGREES = 360.0

Box = tuple[float, float, float, float]


def crs_name(crs: Any) -> str:
    """Return a CRS by its code, or by its own name where it has none."""
    epsg = crs.to_epsg()
    return f"EPSG:{epsg}" if epsg else crs.to_wkt().split('"')[1] if '"' in crs.to_wkt() else "own CRS"


def decimals(file: Any) -> int:
    """Return how many decimals of a coordinate tell quarters of a pixel of an open raster."""
    side = min(math.hypot(file.transform.a, file.transform.d), math.hypot(file.transform.b, file.transform.e))
    return max(0, math.ceil(-math.log10(PART * side)))


def degrees(file: Any, box: Box) -> dict[str, Any] | None:
    """Return longitudes and latitudes at the nodes of a grid over a box, for bilinear interpolation.

    The grid is as fine as it takes for a place in the middle of a cell to be right to a quarter of a pixel.

    Args:
        file: an open raster with a place on earth.
        box: top, left, bottom, right in its pixels.

    Returns:
        Two lists of rows, `longitudes` (going on beyond 180 degrees) and `latitudes`; None where no grid will do, as
        around a pole.
    """
    sides = pixel_m(file)
    for cells in CELLS:
        fine = _nodes(file, box, 2 * cells)
        if sides is None or not np.isfinite(fine).all():
            return None
        nodes = fine[:, ::2, ::2]
        east, north = (_between(nodes) - fine) * METRES_PER_DEGREE
        wrong = np.hypot(east * np.cos(np.radians(fine[1])), north)
        if wrong.max() <= PART * min(sides):
            return dict(zip(("longitudes", "latitudes"), nodes.round(DECIMALS).tolist(), strict=True))
    return None


def _nodes(file: Any, box: Box, cells: int) -> NDArray[np.float64]:
    """Return longitudes and latitudes (2, cells + 1, cells + 1) at evenly spaced places."""
    from rasterio.warp import transform

    rows, columns = np.meshgrid(*(np.linspace(box[n], box[n + 2], cells + 1) for n in (0, 1)), indexing="ij")
    at = file.transform
    x, y = at.a * columns + at.b * rows + at.c, at.d * columns + at.e * rows + at.f
    found = np.array(transform(file.crs, WGS84, x.ravel(), y.ravel())[:2]).reshape(2, *rows.shape)
    found[0] = np.unwrap(np.unwrap(found[0], period=DEGREES), axis=0, period=DEGREES)
    return found


def _between(nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values (2, n + 1, n + 1) at nodes with those halfway between them (2, 2 n + 1, 2 n + 1)."""
    for axis in (1, 2):
        first, second = (np.delete(nodes, at, axis=axis) for at in (-1, 0))
        middle = (first + second) / 2
        wide = np.concatenate([first[..., None], middle[..., None]], axis=-1)
        wide = np.moveaxis(wide, -1, axis + 1).reshape([2 * n if a == axis else n for a, n in enumerate(first.shape)])
        nodes = np.concatenate([wide, np.take(nodes, [-1], axis=axis)], axis=axis)
    return nodes
