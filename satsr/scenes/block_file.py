"""A raster that is filled block by block, stopped at any moment, and gone on with later.

Every block is a small GeoTIFF of its own in a folder beside the final name. It takes its name when it is whole, and
then one line of a journal says that it is done, with what its bytes and its pixels must be. Whatever a kill leaves
behind is a block that is done or one that is not, so going on gives the pixels of a run that was never stopped.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from satsr.data.rasters import write_geotiff

BLOCK_PX = 1024
TILE_PX = 512  # inside a block as in the final file
JOURNAL = "journal.jsonl"
COLLECTION = "collection.json"  # in the folder of many images
SUFFIXES = (".tif", ".tiff")
FORMAT = 1  # of the folder; one of another format is not gone on with
DTYPES = ("uint8", "int8", "uint16", "int16", "float32")


class Block(NamedTuple):
    """A part of the raster in pixels."""

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True)
class Band:
    """What a band shows: `value = number * scale + offset`.

    Attributes:
        name: such as `red`.
        colour: its colour interpretation: `red`, `green`, `blue`, `gray`, `nir` or `undefined`.
        scale: such as 1e-4 for 16-bit reflectance.
        offset: in the unit.
        unit: of the value; empty for one without, as reflectance.
    """

    name: str
    colour: str = "undefined"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""


@dataclass(frozen=True)
class Layout:
    """What raster it is.

    Attributes:
        height: rows.
        width: columns.
        bands: at least one.
        dtype: of all bands, such as `uint16`.
        crs: of the coordinates.
        transform: from column and row to x and y.
        nodata: the number that says that a pixel shows nothing; None for a mask inside the file.

    Raises:
        ValueError: there is no such raster.
    """

    height: int
    width: int
    bands: tuple[Band, ...]
    dtype: str
    crs: CRS
    transform: Affine
    nodata: float | None = None

    def __post_init__(self) -> None:
        if min(self.height, self.width, len(self.bands)) < 1:
            raise ValueError(f"got {self.height} x {self.width} px of {len(self.bands)} bands, expected at least one")
        if self.dtype not in DTYPES:
            raise ValueError(f"got {self.dtype}, expected one of {', '.join(DTYPES)}")
        if self.nodata is not None and not _holds(self.dtype, self.nodata):
            raise ValueError(f"got {self.nodata} for no data, expected a number that {self.dtype} holds")

    def facts(self) -> dict[str, Any]:
        """Return what a journal says of it: two layouts are one where these are equal."""
        whole = {name: getattr(self, name) for name in ("height", "width", "dtype")}
        bands = [asdict(band) for band in self.bands]
        place = {"crs": self.crs.to_wkt(), "transform": list(self.transform)[:6]}
        return {**whole, "bands": bands, **place, "nodata": None if self.nodata is None else repr(float(self.nodata))}


@dataclass(frozen=True)
class Done:
    """What the journal says of a block: CRC-32 of the file's bytes, of its pixels, and of its mask."""

    file: int
    pixels: int
    mask: int


