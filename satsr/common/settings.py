"""The study's settings: every name that `params.yaml` and `profiles/*.yaml` may hold, with its bounds.

Light on purpose (no torch): the runner checks every value before it starts a kernel.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

Protocol = Literal["published", "corrected"]
Precision = Literal["auto", "32-true", "bf16-mixed"]


class Settings(BaseModel):
    """Base of all settings: immutable, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


S = TypeVar("S", bound=Settings)


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
        within = {dict: 1, tuple: 0}.get(get_origin(here))  # where a container says what it holds
        here = here.model_fields[str(step)].annotation if within is None else get_args(here)[within]
    return here
