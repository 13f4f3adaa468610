"""Settings of the counter of buildings."""

from __future__ import annotations

from pydantic import Field

from satsr.common.settings import Settings


class BuildingSettings(Settings):
    """The counter of buildings, trained on HR images."""

    widths: tuple[int, ...] = (16, 32, 64, 96)
    steps: int = Field(200, ge=1)
    batch: int = Field(8, ge=1)
    learning_rate: float = Field(5e-3, gt=0)
    seed: int = 31
    iou: float = Field(0.5, gt=0, le=1)  # from which on an outline counts as found
