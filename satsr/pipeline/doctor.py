"""What is installed, what the machine can do, and which data are there."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from satsr.common.paths import MAIN, Workspace, real_data
from satsr.common.provenance import gpu, processor

OK, BAD = "ok", "missing"


def examine(root: Path) -> list[tuple[str, str, str]]:
    """Return rows of (what, state, detail); the state is `ok`, `missing` or empty where both are fine."""
    from satsr.common.device import best_precision

    free = shutil.disk_usage(root).free / 2**30
    return [
        *_packages(root),
        ("processor", OK, processor()),
        ("GPU", "", gpu()),
        ("training precision", OK, best_precision()),
        ("free disk", OK if free > 5 else BAD, f"{free:.0f} GiB; a run of the default study takes about 1"),
        _folder("default data", Workspace.of("default", root).data_set(MAIN).files, "made by `make study`"),
        _folder("book", root / "book" / "_build" / "html", "built by `make study`"),
        _folder("real imagery", real_data(root), "only for `make real`; $SATSR_REAL_DATA names another folder"),
    ]


def _packages(root: Path) -> list[tuple[str, str, str]]:
    """Compare the installed versions with the lock."""
    locked = locked_versions(root / "requirements.lock")
    wrong = [
        f"{n} {_installed(n) or 'absent'}, locked {' or '.join(sorted(v))}" for n, v in locked.items() if _differs(n, v)
    ]
    if wrong:
        return [("environment", BAD, f"{'; '.join(wrong[:5])}: run `make setup`")]
    return [("environment", OK, f"{len(locked)} locked packages installed")]


def locked_versions(lock: Path) -> dict[str, set[str]]:
    """Return the versions that the lock holds for this machine, by package; markers for others are skipped."""
    found: dict[str, set[str]] = {}
    for line in lock.read_text().splitlines():
        if line and line[0].isalnum():
            requirement = Requirement(line.rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate():
                found.setdefault(requirement.name, set()).add(str(requirement.specifier).removeprefix("=="))
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _differs(name: str, versions: set[str]) -> bool:
    return _installed(name) not in versions


def _folder(what: str, path: Path, remark: str) -> tuple[str, str, str]:
    return (what, OK if path.is_dir() else "", f"{path}{'' if path.is_dir() else ' (absent)'}: {remark}")
