"""Reading a whole data set once: what is missing, cannot be read, is black, misnamed or there twice, and its index."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from satsr.common.digests import content_digest
from satsr.common.workers import process_pool
from satsr.common.writing import write_whole
from satsr.data.catalogue import reader_class
from satsr.data.checks.misnamed import misnamed
from satsr.data.reader import SPLITS, Reader, Sample
from satsr.data.shards.index import INDEX_FILE, write_index

if TYPE_CHECKING:
    import pandas as pd

REPORT_FILE, SUMMARY_FILE = "check.csv", "check.txt"
CHUNK = 64  # places that a process reads before it reports
PAYS = 1000  # starting processes takes as long as reading some hundred places
KINDS = ("missing", "unreadable", "black", "unusable", "misnamed", "duplicate")


class Finding(NamedTuple):
    """One thing that is wrong.

    Attributes:
        split: where.
        tile: the place; a file below the data set's folder for `misnamed`.
        kind: one of `KINDS`.
        detail: in words.
    """

    split: str
    tile: str
    kind: str
    detail: str


class ReadPlace(NamedTuple):
    """What reading one place has told."""

    tile: str
    region: str
    frames: int
    good_frames: int
    unusable: str
    kind: str  # of finding, empty when nothing is wrong
    digest: str  # of LR and HR; empty when they could not be read


@dataclass(frozen=True)
class Report:
    """What was found in a data set.

    Attributes:
        name: of the data set.
        folder: it was read from.
        places: split -> what was read there; a split that is not on disk is absent.
        findings: sorted by split, kind and tile.
        seconds: that reading took.
    """

    name: str
    folder: Path
    places: dict[str, list[ReadPlace]]
    findings: list[Finding]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def table(self) -> pd.DataFrame:
        """Return the findings: split, tile, kind, detail."""
        import pandas as pd

        return pd.DataFrame(self.findings, columns=list(Finding._fields))

    def summary(self) -> str:
        """Return what was read and found, in some lines."""
        read = sum(map(len, self.places.values()))
        lines = [f"{self.name}: {read} places read in {self.seconds:.1f} s"]
        for split in SPLITS:
            count = f"{len(self.places[split])} places" if split in self.places else "not on disk"
            lines.append(f"  {split:5s} {count}")
        for kind in KINDS:
            found = [finding for finding in self.findings if finding.kind == kind]
            lines.append(f"  {kind:10s} {len(found)}" + (f", such as {_shown(found[0])}" if found else ""))
        return "\n".join(lines)


def check_folder(name: str, folder: Path, workers: int | None = None) -> Report:
    """Read every place of every split of a data set, and write `check.csv`, `check.txt` and `index.parquet` into it.

    Args:
        name: of the data set.
        folder: it lies in.
        workers: processes; by default one per core for sets where that pays, else none.

    Raises:
        FileNotFoundError: no split is on disk; the message is that of the reader.
        ValueError: what lies once beside all places is damaged, such as `regions.json`; nothing is written.
        OSError: a file cannot be written.
    """
    report = read_all(reader_class(name), folder, workers)
    write_index(folder / INDEX_FILE, _index(report))
    write_whole(folder / REPORT_FILE, report.table().to_csv(index=False))
    write_whole(folder / SUMMARY_FILE, report.summary() + "\n")
    return report


def read_all(kind: type[Reader], folder: Path, workers: int | None = None) -> Report:
    """Read every place of every split through a reader; write nothing. See `check_folder`."""
    started = time.perf_counter()
    readers = open_splits(kind, folder)
    for reader in readers:
        reader.read_sidecars()
    places = {reader.split: list(_read(reader, kind, workers)) for reader in readers}
    findings = [Finding(split, p.tile, p.kind, p.unusable) for split, found in places.items() for p in found if p.kind]
    incomplete = {(f.split, f.tile) for f in findings if f.kind == "missing"}
    findings += [Finding(split, file, "misnamed", "no place reads it") for split, file in misnamed(readers, incomplete)]
    findings += _duplicates(places)
    return Report(kind.facts.name, folder, places, sorted(findings), time.perf_counter() - started)


def open_splits(kind: type[Reader], folder: Path) -> list[Reader]:
    """Open the splits of a data set that are on disk; a benchmark has a test split only.

    Raises:
        FileNotFoundError: none is; the message is that of the reader.
    """
    readers, refused = [], []
    for split in (split for split in SPLITS if split in (kind.facts.splits or SPLITS)):
        try:
            readers.append(kind(folder, split))
        except FileNotFoundError as error:
            refused.append(error)
    if not readers:
        raise refused[0]
    return readers


def look_at(reader: Reader, tile: str) -> ReadPlace:
    """Read one place with the default bands and say what is there."""
    try:
        region = reader.region(tile)
    except ValueError as error:  # a name that is no place's, such as that of a file downloaded twice
        return ReadPlace(tile, "", 0, 0, str(error), "misnamed", "")
    try:
        sample = reader.sample(tile, reader.facts.bands_in)
    except FileNotFoundError as error:
        return ReadPlace(tile, region, 0, 0, str(error), "missing", "")
    except (ValueError, OSError) as error:
        return ReadPlace(tile, region, 0, 0, str(error), "unreadable", "")
    unusable = sample.unusable or _blank(sample)
    kind = ("black" if "black" in unusable else "unusable") if unusable else ""
    return ReadPlace(tile, region, len(sample.series), int(sample.good.sum()), unusable, kind, _digest(sample))


def _read(reader: Reader, kind: type[Reader], workers: int | None) -> Iterator[ReadPlace]:
    count = len(reader.tiles)
    workers = (os.cpu_count() or 1 if count >= PAYS else 0) if workers is None else workers
    if not workers:
        yield from (look_at(reader, tile) for tile in reader.tiles)
        return
    with process_pool(workers, _open, (kind, reader.folder, reader.split)) as pool:
        yield from pool.map(_look_at, reader.tiles, chunksize=CHUNK)


_opened: list[Reader] = []  # of a process that reads


def _open(kind: type[Reader], folder: Path, split: str) -> None:
    _opened[:] = [kind(folder, split)]


def _look_at(tile: str) -> ReadPlace:
    return look_at(_opened[0], tile)


def _blank(sample: Sample) -> str:
    """Say what shows nothing at all, or nothing."""
    if not sample.hr.any():
        return "black HR image"
    return "" if sample.series.any() else "black LR series"


def _digest(sample: Sample) -> str:
    arrays = map(np.ascontiguousarray, (sample.series, sample.hr))
    return content_digest(part for a in arrays for part in (f"{a.dtype.str}{a.shape}".encode(), a.data))


def _duplicates(places: dict[str, list[ReadPlace]]) -> Iterator[Finding]:
    """Find places whose LR and HR are those of an earlier one, within a split and across splits."""
    first: dict[str, tuple[str, str]] = {}
    for split, found in places.items():
        for place in found:
            if not place.digest or place.kind == "black":
                continue
            earlier = first.setdefault(place.digest, (split, place.tile))
            if earlier != (split, place.tile):
                yield Finding(split, place.tile, "duplicate", f"same LR and HR as {earlier[0]} {earlier[1]}")


def _index(report: Report) -> dict[str, Sequence[object]]:
    rows = [(split, *place[:5]) for split in SPLITS for place in sorted(report.places.get(split, []))]
    columns = ("split", *ReadPlace._fields[:5])
    return dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)) if rows else {c: [] for c in columns}


def _shown(finding: Finding) -> str:
    return f"{finding.split} {finding.tile}: {finding.detail}"
