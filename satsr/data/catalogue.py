"""The data sets that the study knows, one entry each: reader, twin, treatment, and where the download comes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from satsr.common.paths import MAIN, project_root
from satsr.common.progress import bytes_in_words
from satsr.data.downloads import sources
from satsr.data.downloads.sources import Source
from satsr.data.making import twins
from satsr.data.making.twins import Site
from satsr.data.reader import Reader, Scene
from satsr.data.readers import fmow, oli2msi, paper_time, probav, worldstrat
from satsr.data.readers.deimos import DeimosPatches
from satsr.data.readers.fmow import FMoW
from satsr.data.readers.mus2 import MuS2
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.paper_time import Treatment
from satsr.data.readers.probav import ProbaV, ProbaVRed
from satsr.data.readers.s2naip import S2NAIP, S2NAIPOld
from satsr.data.readers.s2naip_v2 import S2NAIPv2
from satsr.data.readers.sen2venus import Sen2Venus
from satsr.data.readers.worldstrat import WorldStrat, WorldStratL2A
from satsr.data.settings import DataSetSettings
from satsr.data.shards.shards import Shards


@dataclass(frozen=True)
class Twin:
    """How the embedded world becomes a data set.

    Attributes:
        view: what its cameras see of a landscape.
        write: puts scenes on disk in the published layout.
    """

    view: Callable[[Site], list[Scene]]
    write: Callable[[Path, Iterable[Scene]], None]


@dataclass(frozen=True)
class Entry:
    """One data set.

    Attributes:
        reader: of its published layout.
        source: of its download.
        twin: its embedded twin, if there is one.
        paper_time: how the paper's configurations treated it, where that is not its own scale.
    """

    reader: type[Reader]
    source: Source
    twin: Twin | None = None
    paper_time: Treatment | None = None


ENTRIES: dict[str, Entry] = {
    "s2naip": Entry(S2NAIP, sources.S2NAIP),
    "s2naip-old": Entry(S2NAIPOld, sources.S2NAIP_OLD),
    "s2naip-v2": Entry(S2NAIPv2, sources.S2NAIP_V2),
    "probav": Entry(ProbaV, sources.PROBAV, Twin(twins.view_probav, probav.write_data_set), paper_time.PROBAV),
    "probav-red": Entry(ProbaVRed, sources.PROBAV_RED),
    "oli2msi": Entry(OLI2MSI, sources.OLI2MSI, Twin(twins.view_oli2msi, oli2msi.write_data_set), paper_time.OLI2MSI),
    "worldstrat": Entry(WorldStrat, sources.WORLDSTRAT, Twin(twins.view_worldstrat, worldstrat.write_data_set)),
    "worldstrat-l2a": Entry(WorldStratL2A, sources.WORLDSTRAT_L2A),
    "fmow": Entry(FMoW, sources.FMOW, Twin(twins.view_fmow, fmow.write_data_set)),
    "sen2venus": Entry(Sen2Venus, sources.SEN2VENUS),
    "mus2": Entry(MuS2, sources.MUS2),
    "deimos": Entry(DeimosPatches, sources.DEIMOS),
}
SHARDS = "shards"  # any of them, written by `satsr data convert`


def entry_of(name: str) -> Entry:
    """Return what is known of a data set.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if name not in ENTRIES:
        raise ValueError(f"got data set {name!r}, expected one of {', '.join(ENTRIES)}")
    return ENTRIES[name]


def reader_class(name: str) -> type[Reader]:
    """Return the reader of a data set, by the name that commands and settings use.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if name == SHARDS:
        return Shards
    if name not in ENTRIES:
        raise ValueError(f"got data set {name!r}, expected one of {', '.join((*ENTRIES, SHARDS))}")
    return ENTRIES[name].reader


def twin_names() -> list[str]:
    """Return the data sets that have an embedded twin."""
    return [name for name, entry in ENTRIES.items() if entry.twin]


def check_data_sets(settings: dict[str, DataSetSettings]) -> None:
    """Make sure that the data sets of a study are there to be had.

    Raises:
        ValueError: an unknown one, the main one, one that has neither a twin nor a folder, or a treatment that the
            paper did not give it.
    """
    for name, found in settings.items():
        entry = entry_of(name)
        if name == MAIN:
            raise ValueError(f"data_sets.{name} is the main data set: set it under `data`")
        if not found.path and entry.twin is None:
            raise ValueError(
                f"data_sets.{name} has no embedded twin: name the folder of its download in data_sets.{name}.path, or "
                f"take one of {', '.join(twin_names())}"
            )
        if found.treatment != "native" and entry.paper_time is None:
            treated = [other for other, entry in ENTRIES.items() if entry.paper_time]
            raise ValueError(
                f"{name}: got treatment {found.treatment}, expected native: only {', '.join(treated)} were treated "
                "otherwise"
            )


def data_root() -> Path:
    """Return the folder of downloaded data sets: `$SATSR_DATA`, else `data/published` in the project."""
    named = os.environ.get("SATSR_DATA")
    return Path(named) if named else project_root() / "data" / "published"


def listed(root: Path) -> list[tuple[str, ...]]:
    """Return one row per data set: name, title, size of the download, licence, where from, what is on disk."""
    return [_row(name, root / name) for name in ENTRIES]


def _row(name: str, folder: Path) -> tuple[str, ...]:
    facts = reader_class(name).facts
    size = "not available" if facts.size_gb is None else f"{facts.size_gb:g} GB"
    return name, facts.title, size, facts.licence, facts.source, on_disk(folder)


def on_disk(folder: Path) -> str:
    """Return how much lies in a folder, in words: `nothing`, or bytes and top folders. Opens no file."""
    if not folder.is_dir():
        return "nothing"
    bytes_there = _bytes_below(folder)
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
    return f"{bytes_in_words(bytes_there)}: {shown}" if names else "nothing"


def _bytes_below(folder: Path) -> int:
    """Add up file sizes; `scandir` keeps the million files of a set at seconds."""
    total = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                total += _bytes_below(Path(entry.path))
            elif entry.is_file():
                total += entry.stat().st_size
    return total
