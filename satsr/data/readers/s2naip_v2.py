"""AI2-S2-NAIP, the second S2-NAIP data set (2024): UTM tiles of 640 m with all Sentinel-2 bands and dates.

Unpacked, a tile `{epsg}_{col}_{row}` is

    naip/{tile}.png             (512, 512, 4)     red, green, blue, near infrared at 1.25 m
    sentinel2/{tile}_8.tif      (T * 4, 64, 64)   B02 B03 B04 B08 of date 0, then of date 1, ... at 10 m
    sentinel2/{tile}_16.tif     (T * 6, 32, 32)   at 20 m
    sentinel2/{tile}_32.tif     (T * 3, 16, 16)   at 40 m, the 60 m bands
    oldnaip/{tile}.png  openstreetmap/{tile}.geojson  worldcover/{tile}.png

and the download has the same names in tars, `{kind}_{epsg}/{epsg}_{col//32}_{row//32}.tar`, besides `sentinel2.csv`
(projection, col, row, index, scene) and `naip.csv` (projection, col, row, naip_scene) for all zones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satsr.common.digests import text_number
from satsr.common.reading_text import parse_json, readable
from satsr.common.stray import own_files
from satsr.data.reader import Facts, Reader, Sample
from satsr.data.readers.s2naip_folder import Objects
from satsr.data.readers.s2naip_v2_dates import naip_days, scene_days
from satsr.data.readers.tar_files import Files, FolderFiles, TarFiles, decode_png, decode_tiff
from satsr.data.readers.tiffs import web_mercator

LR_PX, NAIP_PX, SCALE = 64, 512, 4
SHARD_TILES = 32  # tiles along a side of a shard, 20.5 km
WHITE = 8160.0  # divisor of the authors' loader, and of 16-bit bands in the first data set's card
HR_WHITE = 255.0
GROUPS = {  # file ending -> bands of one date in their order; the 20 m group: see the notes
    "8": ("blue", "green", "red", "b08"),
    "16": ("b05", "b06", "b07", "b11", "b12", "b8a"),
    "32": ("b01", "b09", "b10"),
}
TILE = re.compile(r"\d{5}_-?\d+_-?\d+")
AGAIN = "download that file again"
SPLIT_TENTHS = {"train": range(8), "val": range(8, 9), "test": range(9, 10)}

_NOTES = (
    "Published ratio is 8 (512 px of NAIP on 64 px): HR is NAIP averaged over 2 x 2 pixels, as the "
    "bilinear halving of the authors' loader does, so the scale is 4 and the sampling 2.5 m.",
    "White is 8160. The authors' viewer shows values / 10 clipped at 255, three times brighter, but near infrared over "
    "plants would clip there.",
    "No split is published: shards of 32 x 32 tiles are shared out 8 : 1 : 1 by a digest of their name, so that "
    "neighbours stay together.",
    "Bands of 20 and 60 m are repeated onto the 10 m grid. The 60 m bands are stored at 40 m.",
    "Order in the 20 m file follows the authors' program that wrote it: B05 B06 B07 B11 B12 B8A. Their data card says "
    "B05 B06 B07 B8A B11 B12. Not checked against the files: compare before b8a, b11 or b12 are used.",
    "A band that was missing when the data were made is stored as 0; a pixel that is 0 in a requested band is invalid.",
    "Columns of the two CSV files follow the authors' programs; without sentinel2.csv there are no dates.",
    "The authors chose the 16 to 32 least cloudy images within about two months of the NAIP image, and stored them in "
    "that order, not by date.",
    "Tiles without NAIP or without Sentinel-2 images are left out.",
)


class S2NAIPv2(Reader):
    """AI2-S2-NAIP from an unpacked folder or from its tar shards.

    Args:
        folder: holds `naip/`, `sentinel2/`, ..., or `naip_{epsg}/*.tar`, `sentinel2_{epsg}/*.tar`, ...
        split: `train`, `val` or `test`.

    Raises:
        FileNotFoundError: the folder holds neither.
        ValueError: a shard is truncated.
    """

    facts = Facts(
        name="s2naip-v2",
        title="AI2-S2-NAIP",
        lr_sensor="Sentinel-2 L1C",
        hr_sensor="NAIP",
        lr_gsd_m=10.0,
        hr_gsd_m=2.5,
        scale=SCALE,
        lr_px=(LR_PX, LR_PX),
        bands=("red", "green", "blue", "b08", *GROUPS["16"], *GROUPS["32"]),
        bands_in=("red", "green", "blue"),
        bands_out=("red", "green", "blue"),
        dates="16 to 32",
        years="2019-2021",
        pairs=None,
        km2=None,
        size_gb=None,
        licence="Apache-2.0",
        source="https://huggingface.co/datasets/allenai/s2-naip",
        citation="Allen Institute for AI: AI2-S2-NAIP, 2024",
        splits={"train": "8 in 10 shards", "val": "1 in 10 shards", "test": "1 in 10 shards"},
        notes=_NOTES,
    )

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        self.store = open_files(folder)

    @cached_property
    def tiles(self) -> Sequence[str]:
        """All tiles of the split that have NAIP and Sentinel-2 images, sorted by name."""
        naip = {name.removesuffix(".png") for name in self.store.names("naip")}
        series = {name.removesuffix("_8.tif") for name in self.store.names("sentinel2") if name.endswith("_8.tif")}
        return sorted(tile for tile in naip & series if self._split_of(tile) == self.split)

    def read_sidecars(self) -> None:
        """Read the regions and the two tables of dates; see `Reader.read_sidecars`."""
        super().read_sidecars()
        _ = self._scene_days, self._naip_days

    def region(self, tile: str) -> str:
        """Return the shard of 32 x 32 tiles, or what the sidecar says."""
        epsg, col, row = place_of(tile)
        return self._regions.get(tile) or f"{epsg}_{col // SHARD_TILES}_{row // SHARD_TILES}"

    def position(self, tile: str) -> tuple[float, float]:
        """Return the corner of the UTM tile that the name tells; rows and columns count pixels of 10 m by 64."""
        epsg, col, row = place_of(tile)
        return web_mercator(col * LR_PX * self.facts.lr_gsd_m, -row * LR_PX * self.facts.lr_gsd_m, f"EPSG:{epsg}")

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one tile."""
        groups = {group: self._group(tile, group) for group in sorted({self._group_of(band) for band in bands})}
        if len({len(frames) for frames in groups.values()}) > 1:
            counts = ", ".join(f"{len(frames)} in _{group}.tif" for group, frames in groups.items())
            raise ValueError(f"{tile}: number of dates differs, {counts}: download that tile again")
        series = np.stack([self._band(groups, band) for band in bands], axis=-1)
        naip = self._naip("naip", tile)
        hr_valid = np.asarray(_blocks(np.asarray(naip.any(axis=-1))).all(axis=(1, 3)))
        valid = np.asarray((series > 0).all(axis=-1))
        return Sample(
            series=series,
            valid=valid,
            good=np.asarray(valid.all(axis=(1, 2))),
            days=self._days_of(tile, len(series)),
            hr=halved(naip[..., :3]),
            hr_valid=hr_valid,
            day=self._naip_days.get(tile, np.nan),
            white=WHITE,
            hr_white=HR_WHITE,
            unusable="" if hr_valid.all() else "black HR pixels",
        )

    def extras(self, tile: str) -> dict[str, Any]:
        """Return what lies beside the pair, on the HR grid of 256 x 256; None where the tile has none.

        Returns:
            old_hr (256, 256, 3); near_infrared (256, 256) of the newer NAIP; objects, category -> boxes; labels
            (256, 256), WorldCover codes; caption, always None.
        """
        cover = f"worldcover/{tile}.png"
        labels = decode_png(cover, self.store.open(cover), (LR_PX, LR_PX)) if self._has(cover) else None
        return {
            "old_hr": halved(self._naip("oldnaip", tile)[..., :3]) if self._has(f"oldnaip/{tile}.png") else None,
            "near_infrared": halved(self._naip("naip", tile)[..., 3:])[..., 0],
            "objects": self._objects(tile),
            "labels": None if labels is None else np.kron(labels, np.ones((SCALE, SCALE), np.uint8)),
            "caption": None,
        }

    def files(self, tile: str) -> list[Path]:
        """Return the files, or shards, that hold NAIP and the 10 m bands."""
        return [self.store.path(f"naip/{tile}.png"), self.store.path(f"sentinel2/{tile}_8.tif")]

    def _split_of(self, tile: str) -> str:
        """Return the split of a tile; one whose name is no tile's is met, and refused, in training."""
        return split_of(self.region(tile)) if TILE.fullmatch(tile) else "train"

    def _group_of(self, band: str) -> str:
        found = [group for group, bands in GROUPS.items() if band in bands]
        if not found:
            raise ValueError(f"{self.facts.name}: got band {band!r}, expected one of {', '.join(self.facts.bands)}")
        return found[0]

    def _group(self, tile: str, group: str) -> NDArray[np.uint16]:
        """Return all dates of a group of bands, (T, C, h, w)."""
        name = f"sentinel2/{tile}_{group}.tif"
        stack = decode_tiff(name, self.store.open(name))
        count, side = len(GROUPS[group]), NAIP_PX // int(group)
        if len(stack) % count or stack.shape[1:] != (side, side):
            raise ValueError(
                f"{name}: expected (T * {count}, {side}, {side}), got {stack.shape}: download that tile again"
            )
        return stack.reshape(-1, count, side, side)  # (T, C, h, w): all bands of one date lie together

    def _band(self, groups: dict[str, NDArray[np.uint16]], band: str) -> NDArray[np.uint16]:
        """Return one band on the 10 m grid, (T, 64, 64)."""
        group = self._group_of(band)
        frames = groups[group][:, GROUPS[group].index(band)]
        times = LR_PX // frames.shape[-1]
        return frames.repeat(times, axis=1).repeat(times, axis=2)

    def _naip(self, kind: str, tile: str) -> NDArray[np.uint8]:
        name = f"{kind}/{tile}.png"
        return decode_png(name, self.store.open(name), (NAIP_PX, NAIP_PX, 4))

    def _has(self, name: str) -> bool:
        try:
            return self.store.path(name).is_file()
        except FileNotFoundError:
            return False

    def _objects(self, tile: str) -> Objects:
        """Return a box around every feature of OpenStreetMap, in HR pixels."""
        name, found = f"openstreetmap/{tile}.geojson", Objects()
        if self._has(name):
            told = parse_json(self.store.open(name), name, AGAIN)
            with readable(name, "features with coordinates and a category", AGAIN):
                for feature in told["features"]:
                    x, y = np.array(list(_points(feature["geometry"]["coordinates"]))).T / 2  # NAIP is halved
                    box = (int(x.min()), int(y.min()), int(np.ceil(x.max())), int(np.ceil(y.max())))
                    found.setdefault(feature["properties"]["category"], []).append(box)
        return found

    def _days_of(self, tile: str, count: int) -> NDArray[np.float64]:
        days = self._scene_days.get(tile)
        if days is None:
            return np.full(count, np.nan)
        if len(days) != count:
            raise ValueError(f"sentinel2.csv: {len(days)} scenes of {tile}, expected {count}: download both again")
        return days

    @cached_property
    def _scene_days(self) -> dict[str, NDArray[np.float64]]:
        return scene_days(self.folder / "sentinel2.csv", self._number)

    @cached_property
    def _naip_days(self) -> dict[str, float]:
        return naip_days(self.folder / "naip.csv", self._number)


