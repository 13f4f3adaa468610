"""Two AOIs and more in WorldStrat's published layout, with small images of known values."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_bounds

# place -> split and (height, width) of LR; the files of the last are not in the release
PLACES = {
    "Landcover-773616": ("train", (20, 24)),
    "ASMSpotter-22-3-2": ("train", (22, 23)),
    "Amnesty POI-4-2-3": ("test", (20, 20)),
    "UNHCR-GHAs003590": ("val", (20, 21)),
    "Landcover-1": ("train", None),
}
REVISITS = 11  # so that the order of names is not that of numbers
BOUNDS = (92.38, 20.82, 92.40, 20.834)  # west, south, east, north


def lr(n: int, size: tuple[int, int], bands: int) -> NDArray[np.float32]:
    """(C, h, w): tenths say the band, thousandths the revisit, less the position."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    band = np.arange(1, bands + 1)[:, None, None]
    return (band / 10 + n / 1000 + rows * 1e-5 + columns * 1e-7).astype(np.float32)


def hr(size: tuple[int, int]) -> NDArray[np.uint16]:
    """(4, H, W): red falls to the south, green to the east, blue and nir are flat."""
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]]
    flat = np.ones(size)
    return np.stack([1000 + 10 * rows, 2000 + 10 * columns, 300 * flat, 4000 * flat]).astype(np.uint16)


def write(folder: Path) -> Path:
    """Write the set and return its folder."""
    listed, revisits = [",tile,IPCC Class,SMOD,source,joint_class,split"], [METADATA]
    for number, (tile, (split, size)) in enumerate(PLACES.items()):
        listed.append(f"{number * 16},{tile},Settlement,23,UNHCR,UNHCR/Settlement/23,{split}")
        revisits += [_row(tile, n) for n in range(1, 17)]
        if size is not None:
            _write_place(folder, tile, size)
    (folder / "stratified_train_val_test_split.csv").write_text("\n".join(listed) + "\n")
    (folder / "metadata.csv").write_text("\n".join(revisits) + "\n")
    return folder


METADATA = "tile,bounds,n,lowres_date,highres_date,area,cloud_cover,delta,lon,lat"


def _row(tile: str, n: int) -> str:
    bounds = json.dumps(BOUNDS).replace('"', "")
    return f'{tile},"{bounds}",{n},2020-01-{n:02},2020-01-05,2.5,{3.5 * (n - 1)},{n - 5},92.39,20.827'


def _write_place(folder: Path, tile: str, size: tuple[int, int]) -> None:
    _tiff(folder / "hr_dataset" / tile / f"{tile}_ps.tiff", hr((160, 160)), placed=False)
    for level, bands in {"L1C": 13, "L2A": 12}.items():
        for n in range(1, REVISITS + 1):
            stem = f"lr_dataset/{tile}/{level}/{tile}-{n}"
            cloud, data = np.zeros((1, *size), np.float32), np.ones((1, *size), np.float32)
            cloud[0, : n - 1] = 1  # a row more with every revisit
            _tiff(folder / f"{stem}-{level}_data.tiff", lr(n, size, bands))
            _tiff(folder / f"{stem}-CLM.tiff", cloud)
            _tiff(folder / f"{stem}-dataMask.tiff", data)


def _tiff(path: Path, image: NDArray[Any], placed: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = image.shape
    kind = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": image.dtype}
    place = {"transform": from_bounds(*BOUNDS, width, height)} if placed else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # the release's HR files have no position
        with rasterio.open(path, "w", crs="EPSG:4326", **kind, **place) as file:
            file.write(image)
