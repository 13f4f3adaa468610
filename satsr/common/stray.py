"""Files that systems leave beside a user's own, by one rule for every door."""

from __future__ import annotations

from pathlib import Path, PurePath

FOLDERS = ("__MACOSX",)


def is_stray(path: PurePath) -> bool:
    """Return whether a file is none of the user's: hidden, such as `._a.png` and `.DS_Store`, or in `__MACOSX`."""
    return path.name.startswith(".") or any(part in FOLDERS for part in path.parts)


def own_files(folder: Path, pattern: str) -> list[Path]:
    """Return what fits a pattern in a folder and is the user's own, sorted."""
    return sorted(path for path in folder.glob(pattern) if not is_stray(path.relative_to(folder)))
