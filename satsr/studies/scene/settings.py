"""Settings of the page on a whole scene."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from satsr.common.settings import Seed, Settings, Size


class SceneSettings(Settings):
    """A region that no training saw, and how it is super-resolved.

    Attributes:
        methods: in the order of the page; `bicubic` or trained ones.
        chips_per_side: of the region; a chip is 128 px of HR.
        dates: Sentinel-2 passes, or how many of real products are used at most.
        cloudy_share: of the passes that have clouds.
        window_px: side of the windows, so that a small scene has borders to look for; models with a size of their own
            keep it.
        timed_px: sides of the areas whose time is measured.
        seed: of the world, which is another than that of the data.
        products: real products in place of a region; then `chips_per_side`, `cloudy_share` and `seed` say nothing.
        level: of products that do not say it: `L1C` or `L2A`.
        baseline: their processing baseline, likewise.
        window: row, column, height and width of the part of them that is looked at; none takes all.
    """

    methods: tuple[str, ...] = ("bicubic", "highresnet", "esrgan")
    chips_per_side: int = Field(4, ge=1, le=16)
    dates: Size = 8
    cloudy_share: float = Field(0.3, ge=0, le=1)
    window_px: Size = 80
    timed_px: tuple[Size, ...] = (60, 120)
    seed: Seed = 1000
    products: tuple[Path, ...] = ()
    level: str | None = None
    baseline: str | None = None
    window: tuple[int, int, int, int] | None = None

    def said(self) -> dict[str, str]:
        """Return what `open_product` is told of products that do not say it themselves."""
        told = {"level": self.level, "baseline": self.baseline}
        return {name: text for name, text in told.items() if text is not None}
