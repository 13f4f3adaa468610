"""What a data set holds, as the stage that made or found it wrote down: its name, counts and digests."""

from __future__ import annotations

import json
from typing import Any

from satsr.common.paths import DataFolders


def read_manifest(folders: DataFolders) -> dict[str, Any]:
    """Return what a data set holds.

    Raises:
        FileNotFoundError: no stage has made or found it yet.
    """
    if not folders.manifest.is_file():
        raise FileNotFoundError(f"{folders.manifest} is missing: run `make study` (or `dvc repro`) first")
    found: dict[str, Any] = json.loads(folders.manifest.read_text())
    return found


def write_manifest(folders: DataFolders, manifest: dict[str, Any]) -> None:
    """Write what a data set holds where `read_manifest` finds it."""
    folders.results.mkdir(parents=True, exist_ok=True)
    folders.manifest.write_text(json.dumps(manifest, indent=1) + "\n")
