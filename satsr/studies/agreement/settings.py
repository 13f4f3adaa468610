"""Settings of the agreement study."""

from __future__ import annotations

from satsr.common.settings import Protocol, Settings


class AgreementSettings(Settings):
    """The agreement study: what is asked, beside CLIPScore by every candidate to judge."""

    metrics: tuple[str, ...] = ("psnr", "ssim", "cpsnr")
    protocols: tuple[Protocol, ...] = ("published", "corrected")
    design: str = "book/preferences/stand_in.csv"  # the stand-in's pairs
