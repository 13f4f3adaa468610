"""The S2-NAIP layout on disk, as its authors publish it (Zooming Out, section 3), read and written.

One folder per split, and in it

    naip/{image_uuid}/{col}_{row}/rgb.png       (128, 128, 3)    the uuid ends in the capture date
    sentinel2/{col}_{row}/tci.png               (T * 32, 32, 3)  dates stacked from top to bottom
    sentinel2/{col}_{row}/{band}.png            (T * 32, 32)
    old_naip/{col}_{row}.png                    (128, 128, 3)
    osm_chips_to_masks.json                     {tile: {category: [[x1, y1, x2, y2], ...]}}
    train_tile_weights/{name}.json              {tile: weight}

where `{col}_{row}` is a Web-Mercator tile at zoom 17. The last three may also lie beside the splits' folders, where a
download unpacks them. This project adds sidecars that a download does not have, all optional:
`sentinel2/{col}_{row}/dates.csv`, `captions.json`, `regions.json`, `positions.json` (of tiles with made-up names),
`land_cover/{col}_{row}.png` and `vectors/` (outlines of buildings and roads, and trees).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satsr.common.reading_text import check_columns, read_json, read_names, readable
from satsr.common.stray import own_files
from satsr.common.tile_grid import HR_PX, LR_PX, REGION_TILES
from satsr.data.images import read_png, write_png
from satsr.data.reader import REGIONS_REMEDY, Objects

BANDS = ("tci", "b01", "b05", "b06", "b07", "b08", "b09", "b10", "b11", "b12")  # b8a is not published
SPLIT_FOLDERS = {"train": "train_urban_set", "val": "val_set", "test": "held_out_set"}
LINK_FILE = "download.txt"  # names the folder of a download, in place of files
SIDECAR = "download or make that file again"
BESIDE = ("old_naip", "osm_chips_to_masks.json", "train_tile_weights")  # of a download, beside the splits' folders

Image8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Chip:
    """All that the layout holds about one tile. Optional parts are None or empty.

    Attributes:
        tile: `{col}_{row}`.
        uuid: name of the NAIP image; ends in its date, `_YYYYMMDD`.
        hr: (128, 128, 3) NAIP.
        bands: name -> (T, 32, 32, 3) for tci, (T, 32, 32) for others.
        dates: date of each Sentinel-2 frame.
        old_hr: (128, 128, 3) older NAIP.
        objects: what stands where in the HR chip.
        land_cover: (128, 128) class numbers.
        caption: one sentence.
        region: what splits and statistics keep together, where it is not the group of 16 x 16 tiles.
        position: of a tile with a made-up name: where its north-west corner lies, in metres of EPSG:3857.
    """

    tile: str
    uuid: str
    hr: Image8
    bands: dict[str, Image8]
    dates: tuple[date, ...] | None = None
    old_hr: Image8 | None = None
    objects: Objects = field(default_factory=dict)
    land_cover: Image8 | None = None
    caption: str | None = None
    region: str | None = None
    position: tuple[float, float] | None = None


def place_of(tile: str) -> tuple[int, int]:
    """Return column and row of a tile.

    Raises:
        ValueError: the name is not that of a tile.
    """
    parts = tile.split("_")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise ValueError(
            f"got tile {tile!r}, expected {{col}}_{{row}}, such as 33499_48870: rename or remove its files"
        )
    return int(parts[0]), int(parts[1])


def region_of(tile: str) -> str:
    """Return the group of 16 x 16 tiles that a tile lies in, as `{col//16}_{row//16}`."""
    col, row = place_of(tile)
    return f"{col // REGION_TILES}_{row // REGION_TILES}"


def capture_date(uuid: str) -> date | None:
    """Return the date at the end of a NAIP image's name, or None when there is none."""
    tail = uuid.rsplit("_", 1)[-1]
    try:
        return date(int(tail[:4]), int(tail[4:6]), int(tail[6:8])) if len(tail) == 8 else None
    except ValueError:
        return None


