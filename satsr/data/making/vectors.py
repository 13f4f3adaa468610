"""Exact outlines of what stands in a region of the world, as map files."""

from __future__ import annotations

import json
from typing import Any

import shapely
from numpy.typing import NDArray
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from satsr.common.tile_grid import HR_GSD_M, corner_m
from satsr.world.region import Region, Surface

PLACES = 2  # decimals of a metre that are kept


def vector_files(region: Region, surface: Surface) -> dict[str, str]:
    """Return a region's map files by name: buildings and roads as GeoJSON, trees as CSV, in metres of EPSG:3857.

    `vectors/{tile}.geojson` and `vectors/{tile}_trees.csv`, named after the region's north-west tile.
    """
    place = region.place
    corner = corner_m(place.col, place.row)
    name = f"vectors/{place.col}_{place.row}"
    features = [_feature(b.polygon, corner, "building", b.kind, height_m=b.height_m) for b in surface.buildings]
    features += [_feature(r.line, corner, "road", r.kind, width_m=r.width_m) for r in surface.roads]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}}
    text = json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}, separators=(",", ":"))
    return {f"{name}.geojson": text + "\n", f"{name}_trees.csv": _trees(surface.trees, corner)}


def _feature(
    shape: BaseGeometry, corner: tuple[float, float], category: str, kind: str, **facts: float
) -> dict[str, Any]:
    x, y = corner
    moved = affine_transform(shape, [HR_GSD_M, 0, 0, -HR_GSD_M, x, y])  # pixels go down, metres go up
    geometry = shapely.geometry.mapping(shapely.set_precision(moved, 10**-PLACES, mode="pointwise"))
    sizes = {name: round(float(value), PLACES) for name, value in facts.items()}
    return {"type": "Feature", "properties": {"category": category, "kind": kind, **sizes}, "geometry": geometry}


def _trees(trees: NDArray, corner: tuple[float, float]) -> str:
    rows = (
        f"{corner[0] + x * HR_GSD_M:.{PLACES}f},{corner[1] - y * HR_GSD_M:.{PLACES}f},{radius * HR_GSD_M:.{PLACES}f}\n"
        for x, y, radius in trees.tolist()
    )
    return "x_m,y_m,crown_radius_m\n" + "".join(rows)
