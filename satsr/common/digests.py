"""What files, folders, texts and values are known by: sha256 over them, in hexadecimal unless said otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

CHUNK_BYTES = 1 << 20


def content_digest(parts: Iterable[bytes | memoryview]) -> str:
    """Return the sha256 over bytes, one part after another; where a part ends makes no difference."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()


def text_digest(text: str) -> str:
    """Return the sha256 of a text."""
    return content_digest([text.encode()])


def text_number(text: str) -> int:
    """Return a whole number from 0 to 2**64 - 1 that depends on a text alone, the same on every machine.

    It looks drawn at random, so it is a seed, or decides on which side of a split a name falls.
    """
    return int(text_digest(text)[:16], 16)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_sha256_and_md5(path: Path) -> tuple[str, str]:
    """Return both digests that publishers give of a file, which is read once."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            sha256.update(chunk)
            md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest()


def tree_digest(root: Path) -> str:
    """Return one sha256 over the names and contents of all files below a folder."""
    lines = (f"{p.relative_to(root).as_posix()} {file_digest(p)}\n" for p in sorted(root.rglob("*")) if p.is_file())
    return text_digest("".join(lines))


def status_digest(folder: Path, paths: Iterable[Path]) -> str:
    """Return the sha256 over names, sizes and times of files, where reading all of them would take hours.

    Args:
        folder: that holds all of them.
        paths: files in any order; folders and what is not there are passed over.
    """
    files = [(path, path.stat()) for path in sorted(set(paths)) if path.is_file()]
    return content_digest(
        f"{path.relative_to(folder)} {status.st_size} {status.st_mtime_ns}\n".encode() for path, status in files
    )
