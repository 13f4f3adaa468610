"""A comparison that is named beforehand, of two things that one score tells apart."""

from __future__ import annotations

from satsr.common.settings import Settings


class PairClaim(Settings):
    """One comparison that is tested, by the score that decides where it is run."""

    better: str
    worse: str
    source: str = "this study"