class BlockFile:
    """Blocks of a raster on disk, in `.NAME.partial` beside the final name; see `open`."""

    def __init__(self, path: Path, layout: Layout, block_px: int, journal: IO[bytes], done: dict[Block, Done]) -> None:
        self.path, self.layout, self.block_px = path, layout, block_px
        self._journal, self._done = journal, done

    @classmethod
    def open(
        cls,
        path: Path,
        layout: Layout,
        key: str,
        *,
        block_px: int = BLOCK_PX,
        overwrite: bool = False,
        anew: bool = False,
    ) -> Self:
        """Begin a raster, or go on where an earlier run of the same job was stopped.

        Args:
            path: of the final file, `.tif`, or of a folder of many, without an ending; nothing stands there before
                `finish`.
            layout: what it will be.
            key: of the whole job: a digest of inputs, model and options.
            block_px: side of a block; those at the right and at the bottom are smaller.
            overwrite: replace a final file, and its record, when the new ones are whole.
            anew: throw away what an earlier run left, whatever job it was.

        Raises:
            FileExistsError: the final file is there, or its record; nothing was touched.
            ValueError: the name is not that of a GeoTIFF or a folder, or another job was stopped there.
            BlockingIOError: another process is writing it.
            OSError: the folder cannot be written.
        """
        path = path.resolve()  # a link stays one
        _check_name(path)
        refuse_existing(path, overwrite)
        folder = folder_of(path)
        folder.mkdir(parents=True, exist_ok=True)
        journal = _locked(folder / JOURNAL, path)
        try:
            header = {"format": FORMAT, "key": key, "block_px": block_px, **layout.facts()}
            done = _resume(journal, folder, path, header, anew)
        except BaseException:
            journal.close()
            raise
        return cls(path, layout, block_px, journal, done)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let another process go on with it."""
        self._journal.close()

    @property
    def folder(self) -> Path:
        """Where the blocks are."""
        return folder_of(self.path)

    @property
    def lock(self) -> int:
        """The open file that keeps other processes away; a child that gets it keeps them away too."""
        return self._journal.fileno()

    def blocks(self) -> list[Block]:
        """Return all blocks, row by row."""
        px, layout = self.block_px, self.layout
        return [
            self._block(row, column) for row in range(0, layout.height, px) for column in range(0, layout.width, px)
        ]

    def missing(self) -> list[Block]:
        """Return the blocks that are still to be written, row by row."""
        return [block for block in self.blocks() if block not in self._done]

    def done(self, block: Block) -> Done:
        """Return what was noted of a block that is written."""
        return self._done[block]

    def file(self, block: Block) -> Path:
        """Return where a block is kept."""
        return self.folder / f"{block.row}-{block.column}.tif"

    def write(self, block: Block, image: NDArray[Any], shown: NDArray[np.bool_] | None = None) -> None:
        """Keep a block; when this returns, a kill does not lose it.

        Args:
            block: one of `blocks()`.
            image: (C, h, w), see `store`.
            shown: bool (h, w), likewise.

        Raises:
            ValueError: there is no such block, the image does not fit it, or a shown pixel is not a number.
            OSError: it cannot be written, with the system's own reason; the blocks before stay.
        """
        self._check_block(block)
        self._note(block, store(self.file(block), self.layout, block, image, shown))

    def take(self, block: Block, stored: Path, done: Done) -> None:
        """Keep a block that another process stored; when this returns, a kill does not lose it.

        Args:
            block: one of `blocks()`.
            stored: its file, on the file system of the blocks' folder.
            done: what `store` returned.

        Raises:
            ValueError: there is no such block.
            FileNotFoundError: the file is not there.
            OSError: the block cannot be kept, with the system's own reason.
        """
        self._check_block(block)
        os.replace(stored, self.file(block))
        self._note(block, done)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _note(self, block: Block, done: Done) -> None:
        self._journal.write(_line({"block": block, **asdict(done)}))
        self._journal.flush()
        self._done[block] = done

    def _check_block(self, block: Block) -> None:
        px, layout = self.block_px, self.layout
        inside = 0 <= block.row < layout.height and 0 <= block.column < layout.width
        on_lattice = block.row % px == 0 and block.column % px == 0
        if not (inside and on_lattice and block == self._block(block.row, block.column)):
            raise ValueError(f"got {block}, expected one of blocks()")

    def _block(self, row: int, column: int) -> Block:
        px, layout = self.block_px, self.layout
        return Block(row, column, min(px, layout.height - row), min(px, layout.width - column))


def store(
    path: Path, layout: Layout, block: Block, image: NDArray[Any], shown: NDArray[np.bool_] | None = None
) -> Done:
    """Write a block's file, which any process may do; it is kept when the one that has the journal notes it.

    Under the mask pixels become 0, so that nothing made up hides there. Where a number stands for no data instead,
    they become that number, and a pixel that shows something and happens to have it takes the next one.

    Args:
        path: of the file.
        layout: of the raster.
        block: which part of it.
        image: (C, h, w) in the layout's dtype.
        shown: bool (h, w), pixels that show something; None for all.

    Returns:
        What to note.

    Raises:
        ValueError: the image does not fit the block, or a shown pixel is not a number.
        OSError: it cannot be written, with the system's own reason.
    """
    image, shown = _checked(layout, block, image, shown)
    image = _hide(image, shown, layout.nodata)
    place = layout.transform @ Affine.translation(block.column, block.row)
    # By band: a tile of all bands that GDAL keeps for each open file would be several times as large.
    kind: dict[str, Any] = {"tiled": True, "interleave": "band", "blockxsize": TILE_PX, "blockysize": TILE_PX}
    kind |= {"nodata": layout.nodata, "zlevel": 1, "predictor": predictor(layout.dtype)}
    write_geotiff(path, image, layout.crs, place, mask=shown if layout.nodata is None else None, **kind)
    # No fsync: what a power cut takes of the file shows by its CRC.
    return Done(zlib.crc32(path.read_bytes()), crc(image), crc(shown))


def _checked(
    layout: Layout, block: Block, image: NDArray[Any], shown: NDArray[np.bool_] | None
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    expected = (len(layout.bands), block.height, block.width)
    if image.shape != expected or image.dtype != layout.dtype:
        raise ValueError(f"got {image.dtype} {image.shape}, expected {layout.dtype} {expected}")
    shown = np.ones(expected[1:], bool) if shown is None else shown
    if shown.shape != expected[1:] or shown.dtype != bool:
        raise ValueError(f"got a mask {shown.dtype} {shown.shape}, expected bool {expected[1:]}")
    if image.dtype.kind == "f" and not np.isfinite(image[:, shown]).all():
        raise ValueError(f"got NaN or infinity at row {block.row}, column {block.column}: mask such pixels")
    return image, shown


def _holds(dtype: str, number: float) -> bool:
    if np.dtype(dtype).kind == "f":
        return True
    limits = np.iinfo(dtype)
    return float(number).is_integer() and limits.min <= number <= limits.max


def folder_of(path: Path) -> Path:
    """Return where blocks of a final file are kept."""
    return path.with_name(f".{path.name}.partial")


def item_path(path: Path) -> Path:
    """Return where the record of a final file lies: `OUT.json` of `OUT.tif`."""
    return path.with_suffix(".json")


def is_folder(path: Path) -> bool:
    """Return whether an output is a folder of many images: its name has no ending."""
    return not path.suffix


def refuse_existing(path: Path, overwrite: bool) -> None:
    """See that neither a file nor its record is there, unless they are to be replaced; likewise a folder of images.

    Raises:
        FileExistsError: one of them is there, or something else has the name.
    """
    if is_folder(path) and path.exists() and not (path / COLLECTION).is_file():
        raise FileExistsError(f"{path} is there and holds no {COLLECTION}: give another name, which is not replaced")
    for there in (path,) if is_folder(path) else (path, item_path(path)):
        if there.is_dir() and not is_folder(path):
            raise FileExistsError(f"{there} is a folder: give another name")
        if there.exists() and not overwrite:
            raise FileExistsError(f"{there} is there already: give another name, or replace it (--overwrite)")


def predictor(dtype: str) -> int:
    """Return TIFF's predictor: differences of whole numbers, or bytes of floating-point ones."""
    return 3 if np.dtype(dtype).kind == "f" else 2


