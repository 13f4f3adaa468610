"""S2-NAIP, the data set of "Zooming Out on Zooming In", in the layout of today and in the one of the paper's time.

Today's layout is described in `satsr.data.readers.s2naip_folder`. The old one, until December 2023, holds the same
chips as

    naip_128/{image_uuid}/tci/{col}_{row}.png                       (128, 128, 3)
    s2_condensed/{col//16}_{row//16}/{row%16}_{col%16}.png          (T * 32, 32, 3)
    s2_condensed/{col//16}_{row//16}/{band}/{row%16}_{col%16}.png   where further bands were exported

Folders are named column first, the files in them **row first**.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from satsr.common.stray import own_files
from satsr.common.tile_grid import HR_GSD_M, LR_PX, REGION_TILES, SCALE, corner_m
from satsr.data.reader import COLOURS, Facts, Reader, Sample, days_since_1970
from satsr.data.readers.s2naip_folder import (
    BANDS,
    SPLIT_FOLDERS,
    Image8,
    S2NAIPFolder,
    capture_date,
    linked,
    place_of,
    read_stack,
    region_of,
)

GRID_SIDE = 16  # chips along a side of a place of the test split
WHITE = 255.0  # every file is 8 bits deep

_NOTES = (
    "Further sets go by `folder_name`: train_full_set, small_val_set. test_set has no HR: `read_grid`.",
    "No dates are published; the sidecar dates.csv carries them where this project wrote the data.",
    "A missing band file is an error here; the reference code reads zeros.",
    "b01 to b12 are L1C values divided by 8160, clipped and stored in 8 bits, at 10 m sampling like tci.",
    "How the paper chose its test places is not published; test is held_out_set, which its configurations name.",
    "The licence of the images was not seen; that of the code is Apache-2.0.",
)


class OldFolder(S2NAIPFolder):
    """One split in the layout of the paper's time; what stands beside the images is where it is today.

    Args:
        folder: the split's folder, with `naip_128/` and `s2_condensed/` in it.

    Raises:
        FileNotFoundError: the folder holds no chips in this layout.
    """

    def __init__(self, folder: Path) -> None:
        folder = self.folder = linked(folder)
        self._uuid = {p.stem: p.parent.parent.name for p in own_files(folder, "naip_128/*/tci/*_*.png")}
        if not self._uuid:
            raise FileNotFoundError(f"{folder}: expected naip_128/{{uuid}}/tci/{{col}}_{{row}}.png, found none of them")

    def hr_path(self, tile: str) -> Path:
        """Return where the NAIP chip lies."""
        return self.folder / "naip_128" / self._uuid[tile] / "tci" / f"{tile}.png"

    def hr(self, tile: str) -> Image8:
        """Return the NAIP chip (128, 128, 3)."""
        return self._square(self.hr_path(tile), LR_PX * SCALE)

    def series_path(self, tile: str, band: str) -> Path:
        """Return where a band lies: tci in the group's folder itself, or in one of its own beside other bands."""
        col, row = place_of(tile)
        group = self.folder / "s2_condensed" / region_of(tile)
        name = f"{row % REGION_TILES}_{col % REGION_TILES}.png"  # row first, unlike the folder
        flat = group / name
        return flat if band == "tci" and flat.is_file() else group / band / name

    def series(self, tile: str, band: str = "tci") -> Image8:
        """Return all dates of one band: (T, 32, 32, 3) for tci, (T, 32, 32) for others."""
        return read_stack(self.series_path(tile, band), 3 if band == "tci" else 1)


