"""Settings of the evaluation: which scores, under which protocols, and the intervals of the tables."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, field_validator, model_validator

from satsr.common.settings import Protocol, Seed, Settings, Size
from satsr.metrics.facts import find_metric
from satsr.models.methods import find_method


class EvaluateSettings(Settings):
    """Which scores are computed, under which protocols."""

    metrics: tuple[str, ...] = ("psnr", "ssim", "cpsnr")  # METRIC or METRIC:NETWORK; `judge` is the chosen network
    protocols: tuple[Protocol, ...] = ("published", "corrected")
    set_distances: str = ""  # the trunk whose features FID and KID compare; none without
    batch: Size = 32


class TableSettings(Settings):
    """Bootstrap intervals of the tables."""

    level: float = Field(0.95, gt=0.5, lt=1)
    resamples: int = Field(2000, ge=100)
    seed: Seed = 0


class Claim(Settings):
    """A comparison that is named before it is run: one method, or variant, is better than another in one metric."""

    better: str
    worse: str
    metric: str
    protocol: Protocol = "corrected"
    source: str = "this study"  # who says so

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, name: str) -> str:
        find_metric(name)
        return name

    @model_validator(mode="after")
    def _two_methods(self) -> Claim:
        if self.better == self.worse:
            raise ValueError(f"got {self.better} against itself, expected two of them")
        return self


class MethodClaim(Claim):
    """A claim about two methods."""

    @field_validator("better", "worse")
    @classmethod
    def _known_method(cls, name: str) -> str:
        find_method(name)
        return name


class ClaimSettings(Settings):
    """What the study claims, named beforehand: only these comparisons are tested, and their methods trained anew."""

    seeds: tuple[Seed, ...] = (0,)  # of every method that a claim names
    without_seeds: tuple[str, ...] = ()  # named methods that for time have only the others' seeds
    comparisons: tuple[MethodClaim, ...] = ()

    @field_validator("without_seeds")
    @classmethod
    def _known_methods(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            find_method(name)
        return names

    @model_validator(mode="after")
    def _once(self) -> ClaimSettings:
        asked = [(frozenset((c.better, c.worse)), c.metric, c.protocol) for c in self.comparisons]
        twice = next((c for c, key in zip(self.comparisons, asked, strict=True) if asked.count(key) > 1), None)
        if twice:
            raise ValueError(
                f"comparisons: got {twice.better} and {twice.worse} in {twice.metric} ({twice.protocol}) twice, "
                "expected each pair once: it would be tested twice"
            )
        return self

    def seeds_of(self, method: str, others: Sequence[int]) -> tuple[int, ...]:
        """Return the training seeds of a method.

        Args:
            method: its name.
            others: seeds of the methods that no claim names.
        """
        named = any(method in (claim.better, claim.worse) for claim in self.comparisons)
        return self.seeds if named and method not in self.without_seeds else tuple(others)
