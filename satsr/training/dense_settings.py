"""Settings of trainings on labels of pixels."""

from __future__ import annotations

from pydantic import Field

from satsr.common.settings import Settings


class DenseSettings(Settings):
    """A training on crops of images with labels for every pixel."""

    steps: int = Field(200, ge=1)
    batch: int = Field(16, ge=1)
    crop: int = Field(64, ge=0, multiple_of=8)  # px of the labels; 0 takes whole images
    near: float = Field(0.8, ge=0, le=1)  # share of the crops that lie about an object, where objects are known
    learning_rate: float = Field(4e-3, gt=0)
    seed: int = 31
