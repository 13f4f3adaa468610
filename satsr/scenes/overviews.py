"""Smaller and smaller versions of a raster, each half of the one before, made block by block.

GDAL's own take memory that grows with the width of the image, several hundred MB for a whole scene.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from satsr.scenes.block_file import TILE_PX, Block, BlockFile, Layout
from satsr.scenes.mosaic import write_mosaic


def write_overviews(blocks: BlockFile) -> list[Path]:
    """Make the overviews of a raster, until one fits into a tile.

    Args:
        blocks: none missing; the overviews come into their folder.

    Returns:
        Their mosaics, the largest first.

    Raises:
        OSError: they cannot be written.
    """
    mosaics: list[Path] = []
    larger, layout = write_mosaic(blocks), blocks.layout
    while max(layout.height, layout.width) > TILE_PX:
        layout = _half(layout)
        name = blocks.folder / f"level-{len(mosaics) + 1}.tif"
        with BlockFile.open(name, layout, "", block_px=blocks.block_px, anew=True) as level:
            _fill(level, larger)
            larger = write_mosaic(level)
        mosaics.append(larger)
    return mosaics


def halved(image: NDArray[Any], shown: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the means of 2 x 2 pixels over those that show something, and where there is one.

    Args:
        image: (C, h, w).
        shown: bool (h, w).

    Returns:
        The image (C, ceil(h / 2), ceil(w / 2)) in the same dtype, and its mask.
    """
    odd = [(0, n % 2) for n in shown.shape]
    seen = _quarters(np.pad(shown, odd))
    count = np.sum(seen, axis=0)
    small = np.zeros((len(image), *count.shape), image.dtype)
    for band, of_band in zip(small, image, strict=True):
        parts = np.where(seen, _quarters(np.pad(of_band, odd)), 0)
        mean = parts.sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
        band[:] = mean if image.dtype.kind == "f" else np.floor(mean + 0.5)
    return small, count > 0


def _quarters(image: NDArray[Any]) -> list[NDArray[Any]]:
    return [image[row::2, column::2] for row in (0, 1) for column in (0, 1)]


def _half(layout: Layout) -> Layout:
    height, width = -(-layout.height // 2), -(-layout.width // 2)
    scale = Affine.scale(layout.width / width, layout.height / height)
    return replace(layout, height=height, width=width, transform=layout.transform @ scale)


def _fill(level: BlockFile, larger: Path) -> None:
    import rasterio

    with rasterio.open(larger) as file:
        for block in level.blocks():
            window = _window(block, file.shape)
            level.write(block, *halved(file.read(window=window), file.read_masks(1, window=window) > 0))


def _window(block: Block, shape: tuple[int, int]) -> Any:
    from rasterio.windows import Window

    row, column = 2 * block.row, 2 * block.column
    return Window(column, row, min(2 * block.width, shape[1] - column), min(2 * block.height, shape[0] - row))