def crc(values: NDArray[Any]) -> int:
    """Return the CRC-32 of an array's bytes."""
    return zlib.crc32(np.ascontiguousarray(values).view(np.uint8).data)


def _check_name(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES and not is_folder(path):
        raise ValueError(
            f"got {path.name}, expected a name that ends in .tif, or one without an ending for a folder of many images"
        )


def _hide(image: NDArray[Any], shown: NDArray[np.bool_], nodata: float | None) -> NDArray[Any]:
    image = np.array(image)
    if nodata is not None and not math.isnan(nodata):
        image[:, shown] = np.where(image[:, shown] == nodata, _beside(nodata, image.dtype), image[:, shown])
    image[:, ~shown] = 0 if nodata is None else nodata
    return image


def _beside(nodata: float, dtype: np.dtype[Any]) -> Any:
    """Return the number next to one: above it, or below the largest."""
    if dtype.kind == "f":
        return np.nextafter(dtype.type(nodata), dtype.type(np.inf))
    return nodata + 1 if nodata < np.iinfo(dtype).max else nodata - 1


def _locked(file: Path, path: Path) -> IO[bytes]:
    """Open the journal for this process alone; the system forgets the lock when the process ends, however it does."""
    journal = file.open("a+b")
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        journal.close()
        raise BlockingIOError(
            f"{path} is being written by another process: wait for it, or give another name"
        ) from None
    return journal


def _resume(journal: IO[bytes], folder: Path, path: Path, header: Mapping[str, Any], anew: bool) -> dict[Block, Done]:
    """Return the blocks that an earlier run of this job finished; a journal without any is begun."""
    lines, good = _read(journal)
    if lines and not anew:
        if lines[0] != header:
            raise ValueError(_other_job(path, lines[0], header))
        journal.truncate(good)  # a line that a kill cut short
        noted = {Block(*line.pop("block")): Done(**line) for line in lines[1:]}
        return {block: done for block, done in noted.items() if _is_whole(folder, block, done)}
    for old in folder.iterdir():
        if old.name != JOURNAL:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    journal.truncate(0)
    journal.write(_line(header))
    journal.flush()
    return {}


def _read(journal: IO[bytes]) -> tuple[list[dict[str, Any]], int]:
    """Return what the lines say, up to the first that is not whole, and how many bytes they take."""
    journal.seek(0)
    lines, good = [], 0
    for line in journal:
        try:
            said = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            said = None
        if not isinstance(said, dict):
            break
        lines.append(said)
        good += len(line)
    return lines, good


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _is_whole(folder: Path, block: Block, done: Done) -> bool:
    try:
        return zlib.crc32((folder / f"{block.row}-{block.column}.tif").read_bytes()) == done.file
    except OSError:
        return False


def _other_job(path: Path, there: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    differs = [name for name in header if name != "key" and there.get(name) != header[name]]
    what = ", ".join(differs) or "inputs, model or options"
    return (
        f"a run with other {what} was stopped on the way to {path}: run it as it was, "
        f"or begin anew (anew=True, or --no-resume), which removes {os.path.relpath(folder_of(path))}"
    )