def write_chip(folder: Path, chip: Chip) -> None:
    """Write one chip's files into a split's folder; the JSON files of the split are written by `write_split_files`."""
    write_png(folder / "naip" / chip.uuid / chip.tile / "rgb.png", chip.hr)
    series = folder / "sentinel2" / chip.tile
    for name, frames in chip.bands.items():
        write_png(series / f"{name}.png", frames.reshape(-1, *frames.shape[2:]))  # (T * 32, 32[, 3])
    if chip.dates is not None:
        lines = [f"{number},{day.isoformat()}\n" for number, day in enumerate(chip.dates)]
        (series / "dates.csv").write_text("frame,date\n" + "".join(lines))
    if chip.old_hr is not None:
        write_png(folder / "old_naip" / f"{chip.tile}.png", chip.old_hr)
    if chip.land_cover is not None:
        write_png(folder / "land_cover" / f"{chip.tile}.png", chip.land_cover)


def write_split_files(
    folder: Path,
    tiles: list[str],
    objects: dict[str, Objects],
    captions: dict[str, str],
    regions: dict[str, str],
    positions: Mapping[str, tuple[float, float]] | None = None,
) -> None:
    """Write the files that stand once in a set: objects, captions, tile weights, and regions of their own.

    Tiles with made-up names have `positions`, as far as anything is known of them; with others they are None.
    """
    if regions:
        _write_json(folder / "regions.json", regions)
    if positions is not None:
        _write_json(folder / "positions.json", positions)
    _write_json(folder / "osm_chips_to_masks.json", objects)
    _write_json(folder / "captions.json", captions)
    _write_json(folder / "train_tile_weights" / "weights.json", tile_weights(tiles, objects))


def tile_weights(tiles: list[str], objects: dict[str, Objects]) -> dict[str, float]:
    """Return each tile's sampling weight: the inverse frequency of its rarest category, 1 without objects.

    Source: the published `train_tile_weights` (Zooming Out's data card). Frequency is the share of tiles that
    hold the category.
    """
    count: dict[str, int] = {}
    for found in objects.values():
        for category in found:
            count[category] = count.get(category, 0) + 1
    return {t: len(tiles) / min(count[c] for c in objects[t]) if objects.get(t) else 1.0 for t in tiles}


def link_split(folder: Path, target: Path, digest: str) -> None:
    """Let a split's folder stand for the one of a download, which is left as it is; its digest lies beside the name."""
    folder.mkdir(parents=True)
    (folder / LINK_FILE).write_text(f"{target.resolve()}\n{digest}\n")


def linked(folder: Path) -> Path:
    """Return the folder of a download that a split's folder stands for, or the folder itself."""
    link = folder / LINK_FILE
    return Path(link.read_text().splitlines()[0]) if link.is_file() else folder


