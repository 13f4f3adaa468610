"""Settings of the evaluation: which scores, under which protocols, and the intervals of the tables."""

from __future__ import annotations

from pydantic import Field

from satsr.common.settings import Protocol, Settings


class EvaluateSettings(Settings):
    """Which scores are computed, under which protocols."""

    metrics: tuple[str, ...] = ("psnr", "ssim", "cpsnr")  # METRIC or METRIC:NETWORK; `judge` is the chosen network
    protocols: tuple[Protocol, ...] = ("published", "corrected")
    set_distances: str = ""  # the trunk whose features FID and KID compare; none without
    batch: int = Field(32, ge=1)


class TableSettings(Settings):
    """Bootstrap intervals of the tables."""

    level: float = Field(0.95, gt=0.5, lt=1)
    resamples: int = Field(2000, ge=100)
    seed: int = 0
