"""Read `params.yaml` and `profiles/*.yaml`.

Unknown names fail with the list of the valid ones, before anything is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from satsr.common.settings import Settings, Study

S = TypeVar("S", bound=Settings)


def load_study(root: Path, profile: str = "") -> Study:
    """Read `params.yaml`, with the overrides of `profiles/<profile>.yaml` on top when one is named.

    Raises:
        ValueError: an unknown profile, an unknown name or a value out of range; the message lists the valid
            ones.
    """
    values = _read(root / "params.yaml")
    if profile and profile != values.get("profile"):
        values = merge(values, _profile(root, profile))
    return check(Study, values, "params.yaml" if not profile else f"profile {profile}")


def check(kind: type[S], values: dict[str, Any], where: str) -> S:
    """Return `values` as settings of that kind, or raise one ValueError that names what is wrong."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        unknown_first = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        raise ValueError("; ".join(_explain(kind, e, where) for e in unknown_first)) from None


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with `over` laid on top: dictionaries merge, everything else is replaced."""
    both = {k: merge(base[k], v) for k, v in over.items() if isinstance(v, dict) and isinstance(base.get(k), dict)}
    return {**base, **over, **both}


def _read(path: Path) -> dict[str, Any]:
    values = yaml.safe_load(path.read_text())
    if not isinstance(values, dict):
        raise ValueError(f"{path.name}: expected names with values, got {type(values).__name__}")
    return values


def _profile(root: Path, profile: str) -> dict[str, Any]:
    path = root / "profiles" / f"{profile}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise ValueError(f"unknown profile {profile!r}: expected default or one of {', '.join(known)}")
    return {**_read(path), "profile": profile}


def _explain(kind: type[BaseModel], error: Any, where: str) -> str:
    name = ".".join(map(str, error["loc"]))
    if not name:
        return f"{where}: {error['msg'].removeprefix('Value error, ')}"
    if error["type"] == "missing":
        return f"{where}: {name} is missing"
    if error["type"] != "extra_forbidden":
        return f"{where}: {name} = {error['input']!r}: {error['msg']}"
    valid = ", ".join(sorted(_settings_at(kind, error["loc"][:-1]).model_fields))
    return f"{where}: unknown parameter {name}; valid names here: {valid}"


def _settings_at(kind: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """Return the settings class that stands at a location inside `kind`."""
    here: Any = kind
    for step in location:
        here = get_args(here)[1] if get_origin(here) is dict else here.model_fields[str(step)].annotation
    return here
