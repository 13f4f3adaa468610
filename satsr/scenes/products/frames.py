"""One date of a product as 8-bit frames on a grid."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from satsr.data.true_colour import BAND_WHITE, TCI_WHITE, eight_bit_band, true_colour
from satsr.scenes.products import radiometry
from satsr.scenes.products.grid import Grid
from satsr.scenes.products.reading import read_on, read_together
from satsr.scenes.products.sentinel2 import Product

STRIP_ROWS = 1024  # rows that are held as 16-bit counts and reflectance at a time; ESA's blocks have as many
WORKERS = min(4, os.cpu_count() or 1)  # strips at a time; GDAL decodes and resamples beside Python

TrueColour = Literal["bands", "product"]


def channels(bands: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the frames' channels: `tci` gives red, green and blue."""
    return tuple(n for band in bands for n in (("red", "green", "blue") if band == "tci" else (band,)))


def sources(bands: Sequence[str], tci: TrueColour) -> list[str]:
    """Return the files that bands are made from: `tci` is its own file, or B04, B03 and B02."""
    own = ("tci",) if tci == "product" else radiometry.RGB
    return [name for band in bands for name in (own if band == "tci" else (band,))]


def read_frame(
    product: Product, grid: Grid, bands: Sequence[str], tci: TrueColour
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a date on a grid.

    Args:
        product: the date.
        grid: to bring it to, bilinear; at the product's own grid and resolution no value is changed.
        bands: `tci` or band names.
        tci: `bands` computes the true-colour image, `product` takes the product's own.

    Returns:
        8-bit (h, w, C), 0 only where there is no data, and bool (h, w) where every band has data.
    """
    frame = np.empty((*grid.shape, len(channels(bands))), np.uint8)
    inside = np.ones(grid.shape, bool)

    def read(rows: slice, strip: Grid) -> None:
        parts = [_read_band(product, strip, band, tci) for band in bands]
        frame[rows] = np.concatenate([image for image, _ in parts], axis=-1)
        inside[rows] = np.logical_and.reduce([shown for _, shown in parts])

    strips = list(grid.strips(STRIP_ROWS))
    for name in sources(bands, tci):
        product.layer(name)  # checksums first, once
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(read, *zip(*strips, strict=True)))
    return frame, inside


def whites(bands: Sequence[str]) -> NDArray[np.float32]:
    """Return the reflectance that is white, 1 in a model's range, for each of the frames' channels."""
    return np.array(
        [TCI_WHITE if band == "tci" else BAND_WHITE for band in bands for _ in channels([band])], np.float32
    )


def read_values(product: Product, grid: Grid, bands: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return a date on a grid as shares of white, neither rounded nor cut.

    Args:
        product: the date.
        grid: as of `read_frame`.
        bands: `tci` or band names; the true-colour image is computed from its bands.

    Returns:
        float32 (h, w, C), 0 without data, and bool (h, w) where every band has data.
    """
    image, inside = _reflectance(product, grid, sources(bands, "bands"))
    return np.where(inside[..., None], np.moveaxis(image, 0, -1) / whites(bands), np.float32(0)), inside


def _read_band(product: Product, grid: Grid, band: str, tci: TrueColour) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return 8-bit values (h, w, 3 or 1), and where there are data (h, w)."""
    if band != "tci":
        image, inside = _reflectance(product, grid, (band,))
        return eight_bit_band(image[0], inside)[..., None], inside
    if tci == "bands":
        image, inside = _reflectance(product, grid, radiometry.RGB)
        return true_colour(image, radiometry.RGB, inside), inside
    own = np.moveaxis(read_on(product.layer("tci"), grid, "bilinear"), 0, -1)
    return own, np.asarray(own.all(axis=-1))  # a channel is 0 only where its band has no data


def _reflectance(product: Product, grid: Grid, bands: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return reflectance (C, h, w) and where all of these bands have data."""
    read, shown = read_together([product.layer(band) for band in bands], grid, "bilinear")
    values = [
        radiometry.reflectance(np.where(inside, counts, 0), product.offsets[band], product.quantification)
        for counts, inside, band in zip(read, shown, bands, strict=True)
    ]
    return np.stack(values), product.inside(shown)
