"""Files of a data set by name, from an unpacked folder or straight from its tar shards, which are not unpacked.

A member of an uncompressed tar is a run of bytes in it. An index of all members (name, shard, offset, size) is built
once from the tar headers and kept as a parquet file beside the shards; a file is then one seek and one read.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from satsr.common.stray import own_files
from satsr.common.writing import whole_file
from satsr.data.images import AGAIN, open_image
from satsr.data.rasters import open_raster

if TYPE_CHECKING:
    import pandas as pd

INDEX_FILE = "members.parquet"  # this project's sidecar
END_BYTES = 1024  # a tar ends with two empty blocks of 512 bytes (POSIX pax)
COLUMNS = ("name", "shard", "offset", "size", "shard_bytes")


class Files(Protocol):
    """What a reader needs of a data set's files; names are relative, with `/`."""

    def open(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError, ValueError: there is no such file, or it is cut short.
        """

    def names(self, kind: str) -> list[str]:
        """Return the names of the files directly in the folder `kind`, sorted, without the folder."""

    def path(self, name: str) -> Path:
        """Return the file on disk that holds the bytes."""


class FolderFiles:
    """Files of an unpacked data set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, name: str) -> bytes:
        """Return a file's bytes."""
        try:
            return self.path(name).read_bytes()
        except FileNotFoundError:
            raise FileNotFoundError(f"{self.path(name)} is missing: download or unpack that file again") from None

    def names(self, kind: str) -> list[str]:
        """Return the names of the files in the folder `kind`."""
        folder = self.folder / kind
        return [path.name for path in own_files(folder, "*") if path.is_file()]

    def path(self, name: str) -> Path:
        """Return the file itself."""
        return self.folder / name


class TarFiles:
    """Files of a data set in tar shards.

    Args:
        folder: what shards are named relative to; the index is kept in it.
        shards: the tar files, in any folders below.

    Raises:
        ValueError: a shard is truncated or not a tar.
    """

    def __init__(self, folder: Path, shards: Iterable[Path]) -> None:
        self.folder = folder
        self.index = members(folder, shards).drop_duplicates("name").set_index("name").sort_index()

    def open(self, name: str) -> bytes:
        """Return a member's bytes."""
        path = self.path(name)
        row = self.index.loc[[name]]
        offset, size = int(row["offset"].iloc[0]), int(row["size"].iloc[0])
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(size)
        if len(data) < size:
            raise ValueError(f"{path}: {len(data)} bytes of {name}, expected {size}: download that shard again")
        return data

    def names(self, kind: str) -> list[str]:
        """Return the names of the members in the folder `kind`."""
        inside = self.index.index[self.index.index.str.startswith(f"{kind}/")]
        return [name.removeprefix(f"{kind}/") for name in inside]

    def path(self, name: str) -> Path:
        """Return the shard that holds a member."""
        if name not in self.index.index:
            raise FileNotFoundError(f"{self.folder}: no shard holds {name}: download the shard that does")
        return self.folder / str(self.index.loc[name, "shard"])


def members(folder: Path, shards: Iterable[Path]) -> pd.DataFrame:
    """Return where every member of the shards lies; only shards that are new or of another size are read.

    Returns:
        One row per member: name, shard (relative to the folder), offset and size in bytes, bytes of the shard.

    Raises:
        ValueError: a shard is truncated or not a tar, or the index cannot be read.
    """
    import pandas as pd

    path = folder / INDEX_FILE
    known = _read(path) if path.is_file() else pd.DataFrame(columns=list(COLUMNS))
    sizes = {shard.relative_to(folder).as_posix(): shard.stat().st_size for shard in shards}
    kept = known[known.shard.map(sizes) == known.shard_bytes]
    new = sorted(set(sizes) - set(kept.shard))
    if not new and len(kept) == len(known):
        return known
    rows = [row for shard in new for row in _headers(folder, shard, sizes[shard])]
    found = pd.concat([*([kept] if len(kept) else []), pd.DataFrame(rows, columns=list(COLUMNS))], ignore_index=True)
    with whole_file(path) as unfinished:  # an interrupted run leaves the old index or none
        found.to_parquet(unfinished)
    return found


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path, columns=list(COLUMNS))
    except (ValueError, LookupError, OSError) as error:  # pyarrow's own errors are among them
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} cannot be read ({reason}): delete it, it is built again") from None


def _headers(folder: Path, shard: str, size: int) -> list[tuple[str, str, int, int, int]]:
    """Return the members of one shard, without reading their data."""
    path = folder / shard
    try:
        with tarfile.open(path, "r:") as tar:
            found = [(m.name, shard, m.offset_data, m.size, size) for m in tar if m.isfile()]
    except tarfile.TarError as error:
        raise ValueError(f"{path} is truncated or not a tar ({error}): download that shard again") from None
    if _tail(path, size).strip(b"\0") or size < END_BYTES:  # cut between two members: tarfile sees no error
        raise ValueError(f"{path} is truncated (no end of archive): download that shard again")
    return found


def _tail(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(size - END_BYTES, 0))
        return file.read()


def decode_tiff(name: str, data: bytes) -> NDArray[np.uint16]:
    """Return all bands of a 16-bit GeoTIFF, (C, h, w).

    Raises:
        ValueError: the bytes are truncated, no TIFF, or not whole numbers.
    """
    with open_raster(data, name) as file:
        if any(np.dtype(kind).kind == "f" for kind in file.dtypes):
            raise ValueError(f"{name}: got {file.dtypes[0]}, expected 16-bit whole numbers: {AGAIN}")
        return file.read()


def decode_png(name: str, data: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return an 8-bit PNG of a known shape; a fourth channel is read as it is, not as transparency.

    Raises:
        ValueError: the bytes are truncated, no PNG, or of another shape.
    """
    with open_image(data, name) as file:
        image = np.asarray(file)
    if image.shape != shape or image.dtype != np.uint8:
        raise ValueError(f"{name}: expected {shape} of 8 bits, got {image.shape}: download that file again")
    return image
