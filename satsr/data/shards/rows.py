"""Rows of the sharded form: their columns, and how a sample becomes one and is viewed again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from satsr.data.reader import Reader, Sample

MASKS = ("valid", "good", "hr_valid")
_BYTES, _SHAPE = pa.large_binary(), pa.list_(pa.int32())
SCHEMA = pa.schema(
    [
        ("tile", pa.string()),
        ("region", pa.string()),
        ("series", _BYTES),
        ("series_shape", _SHAPE),
        ("valid", _BYTES),
        ("good", _BYTES),
        ("days", _BYTES),
        ("hr", _BYTES),
        ("hr_shape", _SHAPE),
        ("hr_valid", _BYTES),
        ("day", pa.float64()),
        ("white", pa.float64()),
        ("hr_white", pa.float64()),
        ("weight", pa.float64()),
        ("unusable", pa.string()),
    ]
)
INDEX = pa.schema(
    [
        ("tile", pa.string()),
        ("region", pa.string()),
        ("frames", pa.int32()),
        ("good_frames", pa.int32()),
        ("unusable", pa.string()),
        ("weight", pa.float64()),
        ("corner_row", pa.int64()),
        ("corner_column", pa.int64()),
        ("x_m", pa.float64()),
        ("y_m", pa.float64()),
    ]
)


def batch_of(reader: Reader, tiles: list[str], samples: list[Sample]) -> pa.RecordBatch:
    """Return some places as rows of the schema."""
    columns: dict[str, list[Any]] = {
        "tile": tiles,
        "region": [reader.region(tile) for tile in tiles],
        "weight": [reader.weight(tile) for tile in tiles],
        "days": [s.days.astype("<f8").tobytes() for s in samples],
        "series_shape": [s.series.shape for s in samples],
        "hr_shape": [s.hr.shape for s in samples],
    }
    columns |= {name: [getattr(s, name).tobytes() for s in samples] for name in ("series", "hr")}
    columns |= {name: [np.packbits(getattr(s, name)).tobytes() for s in samples] for name in MASKS}
    columns |= {name: [getattr(s, name) for s in samples] for name in ("day", "white", "hr_white", "unusable")}
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in SCHEMA], schema=SCHEMA)


def index_row(reader: Reader, tile: str, sample: Sample) -> tuple[Any, ...]:
    """Return a place's row of the index."""
    place = reader.position(tile) or (None, None)
    counts = len(sample.series), int(sample.good.sum())
    return tile, reader.region(tile), *counts, sample.unusable, reader.weight(tile), *reader.corner(tile), *place


def index_columns(rows: list[tuple[Any, ...]]) -> list[pa.Array]:
    """Return the columns of the index."""
    columns = zip(*rows, strict=True) if rows else [()] * len(INDEX)
    return [pa.array(column, field.type) for column, field in zip(columns, INDEX, strict=True)]


def values(batch: pa.RecordBatch, name: str, row: int, kind: str) -> NDArray[Any]:
    """Return the bytes of one row as numbers, without a copy."""
    column = batch.column(name)
    _, offsets, data = column.buffers()
    start, end = np.frombuffer(offsets, np.int64)[column.offset + row :][:2]
    dtype = np.dtype(kind)
    return np.frombuffer(data, dtype, (end - start) // dtype.itemsize, start)


def bits(batch: pa.RecordBatch, name: str, row: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a mask of one row."""
    packed = values(batch, name, row, "u1")
    return np.unpackbits(packed, count=math.prod(shape)).view(np.bool_).reshape(shape)
