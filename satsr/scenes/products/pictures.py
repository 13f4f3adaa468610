"""Pictures: red, green and blue in 8 bits without any other band, such as Sentinel-2's true-colour image (TCI).

A picture is a product whose B04, B03 and B02 are counts of which 255 are the training data's white, so that a model
gets its values as they are, divided by 255. What reflectance they are is known of the TCI of level 1C alone, which has
the same law: that of level 2A ends at reflectance 0.2, and other pictures are stretched as somebody liked it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasterio.enums import MaskFlags

from satsr.data.ground import pixel_m
from satsr.data.image_bands import color_bands, has_palette, transparent_bands
from satsr.data.rasters import open_raster
from satsr.data.true_colour import TCI_WHITE
from satsr.scenes.products.counts import Counts
from satsr.scenes.products.grid import Grid
from satsr.scenes.products.layer import Layer
from satsr.scenes.products.listing import TCI, Listing
from satsr.scenes.products.metadata import BAND_IDS
from satsr.scenes.products.radiometry import RGB

KIND = "uint8"
MOST_BANDS = 4  # and one that is transparency, or infrared
COUNTS = Counts(255 / TCI_WHITE, dict.fromkeys(BAND_IDS, 0.0))
UNKNOWN = "unknown"  # level of a picture of which nothing says what reflectance its values are
# Sentinel-2's own are of 10 m; the training data's, in Web Mercator, are of 6 to 9 m on the ground.
LEAST_M, MOST_M = 6.0, 11.0
OF_LEVEL_1C = re.compile(r"T\d{2}[A-Z]{3}_\d{8}T\d{6}_TCI\.\w+$")  # the other levels' names say how fine they are
AS_TIFF = Path("x.tif")  # in which GDAL takes a fourth band for transparency; a picture may be wrapped in a VRT
DAY_REMEDY = "put it into its name, such as 2022-06-11.tif, or give it (day=date(2022, 6, 11), or --day 2022-06-11)"


@dataclass(frozen=True)
class Picture:
    """The bands of a picture.

    Attributes:
        layers: `b04`, `b03`, `b02` -> how to read them.
        notes: what to tell of it.
    """

    layers: dict[str, Layer]
    notes: tuple[str, ...]


def is_picture(listing: Listing, name: str) -> bool:
    """Return whether all of a file's bands are of 8 bits.

    Raises:
        ValueError: it cannot be read.
    """
    with open_raster(listing.opens(name), listing.label(name)) as file:
        return set(file.dtypes) == {KIND}


def find_picture(listing: Listing, name: str) -> Picture:
    """Return the bands of a picture.

    Raises:
        ValueError: it cannot be read, or is no picture of red, green and blue.
    """
    path, shown = listing.opens(name), listing.label(name)
    with open_raster(path, shown) as file:
        _check_kind(file, shown)
        doubted: list[str] = []
        transparent = transparent_bands(AS_TIFF, file, doubted)
        numbers = _numbers(file, shown, transparent)
        masked = bool(transparent) or _has_mask(file)
    layers = {band: Layer(path, shown, n, picture=True, masked=masked) for band, n in zip(RGB, numbers, strict=True)}
    return Picture(layers, ("its transparency has many levels and is taken for a band",) if doubted else ())


def level_of(name: str, said: str | None, given: str | None) -> str:
    """Return `L1C` or `L2A` of a picture, or that it is not known.

    Args:
        name: of the file; only that of a TCI says that it is one.
        said: by the product around it.
        given: by the user.
    """
    called = TCI.search(name)
    if called is None:
        return given or UNKNOWN
    of_name = "L1C" if OF_LEVEL_1C.search(name) else None
    return "L2A" if called["gsd"] else said or of_name or given or UNKNOWN


def is_tci(name: str) -> bool:
    """Return whether a file is called ESA's true-colour image, in which 0 in any band is no data."""
    return TCI.search(name) is not None


def in_words(level: str) -> str:
    """Say what is known of a picture's values."""
    if level == "L1C":
        return f"8-bit picture; reflectance by the law of level 1C's TCI: 255 is {TCI_WHITE}"
    known = "; of level 2A's TCI, brighter than what the models learned from" if level == "L2A" else ""
    return f"8-bit picture, values as they are{known}"


def check_place(shown: str, grid: Grid) -> None:
    """Refuse pixels of another size than the models know.

    Raises:
        ValueError: they are, or lie nowhere on earth.
    """
    sides = pixel_m(grid)
    if sides is None:
        raise ValueError(f"{shown} has no place on earth ({grid.crs.to_string()}): write its CRS into it")
    if not all(LEAST_M <= side <= MOST_M for side in sides):
        raise ValueError(
            f"{shown} has pixels of {sides[1]:.3g} x {sides[0]:.3g} m, expected Sentinel-2's of 10 m ({LEAST_M:g} to "
            f"{MOST_M:g}), which the models are made for: bring it there (gdalwarp -tr 10 10 -r average)"
        )


def check_given(shown: str, baseline: str | None, offset: float | None) -> None:
    """Refuse what is said of counts, which a picture does not have.

    Raises:
        ValueError: something is.
    """
    if baseline is not None or offset is not None:
        raise ValueError(f"{shown} is a picture in 8 bits, got a baseline or an offset of counts: leave it out")


def _check_kind(file: Any, shown: str) -> None:
    if has_palette(file):
        raise ValueError(f"{shown} has a palette, expected red, green and blue: gdal_translate -expand rgb")
    if set(file.dtypes) != {KIND} or not len(RGB) <= file.count <= MOST_BANDS:
        raise ValueError(
            f"{shown} holds {file.count} x {file.dtypes[0]}, expected a picture of red, green and blue in 8 bits: take "
            "those bands of it (gdal_translate -b 1 -b 2 -b 3), or give the product with its bands"
        )


def _numbers(file: Any, shown: str, transparent: Sequence[int]) -> tuple[int, int, int]:
    """Return which bands are red, green and blue."""
    try:
        return color_bands(AS_TIFF, file, [n for n in file.indexes if n not in transparent])
    except ValueError:
        called = (name or color.name for name, color in zip(file.descriptions, file.colorinterp, strict=True))
        raise ValueError(
            f"{shown} calls its bands {', '.join(called)}, expected red, green and blue: describe them "
            "(set_band_description of rasterio, or gdal_edit.py)"
        ) from None


def _has_mask(file: Any) -> bool:
    flags = file.mask_flag_enums[0]
    return MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags
