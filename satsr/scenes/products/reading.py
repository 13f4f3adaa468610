"""A part of a raster file on a grid of any CRS. Only the blocks that the grid needs are decoded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from satsr.data.rasters import open_raster
from satsr.scenes.products.grid import Grid
from satsr.scenes.products.layer import Layer, Part, view

# GDAL locates some pixels exactly and others between them, by default up to an eighth of a pixel off. It refuses 0.
EXACT_PX = 1e-6
SAMPLE_PX = 256  # longer side of the picture by which numbers with a point are told from counts
NO_PICTURE = -1.0  # no data of a picture's view: all 8 bits are colours
LOSSY_TIFF = ("JPEG", "YCbCr JPEG")  # what GDAL calls them; it says of WEBP and JPEG 2000 whether they are reversible

Method = Literal["bilinear", "nearest"]


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    Attributes:
        grid: where its pixels lie.
        kind: type of the numbers, such as `uint16`.
        count: of bands.
        scale: value = scale * number + offset.
        offset: see above.
        lossy: whether its compression changed numbers.
        names: what it calls its bands; empty where it does not.
        most: of numbers with a point, the largest of a sample; None without data, and of whole numbers.
        half: likewise, what half of those above 0 exceed.
    """

    grid: Grid
    kind: str
    count: int
    scale: float
    offset: float
    lossy: bool = False
    names: tuple[str, ...] = ()
    most: float | None = None
    half: float | None = None


def header(layer: Layer) -> Header:
    """Return what a file says of itself.

    Raises:
        ValueError: it cannot be read, or has no place on the ground.
    """
    with open_raster(layer.path, layer.shown, layer.remedy) as source:
        place = _place(source, layer)
        number = (layer.number or 1) - 1
        scale, offset = float(source.scales[number]), float(source.offsets[number])
        most, half = _most_and_half(source, number + 1) if source.dtypes[number].startswith("float") else (None, None)
        return Header(
            grid=place,
            kind=source.dtypes[number],
            count=source.count,
            scale=scale if layer.scale is None else layer.scale,
            offset=offset if layer.offset is None else layer.offset,
            lossy=_lossy(source.tags(ns="IMAGE_STRUCTURE")),
            names=tuple(name or "" for name in source.descriptions),
            most=most,
            half=half,
        )


def read_on(layer: Layer, grid: Grid, method: Method) -> NDArray[Any]:
    """Return the bands (C, h, w) of a layer on a grid, 0 where it has no data; for files whose data are never 0.

    Raises:
        ValueError: the file cannot be read.
    """
    values, shown = read_shown(layer, grid, method)
    return np.where(shown, values, np.zeros((), values.dtype))


def read_shown(layer: Layer, grid: Grid, method: Method) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the bands (C, h, w) of a layer on a grid, and where each has data.

    No data takes no part in resampling: what the file declares, else counts of 0, and what is no number.

    Raises:
        ValueError: the file cannot be read.
    """
    with ExitStack() as opened:
        source = opened.enter_context(open_raster(layer.path, layer.shown, layer.remedy))
        nodata = _no_data(source, layer)
        if _needs_view(source, layer):
            own = _place(source, layer)
            text = view([_part(source, layer)], own.shape, own.crs, own.transform, nodata)
            source = opened.enter_context(open_raster(text, layer.shown, layer.remedy))
        return _warped(source, grid, method, nodata)


def read_together(layers: Sequence[Layer], grid: Grid, method: Method) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the one band of each layer on a grid (C, h, w), and where each has data, as `read_shown` does for one.

    Where bands of one place are brought to another CRS, most of the time goes into finding where its pixels lie. That
    is done once for all of them. So is decoding, where they lie in one file.

    Raises:
        ValueError: a file cannot be read.
    """
    try:
        found = _together(layers, grid)
        if found is not None:
            text, nodata = found
            with open_raster(text, layers[0].shown, layers[0].remedy) as source:
                return _warped(source, grid, method, nodata)
    except ValueError:
        pass  # which file it is comes out below
    values, shown = zip(*(read_shown(layer, grid, method) for layer in layers), strict=True)
    return np.concatenate(values), np.concatenate(shown)


def _together(layers: Sequence[Layer], grid: Grid) -> tuple[str, float] | None:
    """Return a view of layers that are cheaper to read together, and its no data; None of others."""
    parts, places, empty = [], [], []
    for layer in layers:
        with open_raster(layer.path, layer.shown, layer.remedy) as source:
            places.append(_place(source, layer))
            parts.append(_part(source, layer))
            empty.append(_no_data(source, layer))
    first = places[0]
    one_file = len({part.path for part in parts}) == 1
    if len(layers) == 1 or (first.crs == grid.crs and not one_file) or any(place != first for place in places):
        return None
    if len({(part.kind, repr(nodata)) for part, nodata in zip(parts, empty, strict=True)}) > 1:
        return None
    return view(parts, first.shape, first.crs, first.transform, empty[0]), empty[0]