class S2NAIPFolder:
    """One split in the S2-NAIP layout: embedded, made from a folder, or downloaded.

    Args:
        folder: the split's folder, with `naip/` and `sentinel2/` in it, or what `link_split` made.

    Raises:
        FileNotFoundError: the folder holds no chips in this layout.
    """

    def __init__(self, folder: Path) -> None:
        folder = self.folder = linked(folder)
        found = {p.name: p.parent.name for p in sorted(folder.glob("naip/*/*_*")) if p.is_dir()}
        if not found:
            raise FileNotFoundError(f"{folder}: expected naip/{{uuid}}/{{col}}_{{row}}/rgb.png, found none of them")
        self._uuid = found

    @property
    def tiles(self) -> list[str]:
        """All tiles, sorted by name."""
        return sorted(self._uuid)

    def region(self, tile: str) -> str:
        """Return what splits and statistics keep together: an image of a folder, else the group of 16 x 16 tiles."""
        return self._regions.get(tile) or region_of(tile)

    def read_sidecars(self) -> None:
        """Read what says where tiles belong; see `satsr.data.reader.Reader.read_sidecars`."""
        _ = self._regions, self.positions

    def uuid(self, tile: str) -> str:
        """Return the name of the NAIP image of a tile."""
        return self._uuid[tile]

    def hr(self, tile: str) -> Image8:
        """Return the NAIP chip (H, W, 3)."""
        return self._square(self.folder / "naip" / self._uuid[tile] / tile / "rgb.png", HR_PX)

    def series(self, tile: str, band: str = "tci") -> Image8:
        """Return all dates of one band: (T, 32, 32, 3) for tci, (T, 32, 32) for others."""
        return read_stack(self.folder / "sentinel2" / tile / f"{band}.png", 3 if band == "tci" else 1)

    def dates(self, tile: str) -> tuple[date, ...] | None:
        """Return the date of every frame, or None without the sidecar."""
        path = self.folder / "sentinel2" / tile / "dates.csv"
        if not path.is_file():
            return None
        with readable(path, "lines of frame and date, such as 0,2020-01-31", SIDECAR), path.open(newline="") as file:
            rows = csv.DictReader(file)
            check_columns(path, rows.fieldnames or (), ("date",), SIDECAR)
            return tuple(date.fromisoformat(row["date"]) for row in rows)

    def old_hr(self, tile: str) -> Image8 | None:
        """Return the older NAIP chip, or None."""
        path = self._beside("old_naip") / f"{tile}.png"
        return self._square(path, HR_PX) if path.is_file() else None

    def land_cover(self, tile: str) -> Image8 | None:
        """Return the land-cover map (H, W), or None."""
        path = self.folder / "land_cover" / f"{tile}.png"
        return read_png(path) if path.is_file() else None

    def objects(self, tile: str) -> Objects:
        """Return the objects of a tile."""
        with readable(self._beside("osm_chips_to_masks.json"), "boxes of four numbers by category", SIDECAR):
            return {k: [(b[0], b[1], b[2], b[3]) for b in v] for k, v in self._objects.get(tile, {}).items()}

    def caption(self, tile: str) -> str | None:
        """Return the caption of a tile, or None."""
        return self._captions.get(tile)

    @cached_property
    def weights(self) -> dict[str, float]:
        """Sampling weight of each tile; 1 where none is published."""
        found = own_files(self._beside("train_tile_weights"), "*.json")
        if not found:
            return dict.fromkeys(self.tiles, 1.0)
        known = read_json(found[0], SIDECAR)
        with readable(found[0], "a number for every tile", SIDECAR):
            return {tile: float(known.get(tile, 1.0)) for tile in self.tiles}

    @cached_property
    def _objects(self) -> dict[str, dict[str, list[list[int]]]]:
        path = self._beside("osm_chips_to_masks.json")
        return read_json(path, SIDECAR) if path.is_file() else {}

    @cached_property
    def _regions(self) -> dict[str, str]:
        return read_names(self.folder / "regions.json", REGIONS_REMEDY)

    @cached_property
    def positions(self) -> dict[str, tuple[float, float]] | None:
        """Where tiles with made-up names lie, as far as anything is known; None where names tell it."""
        if not (self.folder / "positions.json").is_file():
            return None
        path = self.folder / "positions.json"
        found = read_json(path, SIDECAR)
        with readable(path, "two numbers for every tile", SIDECAR):
            return {tile: (float(x), float(y)) for tile, (x, y) in found.items()}

    @cached_property
    def _captions(self) -> dict[str, str]:
        return read_names(self.folder / "captions.json", SIDECAR)

    def _beside(self, name: str) -> Path:
        """Return where something beside the images lies: in the split, else beside it, as a download unpacks."""
        own = self.folder / name
        return own if own.exists() else self.folder.parent / name

    def _square(self, path: Path, size: int) -> Image8:
        image = read_png(path)
        if image.shape != (size, size, 3):
            raise ValueError(f"{path}: expected ({size}, {size}, 3), got {image.shape}: make or download it again")
        return image


def read_stack(path: Path, colours: int) -> Image8:
    """Return a stack of dates, top to bottom in the file, as (T, 32, 32, 3), or (T, 32, 32) for one colour.

    Raises:
        FileNotFoundError, ValueError: the file is missing, cannot be read, or has another shape.
    """
    stack = read_png(path)
    height, width = stack.shape[:2]
    got = stack.shape[2] if stack.ndim == 3 else 1
    if width != LR_PX or height == 0 or height % LR_PX or got != colours:
        raise ValueError(
            f"{path}: expected [T*{LR_PX}, {LR_PX}] with {colours} channels, got {stack.shape}: make or "
            "download it again, and cut a larger image into tiles instead of resizing it"
        )
    return stack.reshape(-1, LR_PX, LR_PX, *stack.shape[2:])  # (T, 32, 32[, 3]): rows of one date lie together


def _write_json(path: Path, values: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values, indent=0, sort_keys=True) + "\n")
