"""A digest of a download, from names, sizes and times of its files, where reading all of them would take hours."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def status_digest(folder: Path, paths: Iterable[Path]) -> str:
    """Return the sha256 over names, sizes and times of files, in hexadecimal; the order of paths does not matter.

    Args:
        folder: that holds all of them.
        paths: files; folders and what is not there are passed over.
    """
    found = hashlib.sha256()
    for path in sorted(set(paths)):
        if path.is_file():
            status = path.stat()
            found.update(f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return found.hexdigest()


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(root: Path) -> str:
    """Return one sha256 over the names and contents of all files below a folder."""
    lines = (f"{p.relative_to(root).as_posix()} {digest(p)}\n" for p in sorted(root.rglob("*")) if p.is_file())
    return hashlib.sha256("".join(lines).encode()).hexdigest()
