"""Writing files so that nothing half-written stands under a final name, and nothing good is lost by a failure."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file: to a name beside it, read back, and then to its own name; a device or pipe is written to.

    Raises:
        OSError: it cannot be written; what was there stays, and nothing else is left.
    """
    path = path.resolve()  # a link stays one
    if path.exists() and not path.is_file():
        path.write_text(text)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text)
        if partial.read_text() != text:
            raise OSError(f"{path} was not written as it should be: look at the disk")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
