"""Writing files so that nothing half-written stands under a final name, and nothing good is lost by a failure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file: to a name beside it, read back, and then to its own name; a device or pipe is written to.

    Raises:
        OSError: it cannot be written; what was there stays, and nothing else is left. It names the file.
    """
    content = text.encode()
    if path.exists() and not path.is_file():
        with _named(path):
            path.write_bytes(content)
        return
    with whole_file(path) as partial:
        partial.write_bytes(content)
        if partial.read_bytes() != content:
            raise OSError(f"{path} was not written as it should be: look at the disk")


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name beside a file to write and close it under; it takes the file's own name when all went well.

    Raises:
        OSError: it cannot be written; what was there stays, and nothing else is left. It names the file.
    """
    target = path.resolve()  # a link stays one
    partial = target.with_name(f".{target.name}.partial")
    try:
        with _named(path):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield partial
            os.replace(partial, target)
    finally:
        with suppress(OSError):  # what went wrong before is told, not that it went wrong here too
            partial.unlink()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let what the system says name the file that is meant: a full disk names none, and others a name beside it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from None
