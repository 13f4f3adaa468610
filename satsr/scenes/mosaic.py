"""Blocks on disk as one raster that GDAL reads: a virtual raster, which is a page of XML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

from satsr.common.writing import write_whole
from satsr.scenes.block_file import TILE_PX, Band, Block, BlockFile, Layout

MOSAIC = "mosaic.vrt"
MASK = "mask,1"  # what GDAL calls the mask of a file
TYPES = {"uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "float32": "Float32"}


def write_mosaic(
    blocks: BlockFile,
    tags: Mapping[str, str] = MappingProxyType({}),
    smaller: Sequence[Path] = (),
    path: Path | None = None,
    file: Callable[[Block], Path] | None = None,
) -> Path:
    """Write the virtual raster of all blocks, with all that the final file says of itself.

    Args:
        blocks: none missing.
        tags: of the data set.
        smaller: mosaics of its overviews, the largest first, in folders below that of the blocks.
        path: where to write it; None for the folder of the blocks.
        file: where a block's image is, in the folder of `path`; None for the block itself.

    Returns:
        The virtual raster.
    """
    path, file = path or blocks.folder / MOSAIC, file or blocks.file
    overviews = [mosaic.relative_to(path.parent).as_posix() for mosaic in smaller]
    files = [(block, file(block).name) for block in blocks.blocks()]
    write_whole(path, ElementTree.tostring(_data_set(blocks.layout, files, tags, overviews), encoding="unicode"))
    return path


def _data_set(
    layout: Layout, files: Sequence[tuple[Block, str]], tags: Mapping[str, str], overviews: Sequence[str]
) -> ElementTree.Element:
    root = ElementTree.Element("VRTDataset", rasterXSize=str(layout.width), rasterYSize=str(layout.height))
    _add(root, "SRS", layout.crs.to_wkt())
    _add(root, "GeoTransform", ", ".join(map(repr, layout.transform.to_gdal())))
    said = _add(root, "Metadata")
    for name, text in tags.items():
        _add(said, "MDI", text, key=name)
    for number, band in enumerate(layout.bands, start=1):
        element = _add(root, "VRTRasterBand", dataType=TYPES[layout.dtype], band=str(number))
        _describe(element, band, layout.nodata)
        _add_sources(element, files, (str(number), TYPES[layout.dtype]), overviews)
    if layout.nodata is None:
        mask = _add(_add(root, "MaskBand"), "VRTRasterBand", dataType="Byte")
        _add_sources(mask, files, (MASK, "Byte"), overviews)
    return root


def _describe(element: ElementTree.Element, band: Band, nodata: float | None) -> None:
    _add(element, "Description", band.name)
    if nodata is not None:
        _add(element, "NoDataValue", repr(nodata))
    _add(element, "ColorInterp", band.colour.capitalize())
    if (band.scale, band.offset) != (1.0, 0.0):
        _add(element, "Offset", repr(band.offset))
        _add(element, "Scale", repr(band.scale))
    if band.unit:
        _add(element, "UnitType", band.unit)


def _add_sources(
    element: ElementTree.Element,
    files: Sequence[tuple[Block, str]],
    band_and_type: tuple[str, str],
    overviews: Sequence[str],
) -> None:
    band, kind = band_and_type
    for overview in overviews:
        smaller = _add(element, "Overview")
        _add(smaller, "SourceFilename", overview, relativeToVRT="1")
        _add(smaller, "SourceBand", band)
    for block, name in files:
        source = _add(element, "SimpleSource")
        _add(source, "SourceFilename", name, relativeToVRT="1")
        _add(source, "SourceBand", band)
        # Told here, so that GDAL need not open every file to know.
        size = {"RasterXSize": str(block.width), "RasterYSize": str(block.height), "DataType": kind}
        _add(source, "SourceProperties", **size, BlockXSize=str(TILE_PX), BlockYSize=str(TILE_PX))
        side = {"xSize": str(block.width), "ySize": str(block.height)}
        _add(source, "SrcRect", xOff="0", yOff="0", **side)
        _add(source, "DstRect", xOff=str(block.column), yOff=str(block.row), **side)


def _add(parent: ElementTree.Element, tag: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, tag, attributes)
    # XML has no place for control characters and broken letters, which file names may have.
    element.text = None if text is None else "".join(letter for letter in text if letter.isprintable())
    return element