def open_files(folder: Path) -> Files:
    """Return the files of a download: from its shards where there are any, else unpacked.

    Raises:
        FileNotFoundError: neither is there.
        ValueError: a shard is truncated.
    """
    shards = own_files(folder, "*_*/*.tar")
    if shards:
        return TarFiles(folder, shards)
    if not (folder / "sentinel2").is_dir():
        raise FileNotFoundError(
            f"{folder}: expected sentinel2/{{tile}}_8.tif or sentinel2_{{epsg}}/*.tar, found neither: download them"
        )
    return FolderFiles(folder)


def place_of(tile: str) -> tuple[int, int, int]:
    """Return EPSG code, column and row of a tile; rows count from the equator and are negative north of it."""
    if not TILE.fullmatch(tile):
        raise ValueError(f"got tile {tile!r}, expected {{epsg}}_{{col}}_{{row}}, such as 32612_960_-6049")
    epsg, col, row = map(int, tile.split("_"))
    return epsg, col, row


def split_of(region: str) -> str:
    """Return the split of a region, the same on every machine."""
    tenth = text_number(region) % 10
    return next(split for split, tenths in SPLIT_TENTHS.items() if tenth in tenths)


def halved(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mean of every 2 x 2 pixels of (2 h, 2 w, C), rounded, as (h, w, C)."""
    return np.floor(_blocks(image).mean(axis=(1, 3)) + 0.5).astype(np.uint8)


def _blocks(image: NDArray[Any]) -> NDArray[Any]:
    height, width = image.shape[:2]
    return image.reshape(height // 2, 2, width // 2, 2, *image.shape[2:])  # (h, 2, w, 2[, C])


def _points(coordinates: list[Any]) -> Iterator[tuple[float, float]]:
    """Go through the points of a GeoJSON geometry of any depth."""
    if isinstance(coordinates[0], list):
        for part in coordinates:
            yield from _points(part)
    else:
        yield coordinates[0], coordinates[1]
