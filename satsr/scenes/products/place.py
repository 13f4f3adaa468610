"""Which pixels a series covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rasterio.crs import CRS

from satsr.scenes.products.grid import TILES, Bounds, Grid, around, bounds_in, overlap, web_mercator
from satsr.scenes.products.sentinel2 import Product


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
    asked = _crs(bounds, bounds_crs)
    # Cut before a change of CRS: a zone's CRS is of no use for places far from it.
    cut = [overlap(bounds, bounds_in(p.footprint, p.crs, asked)) for p in products]
    parts = [(p, part) for p, part in zip(products, cut, strict=True) if part is not None]
    if not parts:
        raise _nothing_covers(products, bounds, asked)
    base = parts[0][0].grid if grid == "own" else TILES
    covered = around([bounds_in(p.footprint, p.crs, base.crs) for p, _ in parts])
    # Cut again: the box around a turned box is larger than what the products cover.
    area = overlap(bounds_in(around([part for _, part in parts]), asked, base.crs), covered)
    if area is None:
        raise _nothing_covers(products, bounds, asked)
    return base.covering(area) if grid == "own" else web_mercator(area)


def check_overlap(products: Sequence[Product], grid: Grid) -> list[bool]:
    """Return which products overlap a grid.

    Raises:
        ValueError: none does.
    """
    shown = [overlap(bounds_in(p.footprint, p.crs, grid.crs), grid.bounds) is not None for p in products]
    if not any(shown):
        raise ValueError(
            f"{products[0].path}{_and_others(products)} does not overlap the grid: give a grid inside its footprint"
        )
    return shown


def _window(product: Product, window: tuple[int, int, int, int]) -> Grid:
    row, column, height, width = window
    rows, columns = product.grid.shape
    if min(row, column) < 0 or min(height, width) < 1 or row + height > rows or column + width > columns:
        raise ValueError(
            f"{product.path}: window {window} (row, column, height, width) leaves its {rows} x {columns} px: "
            "give a window inside"
        )
    return product.grid.part(row, column, height, width)


def _crs(bounds: Bounds, bounds_crs: str) -> CRS:
    from rasterio.errors import CRSError

    left, bottom, right, top = bounds
    if not (left < right and bottom < top):
        raise ValueError(f"got bounds {bounds}, expected left < right and bottom < top")
    try:
        return CRS.from_user_input(bounds_crs)
    except (CRSError, ValueError) as error:
        raise ValueError(f"got bounds_crs {bounds_crs!r} ({error}), expected such as EPSG:4326") from None


def _nothing_covers(products: Sequence[Product], bounds: Bounds, crs: CRS) -> ValueError:
    first = products[0]
    inside = ", ".join(f"{v:.6g}" for v in bounds_in(first.footprint, first.crs, crs))
    return ValueError(
        f"{first.path}{_and_others(products)} does not overlap the bounds {bounds}: give bounds inside ({inside}), "
        "or set bounds_crs"
    )


def _and_others(products: Sequence[Product]) -> str:
    return f" (and {len(products) - 1} more)" if len(products) > 1 else ""
