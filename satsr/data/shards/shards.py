"""The sharded form for fast training: Arrow files that are mapped into memory, so that nothing is decoded.

One folder per split, and in it

    facts.json                 what the data set's authors say, and what the columns hold
    index.parquet              tile, region, frames, good_frames, unusable, weight, corner, position
    shard-00000.arrow, ...     Arrow IPC, not compressed: one row per place, in the order of the index

A row holds what `satsr.data.reader.Sample` holds: images as bytes with their shape beside them, masks as packed bits.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from satsr.common.reading_text import read_json, readable
from satsr.data.reader import SPLITS, Facts, Reader, Sample, Status
from satsr.data.shards.index import INDEX_FILE, TileIndex, write_index
from satsr.data.shards.rows import INDEX, SCHEMA, batch_of, bits, index_columns, index_row, values

FACTS_FILE = "facts.json"
AGAIN = "convert the data set again"
PER_SHARD = 2048  # S2-NAIP places of 18 dates: 0.2 GB
PER_BATCH = 64  # rows that are held in memory while a shard is written
OPEN_SHARDS = 128  # a map holds a file open, and a process may open about a thousand
THREADS = 4


def write_shards(
    reader: Reader,
    bands: Sequence[str],
    folder: Path,
    per_shard: int = PER_SHARD,
    advance: Callable[[int], None] = lambda count: None,
) -> Path:
    """Write one split of a data set in the sharded form and return its folder; see `write_all_shards`."""
    return write_all_shards([reader], bands, folder, per_shard, advance)[0]


def write_all_shards(
    readers: Iterable[Reader],
    bands: Sequence[str],
    folder: Path,
    per_shard: int = PER_SHARD,
    advance: Callable[[int], None] = lambda count: None,
) -> list[Path]:
    """Write splits of a data set in the sharded form; equal bytes for equal input.

    Args:
        readers: of the splits.
        bands: of LR, in this order; none takes those that a model sees by default.
        folder: gets a sub-folder with every split's name, when all of all splits is written.
        per_shard: places in a file.
        advance: told how many places have been written.

    Returns:
        The splits' folders.

    Raises:
        FileExistsError: a split is there already; nothing is written.
        ValueError, FileNotFoundError: a place cannot be read; images of one split differ in their number type. After
            the repair, the same call writes all.
    """
    readers = list(readers)
    targets = [folder / reader.split for reader in readers]
    for target in targets:
        if target.exists():
            raise FileExistsError(f"{target} is there already: remove it, or choose another folder")
    partials = [_write_split(r, bands or r.facts.bands_in, folder, per_shard, advance) for r in readers]
    for partial, target in zip(partials, targets, strict=True):
        partial.rename(target)
    return targets


def _write_split(
    reader: Reader, bands: Sequence[str], folder: Path, per_shard: int, advance: Callable[[int], None]
) -> Path:
    """Write one split under a name beside its own, and return that folder."""
    partial = folder / f"{reader.split}.partial"
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was interrupted
    partial.mkdir(parents=True)
    types: dict[str, str] = {}
    rows: list[tuple[Any, ...]] = []
    with ThreadPoolExecutor(THREADS) as pool:
        every = sorted(reader.tiles)
        for number, start in enumerate(range(0, len(every), per_shard)):
            tiles = every[start : start + per_shard]
            with pa.OSFile(str(_shard(partial, number)), "wb") as file, pa.ipc.new_file(file, SCHEMA) as out:
                for first in range(0, len(tiles), PER_BATCH):
                    some = tiles[first : first + PER_BATCH]
                    samples = list(pool.map(lambda tile: reader.sample(tile, bands), some))
                    _check_types(some, samples, bands, types)
                    out.write_batch(batch_of(reader, some, samples))
                    rows += [index_row(reader, tile, sample) for tile, sample in zip(some, samples, strict=True)]
                    advance(len(some))
    write_index(partial / INDEX_FILE, dict(zip(INDEX.names, index_columns(rows), strict=True)))
    _write_facts(partial, reader, bands, types, per_shard)
    return partial


class Shards(Reader):
    """Any data set in the sharded form.

    Images are views of the map and cannot be written to.

    Args:
        folder: holds the splits' folders.
        split: `train`, `val` or `test`.
    """

    # Of the form itself; an instance has those of its data set.
    facts = Facts(
        name="shards",
        title="Sharded form of a data set",
        lr_sensor="as converted",
        hr_sensor="as converted",
        lr_gsd_m=math.nan,
        hr_gsd_m=math.nan,
        scale=1,
        lr_px=None,
        bands=(),
        bands_in=(),
        bands_out=(),
        dates="as converted",
        years=None,
        pairs=None,
        km2=None,
        size_gb=None,
        licence="that of the data set",
        source="satsr data convert",
        citation="that of the data set",
    )

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        path = folder / split / FACTS_FILE
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: `satsr data convert` writes the sharded form")
        told = read_json(path, AGAIN)
        with readable(path, "facts, types and per_shard", AGAIN):
            made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told["facts"].items()}
            self.facts = Facts(**made)  # type: ignore[misc]
            self._types: dict[str, str] = {name: told["types"][name] for name in ("series", "hr")}
            self._per_shard = int(told["per_shard"])
        self._index = TileIndex(folder / split / INDEX_FILE)
        self._batches_of = lru_cache(OPEN_SHARDS)(self._map)

    def __reduce__(self) -> tuple[type[Shards], tuple[Path, str]]:
        """Let a process of a data loader open the files itself."""
        return Shards, (self.folder, self.split)

    @property
    def tiles(self) -> Sequence[str]:
        """All places, sorted by name."""
        return self._index.tiles

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Return one place. With the stored bands, images are not copied."""
        number = self._index.tiles.number(tile)
        shard, row = divmod(number, self._per_shard)
        batch, row = self._batches_of(shard)[row // PER_BATCH], row % PER_BATCH
        series, hr = (self._image(batch, name, row) for name in ("series", "hr"))
        return Sample(
            series=series if tuple(bands) == self.facts.bands else series[..., self._channels(bands)],
            valid=bits(batch, "valid", row, series.shape[:3]),
            good=bits(batch, "good", row, series.shape[:1]),
            days=values(batch, "days", row, "<f8"),
            hr=hr,
            hr_valid=bits(batch, "hr_valid", row, hr.shape[:2]),
            **{name: batch.column(name)[row].as_py() for name in ("day", "white", "hr_white", "unusable")},
        )

    def region(self, tile: str) -> str:
        """Return what splits and statistics keep together."""
        return str(self._index.value(tile, "region"))

    def corner(self, tile: str) -> tuple[int, int]:
        """Return row and column of the first LR pixel, as the converted reader told them."""
        return self._index.value(tile, "corner_row"), self._index.value(tile, "corner_column")

    def weight(self, tile: str) -> float:
        """Return the sampling weight of a place in training."""
        return float(self._index.value(tile, "weight"))

    def position(self, tile: str) -> tuple[float, float] | None:
        """Return x and y of a place in metres, None where the converted reader told none."""
        x_m, y_m = (self._index.value(tile, name) for name in ("x_m", "y_m"))
        return None if x_m is None else (x_m, y_m)

    def statuses(self, bands: Sequence[str]) -> Iterator[Status]:
        """Go through the index; no image is read."""
        columns = [self._index.column(name) for name in Status._fields]
        for start in range(0, len(self.tiles), 4096):
            yield from map(Status, *(column.slice(start, 4096).to_pylist() for column in columns))

    def files(self, tile: str) -> list[Path]:
        """Return the shard that a place lies in."""
        return [_shard(self.folder / self.split, self._index.tiles.number(tile) // self._per_shard)]

    def _map(self, shard: int) -> list[pa.RecordBatch]:
        path = _shard(self.folder / self.split, shard)
        try:
            file = pa.ipc.open_file(pa.memory_map(str(path)))
            return [file.get_batch(number) for number in range(file.num_record_batches)]
        except FileNotFoundError:
            raise FileNotFoundError(f"{path} is missing: {AGAIN}") from None
        except (pa.ArrowInvalid, OSError) as error:
            raise ValueError(f"{path} cannot be read ({error}): {AGAIN}") from None

    def _image(self, batch: pa.RecordBatch, name: str, row: int) -> NDArray[Any]:
        flat = values(batch, name, row, self._types[name])
        return flat.reshape(batch.column(f"{name}_shape")[row].as_py())

    def _channels(self, bands: Sequence[str]) -> list[int]:
        unknown = [band for band in bands if band not in self.facts.bands]
        if unknown:
            raise ValueError(
                f"{self.folder / self.split}: got band {unknown[0]!r}, expected one of {', '.join(self.facts.bands)}: "
                "convert the data set again with the bands that are wanted"
            )
        return [self.facts.bands.index(band) for band in bands]


def _check_types(tiles: list[str], samples: list[Sample], bands: Sequence[str], types: dict[str, str]) -> None:
    """Make sure that one number type stands for a column, and one channel for a band."""
    for tile, sample in zip(tiles, samples, strict=True):
        if sample.series.shape[-1] != len(bands):
            raise ValueError(f"tile {tile}: got LR of shape {sample.series.shape}, expected {len(bands)} channels")
        for name in ("series", "hr"):
            got = getattr(sample, name).dtype.str
            if types.setdefault(name, got) != got:
                raise ValueError(
                    f"tile {tile}: got {name} of type {got}, expected {types[name]} as in the places before"
                )


def _write_facts(folder: Path, reader: Reader, bands: Sequence[str], types: dict[str, str], per_shard: int) -> None:
    kept = tuple(band for band in reader.facts.bands_in if band in bands) or tuple(bands)
    facts = replace(reader.facts, bands=tuple(bands), bands_in=kept, splits={s: s for s in SPLITS})
    told = {"facts": asdict(facts), "types": types, "per_shard": per_shard}
    (folder / FACTS_FILE).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


def _shard(folder: Path, number: int) -> Path:
    return folder / f"shard-{number:05d}.arrow"
