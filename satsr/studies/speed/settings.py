"""Settings of the speed page."""

from __future__ import annotations

from pydantic import Field

from satsr.common.settings import Settings


class SpeedSettings(Settings):
    """The speed of every method, and how many steps the sampling ones need."""

    batches: tuple[int, ...] = (1, 8)
    rounds: int = Field(3, ge=1)
    steps: tuple[int, ...] = (1, 2, 4, 8)
    test_chips: int = Field(14, ge=1)  # test chips, over all regions, on which steps are compared
    metrics: tuple[str, ...] = ("psnr", "cpsnr", "lpips:judge")