class S2NAIP(Reader):
    """S2-NAIP as it is published today.

    Args:
        folder: holds the splits' folders.
        split: `train`, `val` or `test`.
        folder_name: of other chips than the split's own, such as `small_val_set`.
    """

    layout: ClassVar[type[S2NAIPFolder]] = S2NAIPFolder
    facts = Facts(
        name="s2naip",
        title="S2-NAIP",
        lr_sensor="Sentinel-2 L1C (true colour)",
        hr_sensor="NAIP",
        lr_gsd_m=HR_GSD_M * SCALE,
        hr_gsd_m=HR_GSD_M,
        scale=SCALE,
        lr_px=(LR_PX, LR_PX),
        bands=(*COLOURS, *BANDS[1:]),
        bands_in=COLOURS,
        bands_out=COLOURS,
        dates="varies; not filtered for cloud",
        years="2019-2020",
        pairs=1_200_000,  # Zooming Out, abstract of section 3; the data card says about 1.1 million
        km2=113_000.0,  # as summaries of the paper have it: with the equator's tile size
        size_gb=700.0,  # 15 archives of 48.3 GB and perhaps more
        licence="not stated with the data",
        source="https://github.com/allenai/satlas-super-resolution",
        citation="Wolters, Bastani, Kembhavi: Zooming Out on Zooming In. arXiv 2311.18082, 2023",
        splits=SPLIT_FOLDERS,
        notes=_NOTES,
    )

    def __init__(self, folder: Path, split: str, folder_name: str = "") -> None:
        super().__init__(folder, split)
        self._chips = self.layout(folder / (folder_name or SPLIT_FOLDERS[split]))
        self._tiles = self.chips.tiles

    @classmethod
    def open(cls, folder: Path, split: str) -> S2NAIP:
        """Return the reader of a split in the layout of today or of the paper's time, whichever lies there."""
        return cls.of_folder(folder / SPLIT_FOLDERS[split], split)

    @classmethod
    def of_folder(cls, folder: Path, split: str = "test") -> S2NAIP:
        """Return the reader of the folder that holds a split's chips, whatever its name and layout."""
        old = (linked(folder) / "naip_128").is_dir()
        found: type[S2NAIP] = S2NAIPOld if old else cls
        return found(folder.parent, split, folder.name)

    @property
    def chips(self) -> S2NAIPFolder:
        """The folder of the split's chips, for objects, captions and outlines."""
        return self._chips

    @property
    def tiles(self) -> Sequence[str]:
        """All tiles of the split, `{col}_{row}`."""
        return self._tiles

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one tile; a pixel is valid unless it is black, that is 0 in all bands."""
        tci, hr = self.chips.series(tile), self.chips.hr(tile)
        series = np.stack([self._band(tile, band, tci) for band in bands], axis=-1)
        hr_valid = _seen(hr)
        return Sample(
            series=series,
            valid=_seen(series),
            good=np.asarray(_seen(tci).all(axis=(1, 2))),
            days=self._days(tile, len(series)),
            hr=hr,
            hr_valid=hr_valid,
            day=days_since_1970(capture_date(self.chips.uuid(tile))),
            white=WHITE,
            hr_white=WHITE,
            unusable="" if hr_valid.all() else "black HR pixels",
        )

    def read_sidecars(self) -> None:
        """Read the regions and positions of the split; see `Reader.read_sidecars`."""
        self.chips.read_sidecars()

    def region(self, tile: str) -> str:
        """Return the group of 16 x 16 tiles, or what a sidecar says."""
        return self.chips.region(tile)

    def corner(self, tile: str) -> tuple[int, int]:
        """Return row and column of the first LR pixel in the grid of all tiles of the world."""
        col, row = place_of(tile)
        return row * LR_PX, col * LR_PX

    def position(self, tile: str) -> tuple[float, float] | None:
        """Return the corner of the Web-Mercator tile that the name tells; of a made-up name, what a sidecar says."""
        known = self.chips.positions
        return corner_m(*place_of(tile)) if known is None else known.get(tile)

    def weight(self, tile: str) -> float:
        """Return the published sampling weight, 1 where there is none."""
        return self.chips.weights[tile]

    def extras(self, tile: str) -> dict[str, Any]:
        """Return what some tiles have beside the pair: old_hr, objects, labels and caption; None where absent."""
        found = self._chips
        return {
            "old_hr": found.old_hr(tile),
            "objects": found.objects(tile),
            "labels": found.land_cover(tile),
            "caption": found.caption(tile),
        }

    def files(self, tile: str) -> list[Path]:
        """Return the NAIP chip and the true colour stack."""
        root = self.chips.folder
        return [root / "naip" / self.chips.uuid(tile) / tile / "rgb.png", root / "sentinel2" / tile / "tci.png"]

    def _band(self, tile: str, band: str, tci: Image8) -> Image8:
        """Return all dates of one band, (T, 32, 32)."""
        if band in COLOURS:
            return tci[..., COLOURS.index(band)]
        if band not in self.facts.bands:
            raise ValueError(f"{self.facts.name}: got band {band!r}, expected one of {', '.join(self.facts.bands)}")
        frames = self.chips.series(tile, band)
        if len(frames) != len(tci):
            raise ValueError(
                f"tile {tile}: {len(frames)} dates of {band}, expected {len(tci)} as in tci: download that file again"
            )
        return frames

    def _days(self, tile: str, count: int) -> NDArray[np.float64]:
        dates = self.chips.dates(tile)
        if dates is None:
            return np.full(count, np.nan)
        if len(dates) != count:
            raise ValueError(f"tile {tile}: dates.csv names {len(dates)} dates, expected {count}: one for each frame")
        return np.array([days_since_1970(day) for day in dates])


class S2NAIPOld(S2NAIP):
    """S2-NAIP as it was published until December 2023, and as the paper's own code read it."""

    facts = replace(S2NAIP.facts, name="s2naip-old", title="S2-NAIP, layout of 2023")
    layout = OldFolder
    _chips: OldFolder

    def files(self, tile: str) -> list[Path]:
        """Return the NAIP chip and the true colour stack."""
        return [self._chips.hr_path(tile), self._chips.series_path(tile, "tci")]


def _seen(image: Image8) -> NDArray[np.bool_]:
    """Return where a pixel (..., C) is not black."""
    return np.asarray((image > 0).any(axis=-1))


def read_grid(folder: Path, tile: str) -> list[Image8]:
    """Return the 16 x 16 chips of one place of the test split, which has no HR.

    Args:
        folder: of the test split, with `sentinel2/{tile}/{i}_{j}.png` in it; i is the row, j the column.
        tile: name of the place.

    Returns:
        256 stacks (T, 32, 32, 3), row by row; T may differ from chip to chip.

    Raises:
        FileNotFoundError, ValueError: a chip is missing or cannot be read.
    """
    places = [(i, j) for i in range(GRID_SIDE) for j in range(GRID_SIDE)]
    return [read_stack(folder / "sentinel2" / tile / f"{i}_{j}.png", 3) for i, j in places]
