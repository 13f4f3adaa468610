"""Which pixels a series covers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Literal

from rasterio.crs import CRS

from satsr.scenes.products.grid import (
    DEGREES,
    TILES,
    WORLD_M,
    Bounds,
    Grid,
    around,
    bounds_in,
    shared,
    side_by_side,
    turn,
    web_mercator,
)
from satsr.scenes.products.sentinel2 import Product

ON_MERIDIAN = 1e-12  # part of the world, less than a millimetre


def target_grid(
    products: Sequence[Product],
    grid: Literal["own", "web-mercator"] | Grid,
    bounds: Bounds | None,
    bounds_crs: str,
    window: tuple[int, int, int, int] | None,
) -> Grid:
    """Return the grid that all dates are brought to; the arguments are those of `series`.

    Raises:
        ValueError: nothing covers the bounds or the window, or arguments contradict each other.
    """
    if bounds is not None and window is not None:
        raise ValueError("got bounds and a window, expected one of them")
    if isinstance(grid, Grid):
        if bounds is not None or window is not None:
            raise ValueError("got a grid with bounds or a window, expected the grid alone: cut it with Grid.part")
        return grid
    if grid not in ("own", "web-mercator"):
        raise ValueError(f"got grid {grid!r}, expected own, web-mercator or a Grid")
    if bounds is not None:
        return _covering(products, grid, bounds, bounds_crs)
    own = products[0].grid if window is None else _window(products[0], window)
    return own if grid == "own" else web_mercator(bounds_in(own.bounds, own.crs, TILES.crs))


def _covering(products: Sequence[Product], grid: str, bounds: Bounds, bounds_crs: str) -> Grid:
    """Return the grid of the part of bounds that products cover: of the first that does, or the training data's."""
    asked = _crs(bounds_crs)
    box = _box(bounds, asked)
    # Cut before a change of CRS: a zone's CRS is of no use for places far from it.
    cut = [shared(bounds_in(p.footprint, p.crs, asked), box, asked) for p in products]
    parts = [(p, part) for p, part in zip(products, cut, strict=True) if part is not None]
    if not parts:
        raise _nothing_covers(products, bounds, asked)
    base = parts[0][0].grid if grid == "own" else TILES
    covered = around(side_by_side([bounds_in(p.footprint, p.crs, base.crs) for p, _ in parts], base.crs))
    whole = around(side_by_side([part for _, part in parts], asked))
    # Cut again: the box around a turned box is larger than what the products cover.
    area = shared(covered, bounds_in(whole, asked, base.crs), base.crs)
    if area is None:
        raise _nothing_covers(products, bounds, asked)
    return base.covering(area) if grid == "own" else web_mercator(_home(area))


def covered_share(grid: Grid, bounds: Bounds, bounds_crs: str) -> float:
    """Return the share of the asked bounds that a grid covers, 0 to 1."""
    asked = _crs(bounds_crs)
    box = _box(bounds, asked)
    part = shared(bounds_in(grid.bounds, grid.crs, asked), box, asked)
    return 0.0 if part is None else min(1.0, _size(part) / _size(box))


def _size(box: Bounds) -> float:
    left, bottom, right, top = box
    return (right - left) * (top - bottom)


def _home(area: Bounds) -> Bounds:
    """Return an area of EPSG:3857 whose west lies in the world: what is all east of the meridian needs no more room."""
    by = WORLD_M * math.floor(area[0] / WORLD_M + 0.5 + ON_MERIDIAN)
    return area[0] - by, area[1], area[2] - by, area[3]


def check_overlap(products: Sequence[Product], grid: Grid) -> list[bool]:
    """Return which products overlap a grid.

    Raises:
        ValueError: none does.
    """
    shown = [shared(bounds_in(p.footprint, p.crs, grid.crs), grid.bounds, grid.crs) is not None for p in products]
    if not any(shown):
        raise ValueError(
            f"{products[0].path}{_and_others(products)} does not overlap the grid: give a grid inside its footprint"
        )
    return shown


def _window(product: Product, window: tuple[int, int, int, int]) -> Grid:
    if not all(isinstance(n, Integral) for n in window):
        raise ValueError(f"got window {window}, expected whole numbers: row, column, height and width in pixels")
    row, column, height, width = window
    rows, columns = product.grid.shape
    if min(row, column) < 0 or min(height, width) < 1 or row + height > rows or column + width > columns:
        raise ValueError(
            f"{product.path}: window {window} (row, column, height, width) leaves its {rows} x {columns} px: "
            "give a window inside"
        )
    return product.grid.part(row, column, height, width)


def _box(bounds: Bounds, crs: CRS) -> Bounds:
    """Return bounds with left < right; in degrees, left > right says that they cross the 180th meridian (RFC 7946)."""
    left, bottom, right, top = bounds
    if not all(map(math.isfinite, bounds)):
        raise ValueError(f"got bounds {bounds}, expected finite numbers: left, bottom, right, top")
    once = turn(crs)
    if once is not None and left - right > once / 2:  # a shorter way back is taken for a slip
        right += once
    if not (left < right and bottom < top):
        across = "" if once is None else " (left > right only across the 180th meridian)"
        raise ValueError(f"got bounds {bounds}, expected left < right and bottom < top{across}")
    return left, bottom, right, top


def _crs(bounds_crs: str) -> CRS:
    from rasterio.errors import CRSError

    try:
        return CRS.from_user_input(bounds_crs)
    except (CRSError, ValueError) as error:
        raise ValueError(f"got bounds_crs {bounds_crs!r} ({error}), expected such as EPSG:4326") from None


def _nothing_covers(products: Sequence[Product], bounds: Bounds, crs: CRS) -> ValueError:
    first = products[0]
    inside = ", ".join(f"{v:.10g}" for v in _offered(bounds_in(first.footprint, first.crs, crs), crs))
    return ValueError(
        f"{first.path}{_and_others(products)} does not overlap the bounds {bounds}: give bounds inside ({inside}), "
        "or set bounds_crs"
    )


def _offered(box: Bounds, crs: CRS) -> Bounds:
    """Return a box as a user may give it back: rounded to about a metre, longitudes within 180 degrees."""
    if not crs.is_geographic:
        return tuple(float(round(v)) for v in box)  # type: ignore[return-value]
    left, bottom, right, top = (round(v, 5) for v in box)
    return left, bottom, round(right - DEGREES, 5) if right > DEGREES / 2 else right, top


def _and_others(products: Sequence[Product]) -> str:
    return f" (and {len(products) - 1} more)" if len(products) > 1 else ""
