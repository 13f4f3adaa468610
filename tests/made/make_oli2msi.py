"""Write a tiny OLI2MSI set in the published layout, with rasterio alone: `python tests/made/make_oli2msi.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

LR, HR = (4, 6), (12, 18)
TRAIN = [
    "L8_126038_20190923_S2B_20190923_T49RBQ_N0008",
    "L8_126038_20190923_S2B_20190923_T49RCM_N0003",  # 126038_T49RCM is held out
    "L8_126038_20190923_S2B_20190923_T49RCM_N0011",
    "L8_126042_20190907_S2A_20190908_T48RYQ_N0173",
]
TEST = ["L8_126038_20190923_S2B_20190923_T49RCQ_N0071"]


def image(shape: tuple[int, int], top: float) -> np.ndarray:
    """(3, H, W) reflectance: red is `top` in the north-west, green 0.1 less, blue 0.2 less, falling to the south."""
    rows, columns = np.indices(shape)
    red = top - 0.01 * rows - 0.001 * columns
    return np.stack([red, red - 0.1, red - 0.2]).astype(np.float32)


def write_tiff(path: Path, values: np.ndarray, gsd_m: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    kind = {"driver": "GTiff", "dtype": values.dtype, "count": count, "height": height, "width": width}
    look = {"compress": "deflate", "interleave": "band", "tiled": True, "blockxsize": 512, "blockysize": 512}
    place = {"crs": "EPSG:32649", "transform": from_origin(3e5, 34e5, gsd_m, gsd_m)}
    with rasterio.open(path, "w", **kind, **look, **place) as file:
        file.write(values)


def write(folder: Path) -> Path:
    """Write four training pairs and one test pair."""
    for split, names in {"train": TRAIN, "test": TEST}.items():
        for name in names:
            write_tiff(folder / f"{split}_lr" / f"{name}.TIF", image(LR, 0.5), 30)
            write_tiff(folder / f"{split}_hr" / f"{name}.TIF", image(HR, 0.6), 10)
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]))
