"""The outline of a raster in longitude and latitude, as GeoJSON wants it."""

from __future__ import annotations

from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

EDGE_POINTS = 16  # a straight edge of 110 km bends by less than a metre between them
DECIMALS = 7  # of a degree: a centimetre
DEGREES = 360.0


def footprint(transform: Affine, shape: tuple[int, int], crs: CRS) -> tuple[dict[str, Any], list[float]]:
    """Return a raster's outline and bounding box in WGS 84, by RFC 7946.

    An outline that crosses the 180th meridian is cut there in two (section 3.1.9), and its box then has its west east
    of its east (section 5.2).

    Args:
        transform: from column and row to x and y.
        shape: rows and columns.
        crs: of x and y; not around a pole.

    Returns:
        A Polygon or MultiPolygon, counter-clockwise; west, south, east, north.
    """
    import shapely

    ring = _ring(transform, shape, crs)
    whole = shapely.Polygon(ring)
    west, south, east, north = whole.bounds
    if east <= DEGREES / 2:
        return _geometry([whole]), [west, south, east, north]
    halves = [whole.intersection(shapely.box(-180 + far, -90, 180 + far, 90)) for far in (0, DEGREES)]
    beyond = shapely.transform(halves[1], lambda points: points - [DEGREES, 0])
    return _geometry([halves[0], beyond]), [west, south, round(east - DEGREES, DECIMALS), north]


def _ring(transform: Affine, shape: tuple[int, int], crs: CRS) -> NDArray[np.float64]:
    """Return longitudes and latitudes around the edge (N, 2), going on beyond 180 degrees east."""
    from rasterio.warp import transform as to_crs

    steps = np.linspace(0, 1, EDGE_POINTS, endpoint=False)
    columns = shape[1] * np.concatenate([0 * steps, steps, 0 * steps + 1, 1 - steps])
    rows = shape[0] * np.concatenate([steps, 0 * steps + 1, 1 - steps, 0 * steps])
    x = transform.a * columns + transform.b * rows + transform.c
    y = transform.d * columns + transform.e * rows + transform.f
    longitudes, latitudes = (np.array(found) for found in to_crs(crs, CRS.from_epsg(4326), x, y))
    longitudes = np.unwrap(longitudes, period=DEGREES)
    turns = np.floor((longitudes.min() + DEGREES / 2) / DEGREES)
    return np.stack([longitudes - turns * DEGREES, latitudes], axis=-1).round(DECIMALS)


def _geometry(parts: list[Any]) -> dict[str, Any]:
    import shapely

    rings = [shapely.get_coordinates(shapely.orient_polygons(part)).round(DECIMALS).tolist() for part in parts]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings}
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
