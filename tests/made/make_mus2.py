"""Write a made-up scene of MuS2, with rasterio and PIL only."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

SCENE = "0_31UFT_19JUN03105812-2AS_R1C1"
SIZE = (20, 24)
TAKEN = ("20190801", "20190612", "20190630")
BANDS = {"b2": 0, "b3": 1, "b4": 2, "b8": 3}


def name(taken: str) -> str:
    """The date of processing in the name's end has another order than the dates themselves."""
    processed = {"20190801": "20200101", "20190612": "20210101", "20190630": "20190701"}[taken]
    return f"S2A_MSIL2A_{taken}T105031_N0212_R051_T31UFT_{processed}T134523.jp2"


def plane(number: int, band: int) -> NDArray[np.uint16]:
    """1000 (t + 1) + 100 band + row, and 50 more in the right half."""
    rows, columns = np.arange(SIZE[0])[:, None], np.arange(SIZE[1])
    return (1000 * (number + 1) + 100 * band + rows + 50 * (columns >= 12)).astype(np.uint16)


def hr(band: int) -> NDArray[np.uint8]:
    """10 k + 1 and more, k the number in the file's name."""
    image = np.full((SIZE[0] * 3, SIZE[1] * 3), 10 * band + 1, np.uint8)
    image[4, 7] = 255
    return image


def save(path: Path, image: NDArray[np.generic], **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {"height": image.shape[0], "width": image.shape[1], "count": 1, "dtype": image.dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **kind, **options) as file:
            file.write(image, 1)


def save_jp2(path: Path, image: NDArray[np.generic]) -> None:
    save(path, image, driver="JP2OpenJPEG", QUALITY=100, REVERSIBLE="YES")


def write(folder: Path) -> Path:
    scene = folder / "image_data" / SCENE
    for number, taken in enumerate(TAKEN):
        for band, index in BANDS.items():
            save_jp2(scene / band / "lrs" / name(taken), plane(number, index))
        classes = np.full((SIZE[0] // 2, SIZE[1] // 2), 4, np.uint8)  # plants
        if number == 0:
            classes[3, 5] = 9  # cloud
        save_jp2(scene / "SCL" / "lrs" / name(taken), classes)
    for number in range(8):
        save(scene / "hr_resized" / f"mul_band_{number}.tiff", hr(number), driver="GTiff")
    return folder


def write_masks(folder: Path) -> None:
    """One white pixel in the mask of the red band, and a white mask of a scene with a longer name."""
    white = np.full((SIZE[0] * 3, SIZE[1] * 3), 255, np.uint8)
    one = np.zeros_like(white)
    one[10, 20] = 255
    for scene, image in ((SCENE, one), (f"{SCENE}0", white)):
        path = folder / "masks" / "final_masks" / "final_masks_b4" / f"mask_{scene}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
