"""Settings of the networks that look at images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from satsr.common.settings import Numbers, Rate, Seed, Settings, Size


class ClipSettings(Settings):
    """One CLIP: published weights, or a small one that the study trains on captioned scenes."""

    weights: str = ""  # ARCHITECTURE/TAG of open_clip, ARCHITECTURE/FILE or a folder, in place of a training
    tower: Numbers = {}  # open_clip's vision_cfg
    steps: Size = 100
    batch: int = Field(32, ge=2)
    learning_rate: Rate = 2e-3
    seed: Seed = 0  # of the weights and of the order of the scenes


class TrunkSettings(Settings):
    """One feature trunk: published weights, or a small one that the study trains on captioned scenes."""

    weights: str = ""  # alex, vgg, vgg19, squeeze, NAME/FILE or a folder, in place of a training
    kind: Literal["vgg", "alex"] = "vgg"
    widths: tuple[Size, ...] = (16, 32, 64)
    steps: Size = 100
    batch: int = Field(32, ge=2)
    learning_rate: Rate = 2e-3
    seed: Seed = 0


class PerceptionSettings(Settings):
    """The networks that look at images. The one named `loss` is for losses; the others are candidates to judge."""

    clips: dict[str, ClipSettings]
    trunks: dict[str, TrunkSettings]

    @model_validator(mode="after")
    def _two_sides(self) -> PerceptionSettings:
        for what, networks in (("clips", self.clips), ("trunks", self.trunks)):
            if "loss" not in networks or len(networks) < 2:
                raise ValueError(f"{what} = {sorted(networks)}, expected `loss` and at least one other, which judges")
            loss = networks["loss"]
            for name, other in networks.items():
                trained = not (other.weights or loss.weights)  # published weights have no seed here
                alike = (trained and other.seed == loss.seed) or _architecture(other) == _architecture(loss)
                if name != "loss" and alike:
                    raise ValueError(f"{what}.{name} has the seed or the architecture of {what}.loss, expected others")
        return self


def _architecture(network: ClipSettings | TrunkSettings) -> object:
    if network.weights:
        return network.weights
    return network.tower if isinstance(network, ClipSettings) else (network.kind, network.widths)
