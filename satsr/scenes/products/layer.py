"""One band in one file: how GDAL opens it, and which of its values are no data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from affine import Affine
from rasterio.crs import CRS

REMEDY = "download it again"
# What GDAL calls types in its views.
TYPES = {
    "uint8": "Byte",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}


@dataclass(frozen=True)
class Layer:
    """Where a band lies.

    Attributes:
        path: what rasterio opens.
        shown: how messages name it.
        number: of the band in a file of several, from 1; None takes all.
        crs: where the file does not say it itself.
        transform: from column and row to x and y, where the file does not say it itself.
        scale: and offset below, where the file does not say them in GDAL's words.
        offset: see above.
        mask: whether its numbers are classes; only a mask's 0 has a meaning of its own.
        zero_is_data: whether a count of 0 shows the ground, as in Theia's files; ESA's have 0 outside of the swath.
        picture: whether it is of a picture in 8 bits, whose 0 may be black ground.
        masked: whether a picture says by transparency or a mask where it shows something; else by values.
        remedy: what errors tell to do.
    """

    path: str
    shown: str
    number: int | None = None
    crs: CRS | None = None
    transform: Affine | None = None
    scale: float | None = None
    offset: float | None = None
    mask: bool = False
    zero_is_data: bool = False
    picture: bool = False
    masked: bool = False
    remedy: str = REMEDY


@dataclass(frozen=True)
class Part:
    """A band of a file in a view.

    Attributes:
        path: what GDAL opens.
        number: of the band.
        kind: its type in the view.
        nodata: what becomes the view's no data; None for nothing else.
        masked: whether what GDAL takes for the band's mask says where there are none.
    """

    path: str
    number: int
    kind: str
    nodata: float | None
    masked: bool = False


def view(parts: Sequence[Part], shape: tuple[int, int], crs: CRS, transform: Affine, nodata: float = 0) -> str:
    """Return GDAL's description of bands of files as one raster.

    Args:
        parts: its bands, all of the same place.
        shape: rows and columns.
        crs: of the place.
        transform: from column and row to x and y.
        nodata: what no data are in the raster.
    """
    place = ", ".join(repr(float(n)) for n in transform.to_gdal())
    bands = "".join(_band(number, part, nodata) for number, part in enumerate(parts, start=1))
    return (
        f'<VRTDataset rasterXSize="{shape[1]}" rasterYSize="{shape[0]}"><SRS>{escape(crs.to_wkt())}</SRS>'
        f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
    )


def _band(number: int, part: Part, nodata: float) -> str:
    also = "" if part.nodata is None else f"<NODATA>{part.nodata!r}</NODATA>"
    also += "<UseMaskBand>true</UseMaskBand>" if part.masked else ""
    kind = "ComplexSource" if also else "SimpleSource"  # which takes half the time
    return (
        f'<VRTRasterBand dataType="{TYPES[part.kind]}" band="{number}"><NoDataValue>{nodata!r}</NoDataValue>'
        f'<{kind}><SourceFilename relativeToVRT="0">{escape(part.path)}</SourceFilename>'
        f"<SourceBand>{part.number}</SourceBand>{also}</{kind}></VRTRasterBand>"
    )
