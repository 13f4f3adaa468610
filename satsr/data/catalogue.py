"""The data sets that the study can read: their readers, where they come from, and what is on disk."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

from satsr.common.paths import project_root
from satsr.data.reader import Reader

READERS = {
    "s2naip": "satsr.data.readers.s2naip:S2NAIP",
    "s2naip-old": "satsr.data.readers.s2naip:S2NAIPOld",
    "s2naip-v2": "satsr.data.readers.s2naip_v2:S2NAIPv2",
    "probav": "satsr.data.readers.probav:ProbaV",
    "probav-red": "satsr.data.readers.probav:ProbaVRed",
    "oli2msi": "satsr.data.readers.oli2msi:OLI2MSI",
    "worldstrat": "satsr.data.readers.worldstrat:WorldStrat",
    "fmow": "satsr.data.readers.fmow:FMoW",
    "sen2venus": "satsr.data.readers.sen2venus:Sen2Venus",
    "mus2": "satsr.data.readers.mus2:MuS2",
    "deimos": "satsr.data.readers.deimos:DeimosPatches",
}
SHARDS = "shards"  # any of them, written by `satsr data convert`


def reader_class(name: str) -> type[Reader]:
    """Return the reader of a data set, by the name that commands and settings use.

    Raises:
        ValueError: an unknown name; the message lists the known ones.
    """
    if name == SHARDS:
        from satsr.data.shards.shards import Shards

        return Shards
    if name not in READERS:
        raise ValueError(f"got data set {name!r}, expected one of {', '.join((*READERS, SHARDS))}")
    module, attribute = READERS[name].split(":")
    found: type[Reader] = getattr(import_module(module), attribute)
    return found


def data_root() -> Path:
    """Return the folder of downloaded data sets: `$SATSR_DATA`, else `data/published` in the project."""
    named = os.environ.get("SATSR_DATA")
    return Path(named) if named else project_root() / "data" / "published"


def listed(root: Path) -> list[tuple[str, ...]]:
    """Return one row per data set: name, title, size of the download, licence, where from, what is on disk."""
    return [_row(name, root / name) for name in READERS]


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
    return f"{in_words(bytes_there)}: {shown}" if names else "nothing"


def in_words(count: float) -> str:
    """Return a number of bytes with its unit, such as `3.1 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


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
