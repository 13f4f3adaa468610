"""Writes scenes in WorldStrat's layout (see `satsr.data.readers.worldstrat`), for the embedded twin."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satsr.data.rasters import north_up, write_geotiff
from satsr.data.reader import Scene, write_regions

SPLIT_FILE, METADATA_FILE = "stratified_train_val_test_split.csv", "metadata.csv"
L1C_BANDS = ("b01", "b02", "b03", "b04", "b05", "b06", "b07", "b08", "b8a", "b09", "b10", "b11", "b12")
HR_WHITE = 10_000.0  # SPOT_MAX_EXPECTED_VALUE_12_BIT of WorldStrat's code
SPLIT_COLUMNS = ("", "tile", "IPCC Class", "SMOD", "source", "joint_class", "split")
METADATA_COLUMNS = ("tile", "bounds", "n", "lowres_date", "highres_date", "cloud_cover", "delta", "lon", "lat")


def write_data_set(folder: Path, scenes: Iterable[Scene]) -> None:
    """Write scenes of all splits with Sentinel-2 L1C; the place's name is the scene's.

    HR keeps its own size: red, green, blue, and nir or, without it, 0. `_pan`, `_rgbn` and `_rgb`, which show the same
    image with fewer bands, pixels or bits, are not written, nor are columns of land cover filled.

    Args:
        folder: made when missing.
        scenes: with all 13 bands and HR in reflectance. What is not valid in LR becomes cloud, in HR 0.
    """
    splits, metadata, regions = [], [], []
    for number, scene in enumerate(scenes):
        _write_images(folder, scene)
        splits.append((number, scene.name, "", "", "", "", scene.split))
        metadata += _rows(scene)
        regions.append((scene.name, scene.region))
    _write_csv(folder / SPLIT_FILE, SPLIT_COLUMNS, splits)
    _write_csv(folder / METADATA_FILE, METADATA_COLUMNS, metadata)
    write_regions(folder, regions)


def _write_images(folder: Path, scene: Scene) -> None:
    nir = scene.hr_of("nir") if "nir" in scene.hr_bands else np.zeros((1, *scene.hr.shape[1:]), np.float32)
    hr = np.concatenate([scene.hr_of("red", "green", "blue"), nir])
    dn = np.clip(np.rint(hr * HR_WHITE), 1, 65_535) * scene.hr_valid  # 0 is kept for no data
    _write(folder / "hr_dataset" / scene.name / f"{scene.name}_ps.tiff", dn.astype(np.uint16), scene, scene.hr_gsd_m)
    for n, (frame, valid) in enumerate(zip(scene.bands(*L1C_BANDS), scene.lr_valid, strict=True), start=1):
        stem = folder / "lr_dataset" / scene.name / "L1C" / f"{scene.name}-{n}-"
        masks = {"CLM": ~valid, "dataMask": np.ones_like(valid)}
        for kind, image in {"L1C_data": frame, **{kind: mask[None] for kind, mask in masks.items()}}.items():
            _write(stem.with_name(f"{stem.name}{kind}.tiff"), image.astype(np.float32), scene, scene.lr_gsd_m)


def _write(path: Path, image: NDArray[Any], scene: Scene, gsd_m: float) -> None:
    write_geotiff(path, image, scene.crs, north_up(scene.corner, gsd_m))


def _rows(scene: Scene) -> list[tuple[object, ...]]:
    """Return the rows of metadata.csv; delta is the revisit's date minus the HR date, in days."""
    from rasterio.warp import transform_bounds

    left, top = scene.corner
    down, across = (pixels * scene.lr_gsd_m for pixels in scene.lr.shape[-2:])
    west, south, east, north = transform_bounds(scene.crs, "EPSG:4326", left, top - down, left + across, top)
    place = [west, south, east, north], (west + east) / 2, (south + north) / 2

    def row(n: int, day: date, valid: NDArray[np.bool_]) -> tuple[object, ...]:
        bounds, lon, lat = place
        cloud = round(100 * float(1 - valid.mean()), 2)
        return scene.name, bounds, n, day.isoformat(), scene.day.isoformat(), cloud, (day - scene.day).days, lon, lat

    return [row(n, *frame) for n, frame in enumerate(zip(scene.dates, scene.lr_valid, strict=True), start=1)]


def _write_csv(path: Path, columns: tuple[str, ...], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])
