"""Products to a series: the same pixels of the best dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from satsr.scenes.products.frames import TrueColour, read_frame
from satsr.scenes.products.grid import Bounds, Grid
from satsr.scenes.products.plan import Clouds, plan
from satsr.scenes.products.result import Series
from satsr.scenes.products.sentinel2 import Product


def series(
    paths: Sequence[str | Path | Product],
    bounds: Bounds | None = None,
    *,
    bounds_crs: str = "EPSG:4326",
    window: tuple[int, int, int, int] | None = None,
    grid: Literal["own", "web-mercator"] | Grid = "own",
    bands: Sequence[str] = ("tci",),
    dates: int = 8,
    wanted: date | None = None,
    clouds: Clouds = "auto",
    tci: TrueColour = "bands",
    register_px: float | None = None,
    **how: Any,
) -> Series:
    """Read the best dates of a place from products. Only the window is read.

    A date is a pass of a satellite: products that it took from one minute on are pieces of one frame, whatever tiles,
    zones and processings they are of.

    Args:
        paths: products of one level, any tiles and CRS; see `open_product`, or opened by it.
        bounds: left, bottom, right, top, cut to what the products cover; the first product's footprint when there is no
            window either. In degrees, left > right crosses the 180th meridian.
        bounds_crs: of the bounds; longitude comes before latitude.
        window: row, column, height and width in pixels of the first product, instead of bounds.
        grid: `own` is that of the first product that overlaps the bounds, 10 m; `web-mercator` the training data's,
            whole zoom-17 tiles of 32 x 32 pixels of nominal 9.555 m; or a grid that is taken as it is.
        bands: `tci` (red, green, blue) and band names such as `b08`.
        dates: at most so many are used.
        wanted: of equally clear dates the nearest to this one are used.
        clouds: `auto` takes SCL of level 2A and MSK_CLASSI or MSK_CLOUDS of level 1C, `none` looks at no mask; or one
            raster for each product, not 0 under cloud.
        tci: `bands` computes the true-colour image from B04, B03 and B02, `product` takes level 1C's own file.
        register_px: move dates onto the clearest one by phase correlation, at most so many pixels down or right; a
            larger shift is not believed and the date stays where it is. None leaves all where their products say.
        how: arguments of `open_product` for loose bands.

    Raises:
        FileNotFoundError: a product or a mask is missing.
        ValueError: a file cannot be read, a band is missing, levels are mixed, nothing overlaps the bounds, no date
            shows the ground, the series is larger than memory, or arguments contradict each other; one line that names
            the file and the remedy.
    """
    found = plan(
        paths,
        bounds,
        bounds_crs=bounds_crs,
        window=window,
        grid=grid,
        bands=bands,
        dates=dates,
        wanted=wanted,
        clouds=clouds,
        tci=tci,
        register_px=register_px,
        whole=True,
        **how,
    )
    frames = [one.read(found.grid, partial(read_frame, bands=bands, tci=tci)) for one in found.dates]
    return Series(
        images=np.stack([f.image for f in frames]),
        channels=found.channels,
        valid=np.stack([f.clear for f in frames]),
        dates=tuple(one.note.day for one in found.dates),
        transform=found.grid.transform,
        crs=found.grid.crs,
        level=found.level,
        used=tuple(one.note for one in found.dates),
        left_out=found.left_out,
        covered=found.covered,
    )
