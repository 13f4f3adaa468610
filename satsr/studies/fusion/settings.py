"""Settings of the study of SatDiffMoE."""

from __future__ import annotations

from typing import Literal

from satsr.common.settings import Count, Level, Settings, Share, Size

AS_SET = "as set"  # what tables call the variant that changes nothing


class FusionStudySettings(Settings):
    """The study of SatDiffMoE: which options are tried, and on how many places."""

    choose_chips: Size = 4  # validation chips, over all regions, which choose between options
    test_chips: Size = 8  # test chips, over all regions, which are reported
    images: tuple[Size, ...] = (1, 2, 4, 8)
    strength: tuple[Share, ...] = (0.0, 0.25, 0.5, 0.75)
    every: tuple[Count, ...] = (0, 2)
    distance: tuple[Literal["l2", "lpips"], ...] = ("lpips",)
    sampling_steps: tuple[Size, ...] = (1, 2, 10)
    metrics: tuple[str, ...] = ("psnr", "ssim", "lpips:judge")
    levels: tuple[Level, ...] = (0.5, 0.68, 0.8, 0.9, 0.95)
