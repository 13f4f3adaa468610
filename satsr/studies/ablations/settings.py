"""Settings of a study of variants: what each changes, which are run, and what is claimed of them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_validator

from satsr.common.settings import Count, Part, Protocol, Seed, Settings, Size
from satsr.data.settings import DataSettings, PairSettings
from satsr.evaluation.settings import Claim
from satsr.training.settings import TrainSettings

BICUBIC = "bicubic"  # beside the variants of every study
TEN_POINTS = 0.1  # Zooming Out, section 4, for the smallest model


class VariantsSettings(Settings):
    """What all studies of variants share: data of their own, so that the main ones stay as they are, and a training."""

    data: DataSettings
    pairs: PairSettings
    train: dict[str, TrainSettings]  # by method


class VariantSettings(Settings):
    """One named change of a training."""

    means: str = ""  # in words, for tables
    change: dict[str, Any] = {}  # of the study's training, laid on top: `{losses: {clip: 1.0}}` adds a loss
    pairs: dict[str, Any] = {}  # of how a place becomes a sample: dates, bands
    share: Part = 1.0  # of the training places; a smaller one lies within a larger one
    start: str = ""  # the variant that it goes on from; none starts from the seed's own weights
    start_steps: Count = 0  # how long that one was trained when it is taken over
    trained_as: str = ""  # the variant whose training is taken as it is, and only scored otherwise


class AblationSettings(Settings):
    """A study of variants of one training."""

    method: str = "esrgan"
    change: dict[str, Any] = {}  # of the common training, for every variant of this study
    baseline: str
    variants: dict[str, VariantSettings]
    run: tuple[str, ...] | None = None  # which of them this profile runs; null runs all
    seeds: tuple[Seed, ...] = (0,)
    metrics: tuple[str, ...] = ("clipscore:judge", "lpips:judge", "cpsnr")  # the first decides
    protocols: tuple[Protocol, ...] = ("corrected",)
    claims: tuple[Claim, ...] = ()
    published: float | None = Field(None, gt=0)  # size of the effect in the first metric, where it is known

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the variants that this profile runs, in the order in which they are listed."""
        return tuple(name for name in self.variants if self.run is None or name in self.run)

    @model_validator(mode="after")
    def _known_variants(self) -> AblationSettings:
        named = {"baseline": [self.baseline], "run": list(self.run or ())}
        named |= {"claims": [name for claim in self.claims for name in (claim.better, claim.worse)]}
        for field in ("start", "trained_as"):
            others = {name: getattr(v, field) for name, v in self.variants.items()}
            named |= {f"variants.{name}.{field}": [other] for name, other in others.items() if other}
        for where, names in named.items():
            unknown = sorted(set(names) - set(self.variants))
            if unknown:
                raise ValueError(f"{where}: got {', '.join(unknown)}, expected some of {', '.join(self.variants)}")
        if self.running and self.baseline not in self.running:
            raise ValueError(f"run: {self.baseline} is missing, expected it: it is the baseline")
        for name, variant in self.variants.items():
            if variant.start and self.variants[variant.start].start:
                raise ValueError(
                    f"variants.{name}.start: {variant.start} goes on from another itself, expected one that does not"
                )
            if variant.trained_as and (variant.start or variant.change or variant.share < 1):
                raise ValueError(f"variants.{name}: got trained_as and another training, expected one of them")
            if bool(variant.start) != bool(variant.start_steps):
                raise ValueError(f"variants.{name}: got one of start and start_steps, expected both or none")
        return self


class ScalingSettings(Settings):
    """Shares of the training places, and sizes of the generator; every pair of them is a variant."""

    shares: tuple[float, ...] = Field((0.01, 0.03, 0.1, 0.3, 1.0), min_length=2)
    sizes: dict[str, dict[str, Size]] = Field(min_length=1)  # name -> the network's sizes, the smallest first
    run: bool = True  # all of it, or nothing
    seeds: tuple[Seed, ...] = (0,)
    metrics: tuple[str, ...] = ("clipscore:judge", "lpips:judge", "cpsnr")

    @field_validator("shares")
    @classmethod
    def _rising(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)) or not shares[0] > 0 or shares[-1] > 1:
            raise ValueError(f"got {shares}, expected rising shares above 0 and up to 1")
        return shares

    @property
    def study(self) -> AblationSettings:
        """The grid as a study of variants; it claims the paper's ten points, for the smallest size."""
        grid = {
            name_of(size, share): VariantSettings(
                means=f"{size} network, {share:.0%} of the places", change={"network": dict(sizes)}, share=share
            )
            for size, sizes in self.sizes.items()
            for share in self.shares
        }
        small = next(iter(self.sizes))
        most, least = (name_of(small, self.shares[n]) for n in (-1, 0))
        metric = self.metrics[0]
        return AblationSettings(
            baseline=most,
            variants=grid,
            run=None if self.run else (),
            seeds=self.seeds,
            metrics=self.metrics,
            claims=(Claim(better=most, worse=least, metric=metric, source="Zooming Out, finding 3"),),
            published=TEN_POINTS,
        )


def name_of(size: str, share: float) -> str:
    """Return the name of a variant of the grid."""
    return f"{size}, {share:.0%}"


class GlobalModelSettings(Settings):
    """The combined recipe, trained without some climates and scored on them."""

    unseen: tuple[str, ...] = Field(min_length=1)  # climates of the embedded world that no training sees
    keep: str  # the variant whose weights are kept
    adapted: dict[str, Size] = {}  # variants that learn on so many places of the unseen climates, and on no others
    study: AblationSettings

    @model_validator(mode="after")
    def _known(self) -> GlobalModelSettings:
        for where, names in {"keep": [self.keep], "adapted": list(self.adapted)}.items():
            unknown = sorted(set(names) - set(self.study.variants))
            if unknown:
                raise ValueError(f"{where}: got {', '.join(unknown)}, expected one of {', '.join(self.study.variants)}")
        return self
