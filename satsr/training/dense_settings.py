"""Settings of trainings on labels of pixels."""

from __future__ import annotations

from pydantic import Field

from satsr.common.settings import Rate, Seed, Settings, Share, Size


class DenseSettings(Settings):
    """A training on crops of images with labels for every pixel."""

    steps: Size = 200
    batch: Size = 16
    crop: int = Field(64, ge=0, multiple_of=8)  # px of the labels; 0 takes whole images
    near: Share = 0.8  # share of the crops that lie about an object, where objects are known
    learning_rate: Rate = 4e-3
    seed: Seed = 31
