"""From finished blocks to a Cloud-Optimized GeoTIFF that takes its name when it is whole.

GDAL's own COG driver writes it, in memory that does not grow with the image; rio-cogeo checks it.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from satsr.common.provenance import usable_cores
from satsr.common.writing import write_whole
from satsr.data.rasters import open_raster
from satsr.scenes.block_file import TILE_PX, Block, BlockFile, Layout, crc, item_path, predictor
from satsr.scenes.mosaic import write_mosaic
from satsr.scenes.overviews import write_overviews

# By default GDAL's block cache takes a twentieth of the machine's memory. Each open file holds a tile beside it.
SMALL = {"GDAL_MAX_DATASET_POOL_SIZE": 8, "GDAL_DISABLE_READDIR_ON_OPEN": True}
CACHE_MB = 64  # of the process that writes
CACHE_BYTES = 1_000_000  # of this one, which reads every tile once. To rasterio a number is bytes, however small
MOST_THREADS = 4  # each holds tiles that it compresses
COPY = "import json, sys; from rasterio import shutil; shutil.copy(*sys.argv[1:3], **json.loads(sys.argv[3]))"
LIBTIFF = "_tiff"  # how its lines begin, such as `_tiffWriteProc: No space left on device.`

Compression = Literal["deflate", "zstd"]


def finish(
    blocks: BlockFile,
    *,
    tags: Mapping[str, str] = MappingProxyType({}),
    compression: Compression = "deflate",
    item: Callable[[Path], str] | None = None,
) -> Path:
    """Make the final file of blocks that are all written, check it, give it its name, and remove the blocks.

    Args:
        blocks: none missing.
        tags: of the data set.
        compression: without loss; ZSTD is read faster, and not by every program.
        item: makes the text of the record beside it, `OUT.json`, from the finished file under its name in another
            folder. The file takes its place first, then the record.

    Returns:
        The final file.

    Raises:
        ValueError: blocks are missing.
        OSError: it cannot be written, or does not hold what was written; what had the name stays, and so do the blocks.
    """
    if missing := blocks.missing():
        raise ValueError(f"{len(missing)} of {len(blocks.blocks())} blocks of {blocks.path} are missing: write them")
    path = blocks.path
    made = blocks.folder / path.name
    try:
        _translate(blocks, made, tags, compression)
        _check(blocks, made)
        if item is not None:
            write_whole(item_path(made), item(made))
        os.replace(made, path)
    except BaseException:
        made.unlink(missing_ok=True)  # it takes room that the next try needs
        raise
    if item is not None:
        os.replace(item_path(made), item_path(path))
    blocks.remove()
    return path


def _translate(blocks: BlockFile, made: Path, tags: Mapping[str, str], compression: Compression) -> None:
    """Write the file, in a process of its own.

    There GDAL's memory is as small as told, whatever this process did with rasters before; Ctrl-C ends it; and what
    libtiff prints can be read. The child keeps the journal's lock for as long as it lives.

    Raises:
        OSError: it cannot be written, with the system's own reason where there is one.
    """
    import rasterio

    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, **SMALL):
        mosaic = write_mosaic(blocks, tags, write_overviews(blocks))
    for left in blocks.folder.glob(f"{glob.escape(made.name)}*"):  # of a run that was stopped here
        left.unlink()
    options = json.dumps(_creation(blocks.layout, compression))
    done = subprocess.run(
        [sys.executable, "-P", "-c", COPY, mosaic, made, options],
        env={**os.environ, **{name: str(value) for name, value in SMALL.items()}, "GDAL_CACHEMAX": str(CACHE_MB)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        pass_fds=[blocks.lock],
    )
    said = done.stderr.decode(errors="replace").split("\n")
    # On a full disk GDAL with several threads may end as if all were well; libtiff's lines tell.
    if done.returncode or any(line.startswith(LIBTIFF) for line in said):
        raise _failure(blocks.path, said, done.returncode)


def _creation(layout: Layout, compression: Compression) -> dict[str, object]:
    return {
        "driver": "COG",
        "blocksize": TILE_PX,
        "compress": compression.upper(),
        "predictor": predictor(layout.dtype),
        "overviews": "force_use_existing",
        "bigtiff": "if_safer",
        "num_threads": min(MOST_THREADS, usable_cores()),
    }


def _check(blocks: BlockFile, made: Path) -> None:
    """See that the file is cloud-optimized and holds the pixels that the journal noted.

    Raises:
        OSError: it does not.
    """
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, **SMALL):
            wrong = _wrong(blocks, made)
    except (RasterioError, ValueError) as error:
        wrong = str(error)
    if wrong:
        raise OSError(f"{blocks.path} was not written as it should be ({wrong}): look at the disk")


def _wrong(blocks: BlockFile, made: Path) -> str:
    from rio_cogeo import cog_validate

    valid, errors, _ = cog_validate(made, quiet=True)
    if not valid:
        return "; ".join(errors)
    with open_raster(made) as file:
        if differs := _differing(blocks.layout, file):
            return "; ".join(differs)
        return next((f"pixels of {block}" for block in blocks.blocks() if not _is_same(blocks, block, file)), "")


def _differing(layout: Layout, file: Any) -> list[str]:
    scale = [band.scale for band in layout.bands]
    expected = {
        "size": ((layout.height, layout.width), file.shape),
        "bands": (tuple(band.name for band in layout.bands), file.descriptions),
        "dtype": ({layout.dtype}, set(file.dtypes)),
        "transform": (tuple(layout.transform), tuple(file.transform)),
        "CRS": (layout.crs, file.crs),
        "no data": (_text(layout.nodata), _text(file.nodata)),
        "scale": (scale, list(file.scales)),
    }
    return [f"{name} {there}, expected {wanted}" for name, (wanted, there) in expected.items() if wanted != there]


def _text(number: float | None) -> str:
    return str(number if number is None else float(number))  # so that NaN equals itself


def _is_same(blocks: BlockFile, block: Block, file: Any) -> bool:
    from rasterio.windows import Window

    noted, window = blocks.done(block), Window(block.column, block.row, block.width, block.height)
    if crc(file.read(window=window)) != noted.pixels:
        return False
    return blocks.layout.nodata is not None or crc(file.read_masks(1, window=window) > 0) == noted.mask


def _failure(path: Path, said: Sequence[str], code: int) -> OSError:
    """Return the system's own reason, which only libtiff's lines hold, or else the last that was said."""
    reasons = {os.strerror(number): number for number in errno.errorcode}
    for line in said:
        reason = line.partition(": ")[2].rstrip(".")
        if line.startswith(LIBTIFF) and reason in reasons:
            return OSError(reasons[reason], reason, str(path))
    last = next((line for line in reversed(said) if line.strip()), f"the process ended with {code}")
    return OSError(f"{path} cannot be written: {last}")
