"""What the bands of an image file are, as the file says: colours, transparency, and which pixels show something."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window

TIFFS = (".tif", ".tiff")
RGB = ("red", "green", "blue")
COLORS = {ColorInterp.red: "red", ColorInterp.green: "green", ColorInterp.blue: "blue"}
ALSO_CALLED = {"b04": "red", "r": "red", "b03": "green", "g": "green", "b02": "blue", "b": "blue"}
ALSO_CALLED |= {"b08": "nir", "near infrared": "nir", "near-infrared": "nir"}
# Numbers without a zero are Sentinel-2's (and Landsat 8's) where there is no band 1, or one that no other sensor has:
# elsewhere band 4 may be near infrared or yellow.
UNPADDED = {"b4": "red", "b3": "green", "b2": "blue", "b8": "nir"}
OF_SENTINEL2 = {"b8a", "b11", "b12"}
# What a band is that is none of the three colours, whatever GDAL takes it for.
NO_COLOUR = re.compile(r"nir|infra|swir|edge|coastal|aerosol|yellow|pan|thermal|cirrus|vapou?r|mask|^b\d\d$|^b8a$")
COLOUR_WORD = re.compile(r"\b(red|green|blue)\b(?![ _-]*edge)")
INKS = (ColorInterp.cyan, ColorInterp.magenta, ColorInterp.yellow, ColorInterp.black)
PIXELS_AT_ONCE = 2**22  # of a file that is read through


def strips(file: Any) -> Iterator[Window]:
    """Cut an open file into strips of a few million pixels."""
    rows = max(1, PIXELS_AT_ONCE // file.width)
    for top in range(0, file.height, rows):
        yield Window(0, top, file.width, min(rows, file.height - top))


def transparent_bands(path: Path, file: Any, notes: list[str]) -> list[int]:
    """Return the numbers of the bands that are transparency.

    GDAL calls the fourth band of a TIFF alpha unless it is told otherwise, so there only a band that is all or nothing
    is taken for it; one with many levels is a band like others, which is added to `notes`.
    """
    called = [band for band, color in zip(file.indexes, file.colorinterp, strict=True) if color == ColorInterp.alpha]
    if path.suffix.lower() not in TIFFS:
        return called
    found = []
    for band in called:
        if _all_or_nothing(file, band):
            found.append(band)
        else:
            notes.append(f"{path}: band {band} is called alpha and has many levels: taken for a band")
    return found


def _all_or_nothing(file: Any, band: int) -> bool:
    """Return whether a band has two levels, one of them 0, or one that says opaque or nothing."""
    levels: set[float] = set()
    for strip in strips(file):
        levels |= set(np.unique(file.read(band, window=strip)).tolist())
        if len(levels) > 2:
            return False
    return 0 in levels or levels <= {1, 255, 65535}


def shown_pixels(
    file: Any, bands: Sequence[int], stored: NDArray[Any], transparent: Sequence[int], window: Window | None = None
) -> NDArray[np.bool_]:
    """Return the pixels that show something by transparency, masks and declared no-data values.

    Where 0 is no data, a pixel that is 0 in one band alone is dark ground, and of 8 bits every value is a colour: there
    all bands have to hold it. Of other values one band is enough.

    Args:
        file: open.
        bands: numbers of the bands that are looked at.
        stored: their values (C, h, w).
        transparent: numbers of the bands that are transparency.
        window: what part of the file `stored` is.
    """
    valid = np.ones(stored.shape[1:], bool)
    for band in transparent:
        valid &= file.read(band, window=window) > 0
    flags = file.mask_flag_enums[0]
    if MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags:
        valid &= file.read_masks(1, window=window) > 0
    declared = [file.nodatavals[band - 1] for band in bands]
    empty = np.stack([_is(values, value) for values, value in zip(stored, declared, strict=True)])
    dark = np.array([value == 0 or stored.dtype == np.uint8 for value in declared])
    valid &= ~empty[~dark].any(axis=0)
    return valid & ~(empty[dark].all(axis=0) & dark.any())


def _is(values: NDArray[Any], no_data: float | None) -> NDArray[np.bool_]:
    if no_data is None:
        return np.zeros(values.shape, bool)
    return np.isnan(values) if np.isnan(no_data) else values == values.dtype.type(no_data)


def palette_colors(file: Any, window: Window | None = None) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the colours that a palette's numbers stand for, (3, h, w), and where something is shown."""
    table = np.zeros((256, 4), np.uint8)
    for number, color in file.colormap(1).items():
        table[number] = color
    colors = np.moveaxis(table[file.read(1, window=window)], -1, 0)
    return colors[:3], np.asarray((file.dataset_mask(window=window) > 0) & (colors[3] > 0))


