"""The study's parameters: what `params.yaml` and `profiles/*.yaml` may say.

Unknown names fail with the list of the valid ones, before anything is run. Light on purpose (no torch): the
runner checks every value here before it starts a kernel.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Protocol = Literal["published", "corrected"]
Precision = Literal["auto", "32-true", "bf16-mixed"]


class Settings(BaseModel):
    """Base of all settings: immutable, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


S = TypeVar("S", bound=Settings)


class Splits(Settings):
    """Shares of the regions in each split; a region is never divided."""

    train: float = Field(0.6, gt=0, lt=1)
    val: float = Field(0.12, gt=0, lt=1)
    test: float = Field(0.28, gt=0, lt=1)


class DataSettings(Settings):
    """Where the pairs come from, and how many.

    `world` is the embedded procedural world; `folder` takes real high-resolution images and simulates the
    Sentinel-2 series; `pairs` takes real co-located pairs (`NAME_lr*.png`, `NAME_hr.png`).
    """

    source: Literal["world", "folder", "pairs"] = "world"
    path: str = ""
    seed: int = 0
    regions: int = Field(25, ge=3)
    chips_per_side: int = Field(4, ge=1, le=16)
    dates: int = Field(8, ge=1)
    cloudy_share: float = Field(0.2, ge=0, le=1)
    max_chips: int = Field(0, ge=0)  # of a folder; 0 takes all
    hr_gsd_m: float = Field(0.0, ge=0)  # resample georeferenced images to this; 0 keeps their own
    splits: Splits = Splits()


class PairSettings(Settings):
    """How a chip becomes a sample: number of dates, bands, and the seed of the frame choice."""

    dates: int = Field(8, ge=1)
    bands: tuple[str, ...] = ("tci",)
    seed: int = 0


class TrainSettings(Settings):
    """One method's training. `network` and `discriminator` are the constructors' own arguments."""

    network: dict[str, int | float | bool] = {}
    discriminator: dict[str, int | float | bool] = {}
    losses: dict[Literal["l1", "mse", "ssim", "gan"], float]
    steps: int = Field(ge=1)
    gan_start: int = Field(0, ge=0)  # the generator trains without the adversarial loss before this step
    batch: int = Field(8, ge=1)
    crop: int = Field(0, ge=0, multiple_of=8)  # train on random LR crops of this side in px; 0 takes whole chips
    accumulate: int = Field(1, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    milestones: tuple[int, ...] = ()
    gamma: float = 0.5
    ema: float = Field(0.999, ge=0, lt=1)
    precision: Precision = "auto"
    start_at_mean: bool = False  # let an untrained network put out the mean colour, which a short training needs
    validate_every: int = Field(100, ge=1)
    checkpoint_every: int = Field(100, ge=1)


class EvaluateSettings(Settings):
    """Which scores are computed, under which protocols."""

    metrics: tuple[str, ...] = ("psnr", "ssim", "cpsnr")
    protocols: tuple[Protocol, ...] = ("published", "corrected")
    batch: int = Field(32, ge=1)


class TableSettings(Settings):
    """Bootstrap intervals of the tables."""

    level: float = Field(0.95, gt=0.5, lt=1)
    resamples: int = Field(2000, ge=100)
    seed: int = 0


class Study(Settings):
    """The whole of `params.yaml`."""

    profile: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    data: DataSettings
    pairs: PairSettings
    methods: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    train: dict[str, TrainSettings]
    evaluate: EvaluateSettings
    table: TableSettings

    @model_validator(mode="after")
    def _enough_dates(self) -> Study:
        if self.data.source != "pairs" and self.pairs.dates > self.data.dates:
            raise ValueError(
                f"pairs.dates = {self.pairs.dates}, expected at most data.dates = {self.data.dates}: "
                "lower the one or raise the other"
            )
        return self

    @model_validator(mode="after")
    def _known_methods(self) -> Study:
        unknown = sorted(set(self.methods) - set(self.train) - {"bicubic"})
        if unknown:
            raise ValueError(f"methods = {unknown}, expected bicubic or one of {', '.join(self.train)}")
        return self


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
