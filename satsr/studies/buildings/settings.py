"""Settings of the counter of buildings, and of what counts as found."""

from __future__ import annotations

from pydantic import Field

from satsr.common.settings import Settings


class CounterSettings(Settings):
    """The counter of buildings, trained on HR images."""

    widths: tuple[int, ...] = (16, 32, 64, 96)
    steps: int = Field(200, ge=1)
    batch: int = Field(8, ge=1)
    learning_rate: float = Field(5e-3, gt=0)
    seed: int = 31


class BuildingSettings(Settings):
    """When a building counts as found."""

    iou: float = Field(0.5, gt=0, le=1)  # from which on an outline does
