"""Settings of the downstream tasks: which tasks, from which inputs, by which networks."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from satsr.common.settings import Rate, Seed, Settings, Size
from satsr.evaluation.pair_claim import PairClaim
from satsr.models.methods import METHODS
from satsr.training.dense_settings import DenseSettings

TaskName = Literal["buildings", "roads", "land cover", "tree cover", "building count", "own"]
PLAIN = ("LR", "LR native", "LR stacked", "HR")  # inputs without a method
OF_METHOD = ("SR", "SR and LR", "features", "tuned features")  # those with one: `SR esrgan`
WITH_FEATURES = ("srcnn", "highresnet", "esrgan")  # methods whose generator has features to take


class NetworkSettings(Settings):
    """A task network, from random weights: a plain U-Net, or one of segmentation-models-pytorch."""

    kind: Literal["plain", "unet", "segformer"] = "plain"
    widths: tuple[Size, ...] = Field((16, 32, 64), min_length=2)  # from fine to coarse; of `unet`, those of its decoder
    encoder: str = "resnet18"  # of `unet` and `segformer`

    @model_validator(mode="after")
    def _known_depth(self) -> NetworkSettings:
        if self.kind == "unet" and not 3 <= len(self.widths) <= 5:
            raise ValueError(f"got {len(self.widths)} widths, expected 3 to 5: one for each level of the decoder")
        return self


class OwnTask(Settings):
    """A user's own task: one mask of 8-bit numbers beside every image."""

    masks: str  # their folder: `a/b.png` for the image `a/b.jpg`; COLUMN_ROW.png where data have tiles, not images
    classes: dict[str, int] = Field(min_length=1)  # name -> its number; one class is outlined, several are told apart
    others: tuple[int, ...] = (0,)  # numbers that are no class: what lies beside one, and is left out of several
    title: str = "own task"

    @model_validator(mode="after")
    def _numbers_once(self) -> OwnTask:
        numbers = [*self.classes.values(), *self.others]
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        if twice or not all(0 <= number <= 255 for number in numbers):
            raise ValueError(f"got numbers {numbers}, expected each once, from 0 to 255")
        return self


class DownstreamSettings(Settings):
    """The study of downstream tasks."""

    tasks: tuple[TaskName, ...] = ("buildings",)  # that this profile runs; others are "not run"
    inputs: tuple[str, ...] = ("LR", "SR esrgan", "HR")
    networks: dict[str, NetworkSettings] = {"U-Net": NetworkSettings()}  # the first runs every task
    other_networks_on: tuple[TaskName, ...] = ()  # tasks that the others run
    train: DenseSettings = DenseSettings()
    rates: tuple[Rate, ...] = Field((4e-3,), min_length=1)  # learning rates to choose from, for each input
    seeds: tuple[Seed, ...] = Field((0, 1), min_length=1)
    random_labels: bool = False  # also learn from labels of other places, which must give chance
    claims: tuple[PairClaim, ...] = ()  # of two inputs, in every task that is run
    own: OwnTask | None = None  # what the task `own` asks for

    @field_validator("inputs")
    @classmethod
    def _known_inputs(cls, inputs: tuple[str, ...]) -> tuple[str, ...]:
        for name in inputs:
            parts_of(name)
        return inputs

    @model_validator(mode="after")
    def _own_is_told(self) -> DownstreamSettings:
        if "own" in self.tasks and self.own is None:
            raise ValueError("got task own, expected a block `own` that names its masks and classes")
        return self

    @model_validator(mode="after")
    def _claims_of_inputs(self) -> DownstreamSettings:
        for claim in self.claims:
            for name in (claim.better, claim.worse):
                parts_of(name)
        return self


def parts_of(name: str) -> tuple[str, str]:
    """Return the kind of an input and its method, "" where it has none: `SR esrgan` is SR by esrgan.

    Raises:
        ValueError: a kind or a method that there is not.
    """
    if name in PLAIN:
        return name, ""
    kind, _, method = name.rpartition(" ")
    known = WITH_FEATURES if "features" in kind else tuple(METHODS)
    if kind not in OF_METHOD or method not in known:
        kinds = ", ".join((*PLAIN, *(f"{other} METHOD" for other in OF_METHOD)))
        raise ValueError(f"got input {name!r}, expected one of {kinds}; a METHOD of {', '.join(known)}")
    return kind, method
