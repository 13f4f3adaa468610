"""An area with an outline of its own, as GeoJSON has it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from satsr.common.reading_text import readable
from satsr.scenes.block_file import Block, Layout
from satsr.scenes.products.grid import LONGITUDES, Bounds, around

AREAS = ("Polygon", "MultiPolygon")


@dataclass(frozen=True)
class Polygon:
    """Outlines in degrees of longitude and latitude (RFC 7946).

    Attributes:
        shapes: GeoJSON geometries.
    """

    shapes: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, path: Path) -> Polygon:
        """Read a geometry, a feature or a collection of features.

        Raises:
            FileNotFoundError: no such file.
            ValueError: it is no GeoJSON, or holds no area.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: expected a GeoJSON file with a polygon")
        with readable(str(path), "GeoJSON", "write a polygon in longitude and latitude"):
            found = json.loads(path.read_text(encoding="utf-8"))
            features = found["features"] if found["type"] == "FeatureCollection" else [found]
            shapes = [one["geometry"] if one["type"] == "Feature" else one for one in features]
            kinds = {shape["type"] for shape in shapes}
        if not shapes or not kinds <= set(AREAS):
            raise ValueError(f"{path}: got {', '.join(sorted(kinds)) or 'nothing'}, expected {' or '.join(AREAS)}")
        return cls(tuple(shapes))

    def bounds(self) -> Bounds:
        """Return the box around all outlines."""
        from rasterio.features import bounds

        return around([bounds(shape) for shape in self.shapes])

    def inside(self, layout: Layout, block: Block) -> NDArray[np.bool_]:
        """Return which pixels of a block have their centre inside."""
        from rasterio.features import geometry_mask

        place = layout.transform @ type(layout.transform).translation(block.column, block.row)
        return geometry_mask(self._in(layout.crs), (block.height, block.width), place, invert=True)

    def _in(self, crs: CRS) -> list[dict[str, Any]]:
        from rasterio.warp import transform_geom

        return list(transform_geom(LONGITUDES, crs, self.shapes))
