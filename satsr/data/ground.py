"""Metres on the ground, whatever the unit of a file's coordinates: feet, degrees, Web Mercator's stretched metres."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

WGS84 = "EPSG:4326"
STEPS = 8  # points along an edge of a footprint, so that it is bent as the ground is
METRES_PER_DEGREE = 111_320.0  # along a meridian, and along the equator


def has_place(file: Any) -> bool:
    """Return whether an open raster says where on earth it lies; a local system of coordinates does not."""
    return file.crs is not None and not file.transform.is_identity and (file.crs.is_geographic or file.crs.is_projected)


def pixel_m(file: Any) -> tuple[float, float] | None:
    """Return height and width of an open raster's middle pixel on the ground, m; None without a place on earth.

    Steps of one pixel down and across are measured on a plane that touches the earth at that pixel, so neither the
    unit of the coordinates nor the stretch of the projection counts.
    """
    if not has_place(file):
        return None
    row, column = file.height / 2, file.width / 2
    corners = np.array([(column, row), (column, row + 1), (column + 1, row)])
    longitudes, latitudes = _to_wgs84(file, corners)
    plane = f"+proj=aeqd +lat_0={latitudes[0]:.12f} +lon_0={longitudes[0]:.12f} +datum=WGS84 +units=m"
    x, y = (np.asarray(part) for part in _transform(WGS84, plane, longitudes, latitudes))
    down, across = (math.hypot(x[n] - x[0], y[n] - y[0]) for n in (1, 2))
    return (down, across) if math.isfinite(down * across) and down * across > 0 else None


def _to_wgs84(file: Any, pixels: NDArray[Any]) -> tuple[list[float], list[float]]:
    """Return longitudes and latitudes of pixel positions (N, 2) in an open raster, column before row."""
    x, y = file.transform * (np.asarray(pixels, float)[:, 0], np.asarray(pixels, float)[:, 1])
    return _transform(file.crs, WGS84, x.tolist(), y.tolist())


def footprint(file: Any) -> BaseGeometry | None:
    """Return what an open raster covers, in degrees of longitude (beyond 180 where it crosses that) and latitude."""
    import shapely

    if not has_place(file):
        return None
    along = np.arange(STEPS) / STEPS
    ring = np.concatenate([np.stack(part, axis=1) for part in _edges(along)]) * (file.width, file.height)
    longitudes, latitudes = (np.asarray(part) for part in _to_wgs84(file, ring))
    if not (np.isfinite(longitudes).all() and np.isfinite(latitudes).all()):
        return None
    if np.ptp(longitudes) > 180:
        longitudes = np.where(longitudes < 0, longitudes + 360, longitudes)
    return shapely.Polygon(np.stack([longitudes, latitudes], axis=1))


def _edges(along: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Return the four edges of the unit square, one after another around it."""
    zero, one = np.zeros_like(along), np.ones_like(along)
    return [(along, zero), (one, along), (1 - along, one), (zero, 1 - along)]


def neighbours(footprints: Sequence[BaseGeometry | None], within_m: float) -> NDArray[np.intp]:
    """Return a number for each footprint: the same for those that overlap or lie closer than that, also by others.

    Those that are not known are nobody's neighbour. Distances are those of the flat map around each, which is right for
    neighbours.
    """
    import shapely
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    known = [n for n, found in enumerate(footprints) if found is not None]
    shapes = np.array([footprints[n] for n in known], dtype=object)
    if not known:
        return np.arange(len(footprints))
    wide = np.array([_widened(shape, within_m / 2) for shape in shapes], dtype=object)
    pairs = []
    for turn in (0.0, 360.0):  # a footprint that crosses the 180th meridian meets those on both sides of it
        moved = shapely.transform(wide, partial(np.add, (turn, 0.0)))
        pairs.append(shapely.STRtree(wide).query(moved, predicate="intersects"))
    first, second = np.array(known, int)[np.concatenate(pairs, axis=1)]
    edges = coo_array((np.ones(len(first)), (first, second)), shape=(len(footprints),) * 2)
    return np.asarray(connected_components(edges, directed=False)[1])


def _widened(shape: BaseGeometry, by_m: float) -> BaseGeometry:
    """Return a footprint that is wider by some metres on every side."""
    from shapely.affinity import scale

    stretch = max(math.cos(math.radians(min(89.0, abs(shape.centroid.y)))), 1e-3)
    flat = scale(shape, xfact=stretch, yfact=1.0, origin=(0, 0))
    return scale(flat.buffer(by_m / METRES_PER_DEGREE), xfact=1 / stretch, yfact=1.0, origin=(0, 0))


def _transform(source: Any, target: Any, x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    from rasterio.warp import transform

    found = transform(source, target, list(x), list(y))
    return found[0], found[1]
