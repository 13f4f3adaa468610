"""Settings of the agreement study."""

from __future__ import annotations

from satsr.common.settings import Count, Protocol, Settings


class AgreementSettings(Settings):
    """The agreement study: what is asked, beside CLIPScore by every candidate to judge."""

    metrics: tuple[str, ...] = ("psnr", "ssim", "cpsnr")
    protocols: tuple[Protocol, ...] = ("published", "corrected")
    design: str = "book/preferences/stand_in.csv"  # the stand-in's pairs
    pairs_per_cell: Count = 0  # of every part, fault, base and step; 0 takes all that the design has
