"""Settings of the speed page."""

from __future__ import annotations

from satsr.common.settings import Settings, Size


class SpeedSettings(Settings):
    """The speed of every method, and how many steps the sampling ones need."""

    batches: tuple[Size, ...] = (1, 8)
    rounds: Size = 3
    steps: tuple[Size, ...] = (1, 2, 4, 8)
    test_chips: Size = 14  # test chips, over all regions, on which steps are compared
    metrics: tuple[str, ...] = ("psnr", "cpsnr", "lpips:judge")
