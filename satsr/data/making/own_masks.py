"""Masks that lie beside your own imagery: numbers of classes, cut where the images were cut."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from satsr.common.digests import tree_digest
from satsr.common.stray import own_files
from satsr.common.tile_grid import HR_PX
from satsr.data.images import IMAGES, open_image, read_image
from satsr.data.making.image_file import open_image_file
from satsr.data.making.own_images import OwnImage, list_images, list_pairs, place_of, whole_chips
from satsr.data.rasters import open_raster
from satsr.data.settings import DataSettings

Image8 = NDArray[np.uint8]
SOURCES = {"folder": list_images, "pairs": list_pairs}  # whose chips are cut from larger images
MODES = ("1", "L", "P")  # of a mask: one number a pixel; a palette's colors mean nothing


@dataclass(frozen=True)
class OwnMasks:
    """One mask for every image of a data set: `roads/a.png` for `roads/a.jpg`, or `COLUMN_ROW.png` for a tile.

    Attributes:
        folder: that holds them, in the tree of the images.
        data: where the images come from.
    """

    folder: Path
    data: DataSettings

    @cached_property
    def digest(self) -> str:
        """Hexadecimal digits that identify the files."""
        return tree_digest(self.folder)

    def mask(self, tile: str) -> Image8:
        """Return the numbers of classes of a chip, (128, 128).

        Raises:
            FileNotFoundError: no such folder, or an image without a mask.
            ValueError: two masks for one image, a file that is no mask, or one of another size than its image.
        """
        if self.data.source not in SOURCES:
            return _checked(self._file(tile), (HR_PX, HR_PX))
        number, x, y = place_of(tile)
        image = self._images[number]
        whole = _like(self._file(image.name.rsplit(".", 1)[0]), image.hr, self.data.hr_gsd_m, self.data.hr_bands)
        return whole[y * HR_PX :, x * HR_PX :][:HR_PX, :HR_PX]

    def _file(self, name: str) -> Path:
        if name not in self._files:
            raise FileNotFoundError(f"{self.folder} holds no mask {name}: expected one for every image")
        return self._files[name]

    @cached_property
    def _images(self) -> dict[int, OwnImage]:
        return {image.number: image for image in SOURCES[self.data.source](self.data)}

    @cached_property
    def _files(self) -> dict[str, Path]:
        if not self.folder.is_dir():
            raise FileNotFoundError(f"{self.folder} is no folder: name the folder that holds your masks")
        found: dict[str, Path] = {}
        for path in (p for p in own_files(self.folder, "**/*") if p.suffix.lower() in IMAGES):
            name = path.relative_to(self.folder).with_suffix("").as_posix()
            if name in found:
                raise ValueError(f"{path}: got a second mask beside {found[name].name}, expected one: remove one")
            found[name] = path
        return found


@lru_cache(maxsize=2)  # chips of one image come one after another
def _like(mask: Path, image: Path, gsd_m: float, bands: tuple[int, ...]) -> Image8:
    """Return a mask in whole chips, resampled as its image is."""
    values = _checked(mask, _size(image))
    with open_image_file(image, gsd_m, bands) as opened:
        (rows, columns), turned = opened.shape, opened.turned
    values = values[::-1] if turned else values
    if values.shape != (rows, columns):
        values = np.asarray(Image.fromarray(values).resize((columns, rows), Image.Resampling.NEAREST))
    return whole_chips(values)


def _checked(path: Path, size: tuple[int, int]) -> Image8:
    values = _read(path)
    if values.shape != size:
        raise ValueError(f"{path}: got a mask of {values.shape} px, expected the size of its image, {size}")
    return values


def _read(path: Path) -> Image8:
    if path.suffix.lower() in (".tif", ".tiff"):
        with open_raster(path) as source:
            if source.count != 1 or source.dtypes[0] != "uint8":
                raise ValueError(f"{path}: got {source.count} bands of {source.dtypes[0]}, expected one of uint8")
            return np.asarray(source.read(1))
    return read_image(path, MODES, "one 8-bit number a pixel").astype(np.uint8)


def _size(path: Path) -> tuple[int, int]:
    if path.suffix.lower() in (".tif", ".tiff"):
        with open_raster(path) as source:
            return source.height, source.width
    with open_image(path) as image:
        return image.height, image.width
