"""What a data set is known by: the digests in its manifest."""

from __future__ import annotations

import json

from satsr.common.paths import Workspace


def data_name(here: Workspace) -> str:
    """Return what tables call the profile's data: `embedded world`, or the folder's name with what was done to it."""
    manifest = json.loads((here.results / "data.json").read_text())
    return str(manifest["name"])


def has_dates(here: Workspace) -> bool:
    """Return whether the dates of the profile's images are known: of all sets, or of none."""
    sets = json.loads((here.results / "data.json").read_text())["sets"]
    return all(found["dated"] for found in sets.values())


def data_digest(here: Workspace) -> str:
    """Return 16 hexadecimal digits per set of the profile's data, from `data.json`, in the order train, val, test."""
    sets = json.loads((here.results / "data.json").read_text())["sets"]
    return "-".join(found["sha256"][:16] for found in sets.values())
