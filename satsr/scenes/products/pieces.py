"""The pieces of a pass as one frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satsr.scenes.products.clouds import hidden
from satsr.scenes.products.grid import Grid
from satsr.scenes.products.passes import Pass
from satsr.scenes.products.sentinel2 import Product

# A product on a grid: values (h, w, C), 0 without data, and bool (h, w) where every band has data.
Reader = Callable[[Product, Grid], tuple[NDArray[Any], NDArray[np.bool_]]]


class Frame(NamedTuple):
    """One date on a grid.

    Attributes:
        image: (h, w, C), 0 without data; where one band alone has data, it stays to be seen.
        shown: bool (h, w), all bands have data.
        clear: bool (h, w), and no cloud.
    """

    image: NDArray[Any]
    shown: NDArray[np.bool_]
    clear: NDArray[np.bool_]


def read_pass(of: Pass, grid: Grid, reader: Reader) -> Frame:
    """Read a pass on a grid: of several pieces that show a pixel, the first one does."""
    image: NDArray[Any] | None = None
    shown, clear = np.zeros(grid.shape, bool), np.zeros(grid.shape, bool)
    for piece in of.pieces:
        own, inside = reader(piece.product, grid)
        masks = hidden(piece.product, grid, piece.clouds)
        own[masks.empty] = 0
        new = inside & ~masks.empty & ~shown
        if image is None:
            image = own
        else:
            taken = new | ~image.any(axis=-1)
            image[taken] = own[taken]
        clear |= new if masks.clouds is None else new & ~masks.clouds
        shown |= new
        if shown.all():
            break
    assert image is not None, "a pass has pieces"
    return Frame(image, shown, clear)
