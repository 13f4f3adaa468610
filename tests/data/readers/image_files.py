"""Image files that tests write."""

from pathlib import Path

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin

SIZE = (40, 36)


def picture(seed: int, bands: int = 3) -> NDArray[np.uint8]:
    """(H, W, C), nowhere zero."""
    return np.random.default_rng(seed).integers(1, 256, (*SIZE, bands), np.uint8)


def write_picture(path: Path, seed: int, bands: int = 3) -> NDArray[np.uint8]:
    image = picture(seed, bands)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.squeeze()).save(path)
    return image


def write_tiff(path: Path, image: NDArray[np.generic], **profile: object) -> None:
    """Write (H, W, C) with rasterio, in some projection."""
    height, width, count = image.shape
    place = {"crs": "EPSG:32633", "transform": from_origin(5e5, 5e6, 2.5, 2.5)}
    kind = {"driver": "GTiff", "height": height, "width": width, "count": count, "dtype": image.dtype}
    with rasterio.open(path, "w", **kind, **place, **profile) as file:
        file.write(np.moveaxis(image, -1, 0))


def as_tensor(image: NDArray[np.integer], peak: float) -> torch.Tensor:
    return torch.from_numpy(np.moveaxis(image, -1, 0)[None] / peak).float()
