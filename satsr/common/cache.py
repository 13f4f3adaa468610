"""Finished work is not done again, and unfinished work goes on: scratch folders keyed by what goes in."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


def key_of(configuration: dict[str, Any], *modules: ModuleType) -> str:
    """Return 16 hexadecimal digits that change with any value of a configuration or any byte of the modules."""
    text = json.dumps(configuration, sort_keys=True, default=str)
    sources = "".join(inspect.getsource(m) for m in modules)
    return hashlib.sha256((text + sources).encode()).hexdigest()[:16]


def package_digest() -> str:
    """Return what identifies the code of the whole package, for work that nearly all of it takes part in."""
    package = Path(__file__).parent
    files = sorted(package.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def scratch_folder(scratch: Path, name: str, key: str) -> Path:
    """Return (and make) the folder of one piece of work."""
    folder = scratch / f"{name}-{key}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def make_once(finished: Path, make: Callable[[Path], None]) -> None:
    """Let `make` fill a folder, unless it is there already; it takes its place when it is whole."""
    if finished.is_dir():
        return
    partial = finished.with_name(f"{finished.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    make(partial)
    os.replace(partial, finished)
