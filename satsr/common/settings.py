"""The study's settings: every name that `params.yaml` and `profiles/*.yaml` may hold, with its bounds.

Light on purpose (no torch): the runner checks every value before it starts a kernel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

Protocol = Literal["published", "corrected"]
Precision = Literal["auto", "32-true", "bf16-mixed"]

# What a number of the settings may be, in the words of those who set it.
Size = Annotated[int, Field(ge=1)]  # of what has to be there: a width, a batch, steps
Count = Annotated[int, Field(ge=0)]  # of what may not be there
Seed = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]  # of learning, or a length against another
Weight = Annotated[float, Field(ge=0)]  # of a loss, or another strength; 0 leaves it out
Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, le=1)]  # a share that is not nothing
Level = Annotated[float, Field(gt=0, lt=1)]  # of an interval
Momentum = Annotated[float, Field(ge=0, lt=1)]  # how much of a running mean stays at every step

# Of the numbers that a network's own block names, those that may be 0; all others are sizes, or counts of steps.
MAY_BE_ZERO = (
    *("attention", "beta_start", "drop", "drop_condition", "dropout", "eta", "every", "guidance", "mask_channels"),
    "strength",
)


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


def check_options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a network's own block of settings, which names what its constructor takes.

    Raises:
        ValueError: a size below 1, another number below 0, or a text that stands for a number or a truth value
            elsewhere, such as `no`, which YAML 1.2 does not take for false.
    """
    for name, value in options.items():
        for part in value if isinstance(value, tuple) else (value,):
            _check_option(name, part)
    return options


Option = bool | int | float | str | tuple[int, ...]
Options = Annotated[dict[str, Option], AfterValidator(check_options)]
Switches = Annotated[dict[str, bool | int | float], AfterValidator(check_options)]
Numbers = Annotated[dict[str, int | float | tuple[int, ...]], AfterValidator(check_options)]


def _check_option(name: str, value: bool | int | float | str) -> None:
    if isinstance(value, str) and value.lower() in ("yes", "no", "on", "off", "y", "n"):
        raise ValueError(f"{name}: got the text {value!r}, expected true or false")
    if isinstance(value, str) and not re.match("[A-Za-z_]", value):
        raise ValueError(f"{name}: got the text {value!r}, expected a number such as 10, 0.5 or 1e-6, or a name")
    if isinstance(value, bool | str):
        return
    least = 1 if isinstance(value, int) and name not in MAY_BE_ZERO else 0
    if value < least:
        raise ValueError(f"{name} = {value}, expected at least {least}")


def _explain(kind: type[BaseModel], error: Any, where: str) -> str:
    name = ".".join(map(str, error["loc"]))
    if not name:
        return f"{where}: {error['msg'].removeprefix('Value error, ')}"
    if error["type"] == "missing":
        return f"{where}: {name} is missing"
    if error["type"] == "value_error" and isinstance(error["input"], dict):  # a whole block is too long to show
        return f"{where}: {name}: {error['msg'].removeprefix('Value error, ')}"
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
        if get_origin(here) is UnionType:  # `Settings | None`
            here = next(part for part in get_args(here) if part is not type(None))
    return here
