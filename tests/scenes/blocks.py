"""A small raster in blocks, and the record of how it came to be, for the tests of what is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from satsr.scenes.block_file import Band, Block, BlockFile, Layout
from satsr.scenes.cog import finish
from satsr.scenes.item import item_text
from satsr.scenes.record import Input, Model, Record

SHAPE = (514, 1101)
CORNER = (399_960.123456789, 5_600_000.1)
PLACE = Affine(2.5, 0, CORNER[0], 0, -2.5, CORNER[1])
BANDS = (*(Band(name, name, 1e-4) for name in ("red", "green", "blue")), Band("b08", "undefined", 1e-4))
BLOCK_PX = 512
KEY = "key of the job"


def layout(**changes: Any) -> Layout:
    facts = {"height": SHAPE[0], "width": SHAPE[1], "bands": BANDS, "dtype": "uint16", "crs": CRS.from_epsg(32633)}
    return Layout(**{**facts, "transform": PLACE, **changes})


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return reflectance in counts (C, h, w), smooth with noise, and where it shows something."""
    rng = np.random.default_rng(seed)
    smooth = np.add.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1])) + 1000 * np.arange(1, 5)[:, None, None]
    shown = rng.random(SHAPE) > 0.2
    shown[:200, :600] = False
    return (smooth + rng.integers(0, 4, smooth.shape)).astype(np.uint16), shown


def cut(block: Block) -> tuple[slice, slice]:
    return slice(block.row, block.row + block.height), slice(block.column, block.column + block.width)


def opened(path: Path, key: str = KEY, **options: Any) -> BlockFile:
    changes = options.pop("changes", {})
    return BlockFile.open(path, layout(**changes), key, block_px=BLOCK_PX, **options)


def fill(blocks: BlockFile, most: int = 1000, seed: int = 0) -> None:
    image, shown = scene(seed)
    for block in blocks.missing()[:most]:
        blocks.write(block, image[:, *cut(block)], shown[cut(block)])


@contextmanager
def filled(path: Path, **options: Any) -> Iterator[BlockFile]:
    with opened(path, **options) as blocks:
        fill(blocks)
        yield blocks


def record(**changes: Any) -> Record:
    inputs = (
        Input("S2A_MSIL2A_20200601.SAFE", "ab" * 32, date(2020, 6, 1)),
        Input("S2B_MSIL2A_20200606.SAFE", "cd" * 32, date(2020, 6, 6)),
        Input("S2A_MSIL2A_20200611.SAFE", "ef" * 32, date(2020, 6, 11), "left out: cloudy"),
    )
    facts: dict[str, Any] = {"title": "Rügen <& more>", "inputs": inputs, "model": Model("esrgan", "01" * 32, {})}
    facts |= {"options": {"dates": 2}, "dates": (date(2020, 6, 1), date(2020, 6, 6)), "window_px": 64, "halo_px": 8}
    facts |= {
        "clipped": 0.001,
        "version": "0.1.0",
        "commit": "abc",
        "created": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return Record(**{**facts, **changes})


def finished(path: Path, about: Record | None = None, **options: Any) -> Path:
    """Write an image and the item beside it."""
    about = about or record()
    with filled(path, **options) as blocks:
        return finish(blocks, tags=about.tags(), item=lambda made: item_text(made, about))
