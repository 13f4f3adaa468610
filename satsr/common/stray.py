"""Files that systems leave beside a user's own, by one rule for every door."""

from __future__ import annotations

from pathlib import PurePath

FOLDERS = ("__MACOSX",)


def is_stray(path: PurePath) -> bool:
    """Return whether a file is none of the user's: hidden, such as `._a.png` and `.DS_Store`, or in `__MACOSX`."""
    return path.name.startswith(".") or any(part in FOLDERS for part in path.parts)
