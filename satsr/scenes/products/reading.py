"""A part of a raster file on a grid of any CRS. Only the blocks that the grid needs are decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from satsr.data.rasters import open_raster
from satsr.scenes.products.grid import Grid

# GDAL locates some pixels exactly and others between them, by default up to an eighth of a pixel off. It refuses 0.
EXACT_PX = 1e-6
REMEDY = "download it again"


@dataclass(frozen=True)
class Header:
    """What a file says of itself: its grid, its type, its number of bands, and the first one's scale and offset."""

    grid: Grid
    kind: str
    count: int
    scale: float
    offset: float


def header(path: str, shown: str) -> Header:
    """Return what a file says of itself.

    Args:
        path: what rasterio opens.
        shown: how messages name it.

    Raises:
        ValueError: it cannot be read, or has no place on the ground.
    """
    with open_raster(path, shown, REMEDY) as source:
        grid = Grid(source.crs, source.transform, source.height, source.width)
        found = Header(grid, source.dtypes[0], source.count, float(source.scales[0]), float(source.offsets[0]))
    if grid.crs is None:
        raise ValueError(f"{shown} has no CRS: take the file as ESA delivers it, or write its CRS into it")
    return found


def read_on(path: str, shown: str, grid: Grid, method: Literal["bilinear", "nearest"]) -> NDArray[Any]:
    """Return all bands (C, h, w) of a file on a grid, 0 where it has no data.

    Counts of 0 are no data in every Sentinel-2 file, and take no part in resampling.

    Raises:
        ValueError: the file cannot be read.
    """
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    place = {"crs": grid.crs, "transform": grid.transform, "height": grid.height, "width": grid.width}
    how = {"resampling": Resampling[method], "src_nodata": 0, "nodata": 0, "tolerance": EXACT_PX}
    with open_raster(path, shown, REMEDY) as source, WarpedVRT(source, **place, **how) as warped:
        return warped.read()
