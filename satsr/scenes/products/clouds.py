"""Where a product says that clouds hide the ground."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from satsr.scenes.products.grid import Bounds, Grid, bounds_in, shared, turn
from satsr.scenes.products.layer import Layer
from satsr.scenes.products.reading import header, read_on
from satsr.scenes.products.sentinel2 import Product

# Classes of level 2A's scene classification: cloud shadow, cloud of medium and of high probability, thin cirrus.
# Snow (11) and saturated pixels (1), such as bright roofs, show the ground.
SCL_CLOUDS = (3, 8, 9, 10)
SCL_NO_DATA = 0
CLASSI_CLOUDS = 2  # the first two of MSK_CLASSI's three bands: opaque cloud, cirrus; the third is snow

Source = Literal["auto", "none"] | Path


@dataclass(frozen=True)
class Hidden:
    """What masks say of a product on a grid.

    Attributes:
        clouds: bool (h, w), True under cloud, and under its shadow where level 2A says so; None where nothing is
            known.
        empty: bool (h, w), where level 2A's scene classification says that there are no data, such as the swath's
            coloured rim.
    """

    clouds: NDArray[np.bool_] | None
    empty: NDArray[np.bool_]


def hidden(product: Product, grid: Grid, source: Source = "auto") -> Hidden:
    """Return what masks say on a grid; a pixel takes the class of the nearest one.

    Args:
        product: whose masks.
        grid: to bring them to.
        source: of clouds: `auto` takes SCL, else MSK_CLASSI, else Theia's CLM, else MSK_CLOUDS; a path is a raster with
            a place on the ground whose pixels are not 0 under cloud; `none` looks at nothing.

    Raises:
        ValueError: the mask cannot be read, or a given one lies elsewhere.
    """
    classes = read_on(product.layer("scl"), grid, "nearest")[0] if "scl" in product.files else None
    empty = np.zeros(grid.shape, bool) if classes is None else np.asarray(classes == SCL_NO_DATA)
    if isinstance(source, Path):
        return Hidden(_given(source, grid), empty)
    if source == "none":
        return Hidden(None, empty)
    if classes is not None:
        return Hidden(np.isin(classes, SCL_CLOUDS), empty)
    if "CLASSI" in product.masks:
        layers = read_on(product.mask("CLASSI"), grid, "nearest")
        return Hidden(np.asarray(layers[:CLASSI_CLOUDS].any(axis=0)), empty)
    if "CLM" in product.masks:  # a bit for each kind of cloud and shadow
        return Hidden(np.asarray(read_on(product.mask("CLM"), grid, "nearest")[0] != 0), empty)
    return Hidden(_outlined(product, grid) if "CLOUDS" in product.masks else None, empty)


def _given(path: Path, grid: Grid) -> NDArray[np.bool_]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: expected auto, none, or a raster that is not 0 under cloud")
    layer = Layer(str(path), str(path), mask=True)
    place = header(layer).grid
    if shared(bounds_in(place.bounds, place.crs, grid.crs), grid.bounds, grid.crs) is None:
        raise ValueError(f"{path} does not overlap the images that it should mask: give their own cloud mask")
    return np.asarray(read_on(layer, grid, "nearest")[0] != 0)


def lossy_mask(product: Product, source: Source) -> str | None:
    """Return the name of the mask that is looked at if compression changed its numbers."""
    if "scl" in product.lossy:  # looked at whatever the source is, for what is no data
        return "scl"
    if isinstance(source, Path):
        return source.name if header(Layer(str(source), str(source), mask=True)).lossy else None
    kind = next((k for k in ("CLASSI", "CLM") if k in product.masks), None)
    if source == "none" or "scl" in product.files or kind is None:
        return None
    return kind if header(product.mask(kind)).lossy else None


def _outlined(product: Product, grid: Grid) -> NDArray[np.bool_]:
    """Return the clouds inside the outlines of MSK_CLOUDS_B00.gml, which level 1C had before baseline 04.00."""
    from rasterio.features import rasterize
    from rasterio.warp import transform_geom

    name = product.masks["CLOUDS"]
    try:
        root = ElementTree.fromstring(product.listing.read(name))
        outlines = [_polygon(e) for e in root.iter() if e.tag.endswith("}Polygon")]
        crs = _crs_of(root) or product.crs
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f"{product.listing.label(name)} cannot be read ({error}): download it again") from None
    if not outlines:
        return np.zeros(grid.shape, bool)
    shapes = outlines if crs == grid.crs else [_beside(s, grid) for s in transform_geom(crs, grid.crs, outlines)]
    return np.asarray(rasterize(shapes, grid.shape, transform=grid.transform, dtype="uint8") > 0)


def _beside(shape: dict[str, Any], grid: Grid) -> dict[str, Any]:
    """Return a polygon on the grid's turn around the world."""
    once = turn(grid.crs)
    if once is None:
        return shape
    bounds: Bounds = grid.bounds
    middle = (bounds[0] + bounds[2]) / 2
    rings = [[(x + once * round((middle - x) / once), y) for x, y, *_ in ring] for ring in shape["coordinates"]]
    return {**shape, "coordinates": rings}


def _polygon(element: ElementTree.Element) -> dict[str, Any]:
    """Return a GML polygon as GeoJSON: its outer ring, then its holes."""
    rings = []
    for ring in (e for e in element.iter() if e.tag.endswith("}posList")):
        numbers = [float(n) for n in (ring.text or "").split()]
        step = int(ring.get("srsDimension", "2"))
        rings.append([list(numbers[i : i + 2]) for i in range(0, len(numbers), step)])
    return {"type": "Polygon", "coordinates": rings}


def _crs_of(root: ElementTree.Element) -> CRS | None:
    """Return the CRS of the outlines, which the XML names `urn:ogc:def:crs:EPSG:8.7:32635`."""
    name = next((n for e in root.iter() if (n := e.get("srsName"))), None)
    return CRS.from_epsg(int(name.rsplit(":", 1)[-1])) if name else None
