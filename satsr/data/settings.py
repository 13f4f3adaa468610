"""Settings of the data: where pairs come from, how a place becomes a sample, the other data sets."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from satsr.common.settings import Count, Level, Seed, Settings, Share, Size


class Splits(Settings):
    """Shares of the regions in each split; a region is never divided."""

    train: Level = 0.6
    val: Level = 0.12
    test: Level = 0.28


class DataSettings(Settings):
    """Where the pairs come from, and how many.

    `world` is the embedded procedural world; `folder` takes real high-resolution images and simulates the
    Sentinel-2 series; `pairs` takes real co-located pairs (`NAME_lr*.png`, `NAME_hr.png`); `s2naip` takes the folder of
    a download in either of its layouts, and copies nothing.
    """

    source: Literal["world", "folder", "pairs", "s2naip"] = "world"
    path: str = ""
    seed: Seed = 0
    regions: int = Field(25, ge=3)
    chips_per_side: int = Field(4, ge=1, le=16)
    dates: Size = 8
    cloudy_share: Share = 0.2
    max_chips: Count = 0  # of a folder; 0 takes all
    leakage: Literal["fail", "report"] = "fail"  # what test tiles too close to training do
    hr_gsd_m: float = Field(0.0, ge=0)  # resample georeferenced images to this; 0 keeps their own
    hr_bands: tuple[Size, ...] = ()  # numbers of red, green and blue in a folder's images; none takes what files say
    splits: Splits = Splits()

    @field_validator("hr_bands")
    @classmethod
    def _three(cls, bands: tuple[int, ...]) -> tuple[int, ...]:
        if len(bands) not in (0, 3):
            raise ValueError(f"got {len(bands)} bands, expected three numbers, of red, green and blue, or none")
        return bands


class PairSettings(Settings):
    """How a chip becomes a sample: number of dates, bands, and the seed of the frame choice."""

    dates: Size = 8
    bands: tuple[str, ...] = ("tci",)  # `tci` is red, green and blue; none takes those that the data set's reader names
    seed: Seed = 0
    old_hr: bool = False  # the older HR image too, for a discriminator
    objects: Count = 0  # boxes of objects that are drawn of every place, for a discriminator of objects


class TwinSettings(Settings):
    """The embedded twins of the papers' other data sets: the same landscapes under other cameras."""

    regions: int = Field(18, ge=3)
    chips_per_side: int = Field(4, ge=2, le=16)
    seed: Seed = 1000  # other landscapes than those of the main data set, which networks were pretrained on
    cloudy_share: Share = 0.2
    splits: Splits = Splits()


class DataSetSettings(Settings):
    """One of the papers' other data sets: its twin, or a download by its folder, and how a place becomes a sample."""

    path: str = ""  # folder of the download, in its published layout or as shards; empty takes the embedded twin
    treatment: Literal["native", "paper-time"] = "native"  # paper-time: PROBA-V as x4, OLI2MSI as x2
    leakage: Literal["fail", "report"] = "fail"  # what neighbours across splits do
    pairs: PairSettings = PairSettings(bands=())
    metrics: tuple[str, ...] = ()  # beside those of all data sets
