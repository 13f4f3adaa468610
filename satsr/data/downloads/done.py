"""What has been downloaded into a folder: sizes and digests, so that nothing good is fetched twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from satsr.common.digests import file_sha256_and_md5

MANIFEST = "downloaded.jsonl"


@dataclass(frozen=True)
class File:
    """A file to fetch.

    Attributes:
        url: where it is.
        name: below the data set's folder, with `/`.
        size: bytes, None where unknown.
        sha256: None where unknown.
        md5: likewise.
        token: for a server that asks who wants it.
        unpack: whether it is an archive to unpack when it has come.
    """

    url: str
    name: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    token: str | None = None
    unpack: bool = True


class Manifest:
    """What is complete in a folder: one line per file, added when the file is; the last line of a name counts.

    Args:
        folder: of the data set.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._lock = folder, Lock()
        self._path = folder / MANIFEST
        text = self._path.read_text() if self._path.is_file() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self._path.write_text(whole)  # an interrupt has cut the last line
        self._known = {entry["name"]: entry for entry in map(json.loads, whole.splitlines())}

    def has(self, file: File) -> bool:
        """Return whether a file is there and good. Its bytes are read only when its size or time has changed."""
        path, entry = self.folder / file.name, self._known.get(file.name)
        if not path.is_file() or (file.size is not None and path.stat().st_size != file.size):
            return False
        if entry and _stamp(path) == (entry["size"], entry["mtime_ns"]):
            return file.sha256 in (None, entry["sha256"]) and file.md5 in (None, entry["md5"])
        expected = (file.sha256, file.md5) if file.sha256 or file.md5 else entry and (entry["sha256"], entry["md5"])
        found = file_sha256_and_md5(path) if expected else ("", "")
        if not expected or not _agree(found, expected):
            return False
        self.add(file.name, *found)
        return True

    def add(self, name: str, sha256: str, md5: str) -> None:
        """Note a complete file."""
        size, mtime_ns = _stamp(self.folder / name)
        self._note({"name": name, "size": size, "mtime_ns": mtime_ns, "sha256": sha256, "md5": md5})

    def unpacked(self, name: str) -> bool:
        """Return whether an archive has been unpacked since it was last fetched."""
        return bool(self._known[name].get("unpacked"))

    def add_unpacked(self, name: str) -> None:
        """Note that an archive has been unpacked."""
        self._note({**self._known[name], "unpacked": True})

    def _note(self, entry: dict) -> None:
        with self._lock:
            self._known[entry["name"]] = entry
            with self._path.open("a") as file:
                file.write(json.dumps(entry) + "\n")


def _agree(found: tuple[str, str], expected: tuple[str | None, str | None]) -> bool:
    return all(want in (None, got) for got, want in zip(found, expected, strict=True))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