def _warped(source: Any, grid: Grid, method: Method, nodata: float) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    place = {"crs": grid.crs, "transform": grid.transform, "height": grid.height, "width": grid.width}
    how = {"resampling": Resampling[method], "src_nodata": nodata, "nodata": nodata, "tolerance": EXACT_PX}
    # Left alone, GDAL guesses from the windows' sizes and blurs some of them as if they were made smaller.
    across, down = _finer(source, grid)
    how |= {"XSCALE": repr(across), "YSCALE": repr(down)}
    # A band without data takes no part in resampling whatever the others have.
    with WarpedVRT(source, **place, **how, UNIFIED_SRC_NODATA="NO") as warped:
        values = warped.read()
    shown = values != nodata
    return values, shown & np.isfinite(values) if values.dtype.kind == "f" else shown


def _finer(source: Any, grid: Grid) -> tuple[float, float]:
    """Return how many pixels of a grid there are to one of what is read, from left to right and from top to bottom."""
    from rasterio.warp import transform as to_crs

    middle = grid.height / 2, grid.width / 2
    columns, rows = zip(*((middle[1] + c, middle[0] + r) for r, c in ((0, 0), (0, 1), (1, 0))), strict=True)
    places = [grid.transform @ place for place in zip(columns, rows, strict=True)]
    if source.crs != grid.crs:
        places = list(zip(*to_crs(grid.crs, source.crs, *zip(*places, strict=True)), strict=True))
    (x, y), *others = (~source.transform @ place for place in places)
    steps = [math.hypot(to_x - x, to_y - y) for to_x, to_y in others]
    return 1 / max(steps[0], 1e-9), 1 / max(steps[1], 1e-9)


def _declared(source: Any, layer: Layer) -> float | None:
    """Return the value of no data that the file declares."""
    return source.nodatavals[(layer.number or 1) - 1]


def _no_data(source: Any, layer: Layer) -> float:
    """Return the value of no data of what is warped."""
    if layer.picture:
        return NO_PICTURE
    return (_declared(source, layer) or 0) if _zero_is_data(source, layer) else 0


def _zero_is_data(source: Any, layer: Layer) -> bool:
    """Whether a count of 0 shows the ground: where the product's kind says so, or the file declares another value."""
    return layer.zero_is_data or (not layer.mask and _declared(source, layer) not in (None, 0))


def _part(source: Any, layer: Layer) -> Part:
    number = layer.number or 1
    kind, declared = source.dtypes[number - 1], _declared(source, layer)
    if layer.picture:
        return Part(layer.path, number, "int16", None if layer.masked else declared or 0.0, layer.masked)
    if layer.mask or _zero_is_data(source, layer):
        return Part(layer.path, number, kind, None)
    if declared is None and kind.startswith("float"):
        declared = math.nan
    return Part(layer.path, number, kind, declared or None)


def _needs_view(source: Any, layer: Layer) -> bool:
    """Whether GDAL has to be told more than that 0 is no data; files as ESA delivers them are read as they are."""
    if layer.picture:
        return True
    if layer.mask or _zero_is_data(source, layer):
        return layer.number is not None or layer.crs is not None
    number = (layer.number or 1) - 1
    point = source.dtypes[number].startswith("float")
    return point or layer.number is not None or layer.crs is not None


def _place(source: Any, layer: Layer) -> Grid:
    crs = source.crs or layer.crs
    if crs is None:
        raise ValueError(f"{layer.shown} has no CRS: take the file as ESA delivers it, or write its CRS into it")
    transform = source.transform if not source.transform.is_identity else layer.transform or source.transform
    if transform.b or transform.d or transform.e >= 0 or transform.a <= 0:
        raise ValueError(f"{layer.shown} has no place with north up ({tuple(transform)[:6]}): warp it (gdalwarp)")
    return Grid(crs, transform, source.height, source.width)


def _lossy(said: dict[str, str]) -> bool:
    """Whether the compression that GDAL names changed the numbers."""
    if float(said.get("MAX_Z_ERROR", 0)) > 0 or said.get("COMPRESSION") in LOSSY_TIFF:
        return True
    return said.get("COMPRESSION_REVERSIBILITY") == "LOSSY"


def _most_and_half(source: Any, number: int) -> tuple[float | None, float | None]:
    """Return the largest of every so many pixels, and the median of those above 0; None where there are none."""
    part = max(1.0, max(source.shape) / SAMPLE_PX)
    values = source.read(number, out_shape=tuple(max(1, round(n / part)) for n in source.shape))
    shown = values[np.isfinite(values) & (values != source.nodatavals[number - 1])]
    above = shown[shown > 0]
    return float(shown.max()) if shown.size else None, float(np.median(above)) if above.size else None
