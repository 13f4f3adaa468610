"""Settings of the transfer study: which networks look, how many labels there are, and how one learns from them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from satsr.common.settings import Rate, Seed, Settings, Size
from satsr.evaluation.pair_claim import PairClaim
from satsr.models.methods import METHODS
from satsr.training.dense_settings import DenseSettings

Weights = Literal["first", "pairs", "shuffled pairs", "study"]
WITH_FEATURES = ("srcnn", "highresnet", "esrgan")  # generators whose features can be taken


class EncoderSettings(Settings):
    """What makes a vector of a place's images.

    A generator has the weights that it starts with (`first`), those of the study's own training, or those of a short
    training by L1 on true pairs, or on pairs whose HR is of another place: the control of what the pairs teach.
    """

    means: str = ""  # in words, for tables
    kind: Literal["pixels", "generator", "clip"]
    method: str = ""  # of a generator
    weights: Weights = "study"  # of a generator
    network: str = "loss"  # of a clip: a role of the study (`loss`, `judge`), or a published tag
    preprocess: Literal["own", "nearest"] = "own"  # of a clip; `nearest` ignores how it was trained to see
    sees: str = "LR"  # of pixels and a clip: LR, HR, or a method's output, `SR esrgan`; generators see LR

    @model_validator(mode="after")
    def _fits(self) -> EncoderSettings:
        if (self.kind == "generator") != bool(self.method):
            raise ValueError(f"got kind {self.kind} and method {self.method!r}, expected a method for generators only")
        if self.method and self.method not in WITH_FEATURES:
            raise ValueError(f"got method {self.method}, expected one of {', '.join(WITH_FEATURES)}")
        if self.kind == "generator" and self.sees != "LR":
            raise ValueError(f"got a generator that sees {self.sees}, expected LR: it makes the rest")
        if self.sees not in ("LR", "HR") and self.seen_method not in METHODS:
            raise ValueError(f"got sees {self.sees!r}, expected LR, HR or SR METHOD, of {', '.join(METHODS)}")
        return self

    @property
    def seen_method(self) -> str:
        """The method whose output is seen, or empty."""
        return self.sees.removeprefix("SR ") if self.sees.startswith("SR ") else ""


class TransferSettings(Settings):
    """The transfer study."""

    encoders: dict[str, EncoderSettings]
    run: tuple[str, ...] | None = None  # which of them this profile runs; null runs all
    shares: tuple[float, ...] = Field((0.1, 1.0), min_length=1)  # of the training labels
    probes: tuple[Literal["linear", "neighbours", "fine-tuned"], ...] = ("linear",)
    neighbours: Size = 5
    penalties: tuple[Rate, ...] = Field((1e-3, 1e-2, 1e-1), min_length=1)  # of the linear probe; validation chooses
    pretrain: DenseSettings = DenseSettings()  # of generators with the weights of pairs, true or shuffled
    steps: Size = 100  # of fine-tuning
    batch: Size = 16
    learning_rate: Rate = 1e-3
    seeds: tuple[Seed, ...] = Field((0, 1), min_length=1)  # of the draw of labels, and of the trainings
    claims: tuple[PairClaim, ...] = ()  # of two encoders, at every share and by every way of learning

    @field_validator("shares")
    @classmethod
    def _rising(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)) or not shares[0] > 0 or shares[-1] > 1:
            raise ValueError(f"got {shares}, expected rising shares above 0 and up to 1")
        return shares

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the encoders that this profile runs, in the order in which they are listed."""
        return tuple(name for name in self.encoders if self.run is None or name in self.run)

    @model_validator(mode="after")
    def _known_encoders(self) -> TransferSettings:
        named = {"run": self.run or (), "claims": [n for claim in self.claims for n in (claim.better, claim.worse)]}
        for where, names in named.items():
            unknown = sorted(set(names) - set(self.encoders))
            if unknown:
                raise ValueError(f"{where}: got {', '.join(unknown)}, expected some of {', '.join(self.encoders)}")
        return self
