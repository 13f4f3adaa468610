"""Made-up products in other wrappings than ESA's `.SAFE`: the same counts, so that the same picture must come out."""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from tests.made.make_safe import GSD_M, Made, write

THEIA_NODATA = -10_000
EOPF_NAME = "S2B_MSIL2A_20200611T102101_N0511_R065_T33UUU_20250611T134500.zarr"


def tiff(path: Path, made: Made, image: NDArray[Any], names: Sequence[str] = (), **profile: Any) -> Path:
    """Write bands (C, h, w) on a product's ground."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = image[None] if image.ndim == 2 else image
    pixel = made.side_m / image.shape[-1]
    place = {"crs": made.crs, "transform": from_origin(*made.corner, pixel, pixel)}
    size = {"count": len(image), "height": image.shape[1], "width": image.shape[2], "dtype": image.dtype}
    with rasterio.open(path, "w", driver="GTiff", **size, **place, **profile) as file:
        file.write(image)
        for number, name in enumerate(names, start=1):
            file.set_band_description(number, name)
    return path


def stack(path: Path, made: Made, names: Sequence[str]) -> Path:
    """Write all of a product's bands, of 10 m, into one GeoTIFF that calls them so."""
    return tiff(path, made, np.stack([made.clean(band) for band in made.bands]), names)


def loose_as(folder: Path, made: Made, kind: str, nodata: float | None = None, divided: bool = False) -> Path:
    """Write loose bands as numbers of another type; where counts are 0 stands what is no data."""
    for band in made.bands:
        clean = made.clean(band)
        numbers = (clean / 10_000 if divided else clean).astype(kind)
        numbers[clean == 0] = 0 if nodata is None else nodata
        tiff(folder / f"T{made.tile}_{made.day}T102101_{band}.tif", made, numbers, nodata=nodata)
    return folder


def theia(folder: Path, made: Made, clouds: NDArray[np.uint8] | None = None, slopes: bool = True) -> Path:
    """Write a product of Theia: FRE is corrected for slopes, SRE (here all 1) is not."""
    name = f"SENTINEL2B_{made.day}-102101-000_L2A_T{made.tile}_C_V2-2"
    for band in made.bands:
        clean = made.clean(band).astype(np.int16)
        short = band[0] + band[1:].lstrip("0")
        for kind, numbers in (("FRE", clean), ("SRE", np.ones_like(clean))):
            if kind == "SRE" or slopes:
                stored = np.where(clean > 0, numbers, THEIA_NODATA).astype(np.int16)
                tiff(folder / name / f"{name}_{kind}_{short}.tif", made, stored, nodata=THEIA_NODATA)
    if clouds is not None:
        tiff(folder / name / "MASKS" / f"{name}_CLM_R1.tif", made, clouds)
    return folder / name


def eopf(folder: Path, made: Made, classes: NDArray[np.uint8] | None = None, deep: bool = False) -> Path:
    """Write an EOPF Zarr store of level 2A (Zarr version 2, chunks of zlib).

    Args:
        folder: to write it in.
        made: its counts; those in the store have the offset of 1,000.
        classes: scene classification at 20 m.
        deep: whether scale and offset stand under `_eopf_attrs`, and the place as `proj:transform`, as in the first
            products; else on top, with x and y as arrays.
    """
    store = folder / EOPF_NAME
    group(store, {"other_metadata": {"horizontal_CRS_code": made.crs}})
    for band in made.bands:
        clean = made.clean(band)
        stored = np.where(clean > 0, clean + 1000, 0).astype("<u2")
        said = {"scale_factor": 0.0001, "add_offset": -0.1}
        where = store / "measurements" / "reflectance" / f"r{GSD_M[band]}m"
        array(where / band.lower(), stored, made, {"_eopf_attrs": said} if deep else said, deep)
    if classes is not None:
        array(store / "conditions" / "mask" / "l2a_classification" / "r20m" / "scl", classes, made, {}, deep)
    return store


def group(folder: Path, attributes: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(json.dumps(attributes))


def array(folder: Path, image: NDArray[Any], made: Made, attributes: dict[str, Any], deep: bool) -> None:
    """Write an array of two dimensions, and x and y of pixels' centres beside it."""
    pixel = made.side_m / image.shape[1]
    left, top = made.corner
    place = {"proj:transform": [pixel, 0.0, left, 0.0, -pixel, top, 0.0, 0.0, 1.0]} if deep else {}
    _array(folder, image, ["y", "x"], attributes | place)
    centres = (np.arange(image.shape[1]) + 0.5) * pixel
    if not deep and not (folder.parent / "x").exists():
        _array(folder.parent / "x", left + centres, ["x"], {})
        _array(folder.parent / "y", top - centres, ["y"], {})
        (folder.parent / ".zgroup").write_text('{"zarr_format": 2}')


def _array(folder: Path, image: NDArray[Any], dimensions: list[str], attributes: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    side = min(64, *image.shape)
    said = {"zarr_format": 2, "shape": image.shape, "chunks": [side] * image.ndim, "dtype": image.dtype.str}
    said |= {"compressor": {"id": "zlib", "level": 1}, "fill_value": 0, "order": "C", "filters": None}
    (folder / ".zarray").write_text(json.dumps(said))
    (folder / ".zattrs").write_text(json.dumps({"_ARRAY_DIMENSIONS": dimensions, **attributes}))
    padded = np.pad(image, [(0, -n % side) for n in image.shape])
    for place in np.ndindex(*(n // side for n in padded.shape)):
        chunk = padded[tuple(slice(side * n, side * (n + 1)) for n in place)]
        (folder / ".".join(map(str, place))).write_bytes(zlib.compress(np.ascontiguousarray(chunk).tobytes(), 1))


def zipped_store(store: Path, inside: bool) -> Path:
    """Zip a Zarr store, as the zip's own root or as a folder inside."""
    path = store.with_name(f"{store.name}.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(p for p in store.rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(store.parent if inside else store))
    return path


def of_2016(folder: Path, mades: Sequence[Made]) -> Path:
    """Write a product of before December 2016: long names with the time of processing first, several tiles."""
    day = mades[0].day
    old = folder / f"S2A_OPER_PRD_MSIL1C_PDMC_20161001T185902_R065_V{day}T102101_{day}T102344.SAFE"
    for made in mades:
        safe = write(folder / "new", made)
        stem = f"S2A_OPER_MSI_L1C_TL_SGS__20161001T154211_A006640_T{made.tile}"
        images = old / "GRANULE" / f"{stem}_N02.04" / "IMG_DATA"
        images.mkdir(parents=True)
        for file in safe.rglob("IMG_DATA/*_B*.jp2"):
            shutil.copy(file, images / f"{stem}_{file.stem[-3:]}.jp2")
    xml = (safe / "MTD_MSIL1C.xml").read_text()
    (old / f"S2A_OPER_MTD_SAFL1C_PDMC_20161001T185902_R065_V{day}T102101_{day}T102344.xml").write_text(xml)
    return old
