"""Settings of the check on real pairs."""

from __future__ import annotations

from satsr.common.settings import Settings


class RealPairsSettings(Settings):
    """Whose models are tried on real pairs."""

    trained_by: tuple[str, ...] = ("default", "real")  # profiles