def has_palette(file: Any) -> bool:
    """Return whether the file's numbers stand for colours."""
    return ColorInterp.palette in file.colorinterp


def upright(file: Any, stored: NDArray[Any]) -> NDArray[Any]:
    """Return values of which larger ones are brighter: in a TIFF, 0 may be white."""
    negative = file.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"
    if not negative or not np.issubdtype(stored.dtype, np.unsignedinteger):
        return stored
    return np.asarray(np.iinfo(stored.dtype).max - stored)


def is_cmyk(file: Any) -> bool:
    """Return whether the file's four bands are inks."""
    return tuple(file.colorinterp) == INKS


def cmyk_colors(file: Any, window: Window | None = None) -> NDArray[np.uint8]:
    """Return what inks look like, (3, h, w): every colour is what its ink and black leave of white."""
    light = 255.0 - file.read(window=window)
    return np.rint(light[:3] * light[3] / 255).astype(np.uint8)


def band_names(file: Any, bands: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the bands by description, else by colour interpretation; empty where one has none.

    GDAL calls three bands of 8 bits red, green and blue unless it is told otherwise, so what is written out is surer,
    where it names a colour or a band of Sentinel-2.
    """
    names = _names(file, bands)
    return tuple(names) if all(names) and len(set(names)) == len(names) else ()


def _names(file: Any, bands: Sequence[int]) -> list[str]:
    """Return the name of every band, in the field's words where it can be told, empty where nothing names it."""
    described = [(file.descriptions[band - 1] or "").strip().lower() for band in bands]
    unpadded = UNPADDED if "b1" not in described or OF_SENTINEL2 & set(described) else {}
    known = {**ALSO_CALLED, **unpadded}
    colors = [COLORS.get(file.colorinterp[band - 1], "") for band in bands]
    told = [known.get(text) or _color_word(text) or (text if NO_COLOUR.search(text) else "") for text in described]
    return [word or color or text for word, color, text in zip(told, colors, described, strict=True)]


def _color_word(text: str) -> str:
    """Return the one colour that a description in small letters names, such as `band 4 (red)`; not of a red edge."""
    found = set(COLOUR_WORD.findall(text))
    return found.pop() if len(found) == 1 else ""


def color_bands(path: Path, file: Any, bands: Sequence[int]) -> tuple[int, int, int]:
    """Return the numbers of the bands that are red, green and blue; a single band, or the first of two, is all three.

    Args:
        path: how messages name the file.
        file: open.
        bands: numbers of the bands that are not transparency.

    Raises:
        ValueError: the file names its bands and lacks a colour, or has more than three that nothing names.
    """
    if len(bands) < 3:
        return (bands[0],) * 3
    names = _names(file, bands)
    found = {color: [band for name, band in zip(names, bands, strict=True) if name == color] for color in RGB}
    if all(len(some) == 1 for some in found.values()):
        return found["red"][0], found["green"][0], found["blue"][0]
    if len(bands) == 3 and not any(names):
        return bands[0], bands[1], bands[2]
    said = ", ".join(name or "?" for name in names)
    raise ValueError(
        f"{path}: got bands {said}, expected to know which are red, green and blue: name them in the file (band "
        "descriptions or colour interpretation), or say their numbers by data.hr_bands: [3, 2, 1]"
    )
