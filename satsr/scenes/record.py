"""Where an image comes from: what was put in, which model made it, how, and that its detail is an estimate.

The record is kept twice: as a tag inside the GeoTIFF, and in the STAC item beside it. Files are told by name and
digest; where they lay on the machine that made the image is nobody's business.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

SYNTHETIC = "synthetic detail: model estimate, not an observation"
TAG = "SATSR_RECORD"
USED = "used"
# The folders of an absolute path or of one below a home, in a text; an address on the web is none.
FOLDERS = re.compile(r"(?<![\w:/\\.~])(?:file://)?(?:~|[A-Za-z]:(?=[\\/]))?[\\/](?:[^\s'\"\\/]+[\\/])+(?=[^\s'\"\\/])")


@dataclass(frozen=True)
class Input:
    """A product that was given.

    Attributes:
        name: of the file or folder.
        sha256: of the file, or of what it stands for.
        day: when it was taken.
        use: what was done with it: `used`, or why not.
    """

    name: str
    sha256: str
    day: date
    use: str = USED


@dataclass(frozen=True)
class Model:
    """What made the image: its name, the sha256 of its weights, and its card."""

    name: str
    sha256: str
    card: Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """Where an image comes from.

    Attributes:
        title: of the image.
        inputs: all that were given.
        model: that made it.
        options: of the run.
        dates: whose frames went in, in order of time.
        window_px: side of the windows that the model saw.
        halo_px: what was cut from each side of a window's output, in pixels of the input.
        clipped: share of the model's values that left its range, in [0, 1], of the blocks of the last run.
        version: of satsr.
        commit: of its code.
        created: when it was made.
        synthetic: what its detail is.
    """

    title: str
    inputs: tuple[Input, ...]
    model: Model
    options: Mapping[str, Any]
    dates: tuple[date, ...]
    window_px: int
    halo_px: int
    clipped: float
    version: str
    commit: str
    created: datetime
    synthetic: str = SYNTHETIC

    def facts(self) -> dict[str, Any]:
        """Return the record as JSON holds it, with names instead of paths."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    def tags(self) -> dict[str, str]:
        """Return what the GeoTIFF says of itself."""
        return {
            "TIFFTAG_SOFTWARE": f"satsr {self.version} ({self.commit})",
            "TIFFTAG_IMAGEDESCRIPTION": f"{_plain(self.title)}: {self.synthetic}",
            TAG: json.dumps(self.facts(), sort_keys=True),
        }


def utc(moment: datetime) -> str:
    """Return a moment as STAC writes it; one without a time zone is taken for UTC."""
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _plain(value: Any) -> Any:
    """Return a value in JSON's types."""
    if isinstance(value, Input | Model):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {_plain(str(name)): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(inner) for inner in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):  # JSON has no NaN
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime):
        return utc(value)
    if isinstance(value, date):
        return value.isoformat()
    return value.name if isinstance(value, PurePath) else _without_folders(str(value))


def _without_folders(text: str) -> str:
    """Return a text in which files have names alone; a text that is a path as a whole may hold spaces."""
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(text).is_absolute() or text.startswith(("~/", "~\\")):
            return kind(text).name
    return FOLDERS.sub("", text)
