"""Reading image files that are to be scored: what is white, which pixels show something, where they lie, and bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.transform import Affine
from torch import Tensor

from satsr.data.image_bands import (
    TIFFS,
    band_names,
    has_palette,
    palette_colors,
    shown_pixels,
    transparent_bands,
    upright,
)
from satsr.data.rasters import open_raster

SAME_PLACE = 0.01  # of a pixel, by which corners and sizes may differ


@dataclass(frozen=True)
class Place:
    """Where an image lies.

    Attributes:
        crs: its coordinate system.
        transform: from pixels to coordinates, rows from north to south.
        size: height and width, px.
    """

    crs: CRS
    transform: Affine
    size: tuple[int, int]

    def differs(self, other: Place) -> str:
        """Return in words how two places differ; empty where they are one, to a hundredth of a pixel."""
        if self.crs != other.crs:
            return f"{_named(self.crs)} against {_named(other.crs)}"
        pixel = max(abs(self.transform.a), abs(self.transform.b))
        corners = [(0, 0), (self.size[1], 0), (0, self.size[0])]
        away = max(
            float(np.hypot(*np.subtract(self.transform * corner, other.transform * corner))) for corner in corners
        )
        if away <= SAME_PLACE * pixel:
            return ""
        sizes = [max(abs(place.transform.a), abs(place.transform.b)) for place in (self, other)]
        if abs(sizes[0] - sizes[1]) > SAME_PLACE * pixel / max(self.size):
            return f"pixels of {sizes[0]:g} against {sizes[1]:g}"
        return f"corners that lie {away:g} apart, in the units of {_named(self.crs)}"


@dataclass(frozen=True)
class ImageFile:
    """An image as it is scored.

    Attributes:
        path: of the file.
        image: float32 (C, H, W) in [0, 1]; 0 where nothing is shown.
        valid: bool (H, W), pixels that show something.
        bands: their names where the file tells them, else empty.
        place: where it lies, where the file tells it.
        notes: what a user should know of how it was read.
    """

    path: Path
    image: Tensor
    valid: NDArray[np.bool_]
    bands: tuple[str, ...] = ()
    place: Place | None = None
    notes: tuple[str, ...] = ()


def read_image(path: Path, white: float | None = None) -> ImageFile:
    """Read a PNG, JPEG, TIFF or GeoTIFF.

    White, the value that becomes 1, is 255 of 8-bit files. Of all others it is what the user says (but 1 of floats that
    do not go beyond it); else what scale and offset in the file say, of reflectance; else 65535 of a 16-bit PNG, and 1
    of floats. A TIFF of 16 bits that says nothing may hold reflectance x 10,000 as well as a picture, and is refused.

    No pixel is shown where the file declares no data, by a value, a mask or transparency, or holds no number. A band
    that the file calls alpha is transparency; but of a TIFF, whose fourth band GDAL calls so by default, only where it
    is all or nothing. Rows from south to north are turned.

    Args:
        path: of the image.
        white: of files that are not of 8 bits.

    Raises:
        ValueError: a file that cannot be read, packed bits, another type, an unknown white, values outside [0, 1], or
            nothing to see.
    """
    notes: list[str] = []
    # By default GDAL reads a PNG in one go, and a truncated one without an error. A file that has gone since the folder
    # was listed is one that cannot be read.
    whole = rasterio.Env(GDAL_PNG_WHOLE_IMAGE_OPTIM="NO")
    with whole, open_raster(str(path), remedy="make or download it again") as file:
        if "NBITS" in file.tags(1, ns="IMAGE_STRUCTURE"):
            raise ValueError(f"{path}: got packed bits, expected whole 8 or 16 bit: convert it")
        if has_palette(file):
            colors, valid = palette_colors(file)
            bands, values = [1], colors / 255
            notes.append(f"{path}: a palette, taken for the colors it stands for")
        else:
            transparent = transparent_bands(path, file, notes)
            bands = [band for band in file.indexes if band not in transparent]
            stored = np.asarray(file.read(bands))
            if np.iscomplexobj(stored):
                raise ValueError(f"{path}: got {stored.dtype} values, expected real ones: convert it")
            values = _in_unit(path, file, bands, upright(file, stored), white, notes)
            valid = shown_pixels(file, bands, stored, transparent) & np.isfinite(values).all(axis=0)
        place, names = _place(file), band_names(file, bands)
    _check(path, values, valid)
    image = np.where(valid, values, 0.0).astype(np.float32)
    if place is not None and place.transform.e > 0:
        turned = place.transform * Affine.translation(0, place.size[0]) * Affine.scale(1, -1)
        place, image, valid = replace(place, transform=turned), image[:, ::-1].copy(), valid[::-1].copy()
        notes.append(f"{path}: rows from south to north were turned")
    return ImageFile(path, torch.from_numpy(image), valid, names, place, tuple(notes))


def alike(sr: ImageFile, hr: ImageFile, ignore_place: bool = False) -> tuple[ImageFile, ImageFile]:
    """Return two images whose bands are in one order, and whose pixels are shown where both are.

    Args:
        sr: an image.
        hr: its target.
        ignore_place: whether they may lie elsewhere.

    Raises:
        ValueError: they lie elsewhere, have other bands, or share no pixel that both show.
    """
    where = f"{sr.path} against {hr.path}"
    if sr.place and hr.place and not ignore_place and (said := sr.place.differs(hr.place)):
        raise ValueError(f"{where}: got {said}, expected one place: warp one to the other, or pass --ignore-place")
    if sr.bands and hr.bands and sr.bands != hr.bands:
        if sorted(sr.bands) != sorted(hr.bands):
            raise ValueError(
                f"{where}: got bands {', '.join(sr.bands)} and {', '.join(hr.bands)}, expected the same: leave out "
                "what one of them lacks"
            )
        order = [sr.bands.index(name) for name in hr.bands]
        note = f"{sr.path}: bands {', '.join(sr.bands)} were put in the order {', '.join(hr.bands)}"
        sr = replace(sr, image=sr.image[order], bands=hr.bands, notes=(*sr.notes, note))
    if sr.valid.shape != hr.valid.shape:
        return sr, hr  # what scores them says so
    both = sr.valid & hr.valid
    if not both.any():
        raise ValueError(f"{where}: got no pixel that both show, expected some: look at their masks and no-data values")
    shown = torch.from_numpy(both)
    return (
        replace(sr, image=torch.where(shown, sr.image, 0.0), valid=both),
        replace(hr, image=torch.where(shown, hr.image, 0.0), valid=both),
    )


def _in_unit(
    path: Path, file: Any, bands: Sequence[int], stored: NDArray[Any], white: float | None, notes: list[str]
) -> NDArray[np.float64]:
    """Return values of which white is 1; see `read_image`."""
    kind, values = stored.dtype, stored.astype(np.float64)
    scales, offsets = ([of[band - 1] for band in bands] for of in (file.scales, file.offsets))
    tagged = any(scale != 1 for scale in scales) or any(offset != 0 for offset in offsets)
    if kind == np.uint8 and not tagged:
        return values / 255
    if white is not None and np.issubdtype(kind, np.floating) and not tagged and np.nanmax(values) <= 1:
        notes.append(f"{path}: floats up to 1 already, so not divided by --white {white:g}")
        return values
    if white is not None:
        if tagged:
            notes.append(f"{path}: its own scale and offset are not used, since white is given")
        return values / white
    if tagged:
        notes.append(f"{path}: scaled as the file says, by {scales[0]:g} and {offsets[0]:+g}")
        return values * np.reshape(scales, (-1, 1, 1)) + np.reshape(offsets, (-1, 1, 1))
    if np.issubdtype(kind, np.floating):
        return values
    if kind == np.uint16 and path.suffix.lower() not in TIFFS:
        return values / 65535
    raise ValueError(
        f"{path}: got {kind} values that say nothing of their scale, expected to know what is white: pass "
        "--white 10000 for reflectance x 10,000, --white 65535 for a picture"
    )


def _check(path: Path, values: NDArray[np.float64], valid: NDArray[np.bool_]) -> None:
    if not valid.any():
        raise ValueError(f"{path}: got no pixel that shows anything, expected some: look at its mask or no-data value")
    seen = values[:, valid]
    if not ((seen >= 0) & (seen <= 1)).all():
        raise ValueError(
            f"{path}: got values in [{seen.min():g}, {seen.max():g}] of white, expected [0, 1]: say what is white by "
            "--white, or clip them"
        )


def _place(file: Any) -> Place | None:
    if file.crs is None or file.transform.is_identity:
        return None
    return Place(file.crs, file.transform, (file.height, file.width))


def _named(crs: CRS) -> str:
    return f"EPSG:{crs.to_epsg()}" if crs.to_epsg() else crs.to_wkt().split('"')[1]
