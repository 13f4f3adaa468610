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
