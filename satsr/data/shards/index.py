"""The index of a data set, `index.parquet`: one row per place, opened in a moment however many there are.

Columns are read when they are asked for and stay in Arrow's form: 1.2 million names as Python strings would take
a hundred megabytes in every process that loads data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from satsr.common.reading_text import readable
from satsr.common.writing import whole_file

INDEX_FILE = "index.parquet"


class Names(Sequence[str]):
    """A column of strings as a sequence; none of them is a Python string before it is asked for."""

    def __init__(self, column: pa.Array) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Names: ...
    def __getitem__(self, place: int | slice) -> str | Names:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            return Names(self._column.take(pa.array(range(start, stop, step), pa.int64())))
        if not -len(self) <= place < len(self):
            raise IndexError(f"got place {place}, expected one below {len(self)}")
        name: str = self._column[place % len(self)].as_py()
        return name

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), 4096):
            yield from self._column.slice(start, 4096).to_pylist()

    def number(self, name: str) -> int:
        """Return where a name stands; the column is sorted.

        Raises:
            KeyError: no such name.
        """
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self[middle] < name else (low, middle)
        if low == len(self) or self[low] != name:
            raise KeyError(f"got tile {name!r}, expected one of the {len(self)} in the index")
        return low


class TileIndex:
    """An index on disk.

    Args:
        path: the Parquet file.
        split: only its rows; None for all of them.

    Raises:
        FileNotFoundError: no such file.
    """

    def __init__(self, path: Path, split: str | None = None) -> None:
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: `satsr data check` writes it for a data set")
        self._path, self._split = path, split
        self._columns: dict[str, pa.Array] = {}

    @property
    def tiles(self) -> Names:
        """Names of all places, sorted."""
        return Names(self.column("tile"))

    def column(self, name: str) -> pa.Array:
        """Return one column, read once."""
        if name not in self._columns:
            wanted = None if self._split is None else pc.field("split") == self._split
            with readable(self._path, f"an index with the column {name}", "make it again, as its data set was"):
                table = pq.read_table(self._path, columns=[name], filters=wanted, memory_map=True)
            column = table.column(0).combine_chunks()
            self._columns[name] = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        return self._columns[name]

    def value(self, tile: str, name: str) -> Any:
        """Return one column's value of a place."""
        return self.column(name)[self.tiles.number(tile)].as_py()


def write_index(path: Path, columns: Mapping[str, Sequence[object] | pa.Array]) -> None:
    """Write an index whose rows are sorted by tile, equal bytes for equal columns.

    Raises:
        OSError: it cannot be written; an earlier one stays.
    """
    table = pa.table({name: column for name, column in columns.items()})
    with whole_file(path) as partial:
        pq.write_table(table, partial, compression="zstd")
