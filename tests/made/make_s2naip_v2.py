"""Write made-up tiles of AI2-S2-NAIP, unpacked and as tar shards, with PIL, rasterio and tarfile only."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import date
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin

TILES = ("32612_960_-6049", "32612_961_-6049", "32613_40_-5000")
DATES = 3
NAIP_TAKEN = date(2019, 8, 9)
TAKEN = (date(2019, 8, 1), date(2019, 6, 12), date(2019, 10, 3))  # by cloud, not by date
BANDS = {8: 4, 16: 6, 32: 3}  # 1.25 m pixels in one of the file -> bands of a date


def value(date_number: int, group: int, band: int) -> int:
    """Return the base value of one band at one date; no two are alike."""
    return 1000 * (date_number + 1) + 10 * group + band


def tiff(tile: str, group: int) -> bytes:
    """All bands of date 0, then of date 1, ...; a ramp of rows and columns on the base value shows orientation."""
    side, count = 512 // group, BANDS[group]
    ramp = np.arange(side)[:, None] // 8 + np.arange(side)[None] // 8 % 2 * 100
    stack = np.stack([ramp + value(t, group, band) for t in range(DATES) for band in range(count)]).astype(np.uint16)
    epsg, col, row = map(int, tile.split("_"))
    place = {"crs": f"EPSG:{epsg}", "transform": from_origin(col * 640, -row * 640, 1.25 * group, 1.25 * group)}
    kind = {"driver": "GTiff", "height": side, "width": side, "count": len(stack), "dtype": "uint16"}
    with rasterio.MemoryFile() as memory:
        with memory.open(**kind, **place, compress="lzw") as file:
            file.write(stack)
        return memory.read()


def naip(tile: str, older: bool = False) -> NDArray[np.uint8]:
    """(512, 512, 4), nowhere zero; alpha holds near infrared."""
    return np.random.default_rng([*tile.encode(), older]).integers(1, 256, (512, 512, 4), np.uint8)


def png(image: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=1)
    return buffer.getvalue()


def land_cover() -> NDArray[np.uint8]:
    codes = np.full((64, 64), 10, np.uint8)
    codes[5, 9] = 50
    return codes


def geojson() -> bytes:
    """A building and a road, in pixels of the 512 px NAIP image."""
    ring = [[100, 41], [121, 41], [121, 60], [100, 60], [100, 41]]
    shapes = {"building": ("Polygon", [ring]), "road": ("LineString", [[0, 0], [10, 512]])}
    features = [
        {"type": "Feature", "properties": {"category": name}, "geometry": {"type": kind, "coordinates": points}}
        for name, (kind, points) in shapes.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def members(tile: str) -> dict[str, bytes]:
    """Every file of a tile by its name."""
    return {
        f"naip/{tile}.png": png(naip(tile)),
        f"oldnaip/{tile}.png": png(naip(tile, older=True)),
        **{f"sentinel2/{tile}_{group}.tif": tiff(tile, group) for group in BANDS},
        f"openstreetmap/{tile}.geojson": geojson(),
        f"worldcover/{tile}.png": png(land_cover()),
    }


def write(folder: Path) -> Path:
    """Write the unpacked layout."""
    for tile in TILES:
        for name, data in members(tile).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    write_tables(folder)
    return folder


def write_shards(folder: Path) -> Path:
    """Write the downloaded layout: `{kind}_{epsg}/{epsg}_{col//32}_{row//32}.tar`."""
    shards: dict[Path, dict[str, bytes]] = {}
    for tile in TILES:
        epsg, col, row = map(int, tile.split("_"))
        for name, data in members(tile).items():
            shard = folder / f"{name.split('/')[0]}_{epsg}" / f"{epsg}_{col // 32}_{row // 32}.tar"
            shards.setdefault(shard, {})[name] = data
    for path, files in shards.items():
        write_tar(path, files)
    write_tables(folder)
    return folder


def write_tar(path: Path, files: dict[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def write_tables(folder: Path) -> None:
    """Write both CSV files; rows of images are shuffled, `index` gives their order."""
    scenes, images = ["projection,col,row,index,scene"], ["projection,col,row,naip_scene"]
    for tile in TILES:
        place = tile.replace("_", ",")
        for t in (2, 0, 1):
            taken = TAKEN[t].strftime("%Y%m%d")
            scenes.append(f"{place},{t},S2A_MSIL1C_{taken}T180921_N0208_R084_T12SVF_{taken}T230000")
        images.append(f"{place},m_3511101_ne_12_060_{NAIP_TAKEN:%Y%m%d}_20191213")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sentinel2.csv").write_text("\n".join(scenes) + "\n")
    (folder / "naip.csv").write_text("\n".join(images) + "\n")
