"""Finished work is not done again, and unfinished work goes on: scratch folders keyed by what goes in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from satsr.common.digests import text_digest


def key_of(configuration: Mapping[str, Any], code: str) -> str:
    """Return 16 hexadecimal digits that change with any value of a configuration, or with the code that uses it.

    Args:
        configuration: what the result is made from; settings without those that have their defaults, so that a new
            option leaves old keys as they are (the default itself is code).
        code: the fingerprint of what makes the result, see `satsr.common.code`.
    """
    text = json.dumps({"configuration": configuration, "code": code}, sort_keys=True, default=str)
    return text_digest(text)[:16]


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
