"""Known buildings as label maps: the outlines of the embedded world, drawn into the pixels of a chip."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from satsr.common.tile_grid import HR_GSD_M, HR_PX, corner_m

Labels = NDArray[np.int32]
LEAST_PX = 12  # of a building that lies in a chip; less of it cannot be counted


@dataclass(frozen=True)
class Footprints:
    """The outlines of all buildings of a split, in metres of EPSG:3857."""

    tree: shapely.STRtree

    @classmethod
    def of(cls, folder: Path) -> Footprints:
        """Read `vectors/*.geojson` of a split's folder.

        Raises:
            FileNotFoundError: the split has no outlines: only the embedded world knows them.
        """
        if not (folder / "vectors").is_dir():
            raise FileNotFoundError(f"{folder} has no vectors/ with outlines of buildings: use the embedded world")
        outlines: list[BaseGeometry] = []
        for path in sorted((folder / "vectors").glob("*.geojson")):
            features = json.loads(path.read_text())["features"]
            outlines += [shapely.geometry.shape(f["geometry"]) for f in features if _is_building(f)]
        return cls(shapely.STRtree(outlines))

    def labels(self, tile: str) -> Labels:
        """Return a chip's buildings, numbered from 1 on, int32 (128, 128); 0 is ground.

        A pixel belongs to a building when its centre lies in the outline; of two that overlap the later one shows.
        """
        from rasterio.features import rasterize

        x, y = corner_m(*map(int, tile.split("_")))
        side = HR_GSD_M * HR_PX
        found = sorted(self.tree.query(shapely.box(x, y - side, x + side, y)).tolist())
        to_pixels = [1 / HR_GSD_M, 0, 0, -1 / HR_GSD_M, -x / HR_GSD_M, y / HR_GSD_M]
        shapes = [(affine_transform(self.tree.geometries[n], to_pixels), k + 1) for k, n in enumerate(found)]
        drawn = rasterize(shapes, (HR_PX, HR_PX), dtype="int32") if shapes else np.zeros((HR_PX, HR_PX), np.int32)
        return renumbered(drawn)


def renumbered(labels: Labels, least_px: int = LEAST_PX) -> Labels:
    """Drop areas of fewer pixels and number the others from 1 on, in their order."""
    sizes = np.bincount(labels.ravel())
    kept = sizes >= least_px
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0)
    return numbers[labels].astype(np.int32)


def _is_building(feature: dict) -> bool:
    return feature["properties"].get("category") == "building"
