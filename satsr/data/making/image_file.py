"""An image file of your own, of any format, type and size, read part by part as 8-bit colours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from satsr.data.ground import footprint, pixel_m
from satsr.data.image_bands import (
    cmyk_colors,
    color_bands,
    has_palette,
    is_cmyk,
    palette_colors,
    shown_pixels,
    strips,
    transparent_bands,
    upright,
)
from satsr.data.rasters import open_raster

if TYPE_CHECKING:
    from rasterio.transform import Affine

Image8 = NDArray[np.uint8]

CACHE_BYTES = 256 * 2**20  # that GDAL keeps of what it has decoded
EXACT_PIXELS = 2**24  # of larger images, the stretch looks at a part of the pixels
ENDS = (1, 99)  # percentiles that become black and white, where values are not of 8 bits
AS_IT_IS = 0.01  # by which a pixel's size may differ from the one asked for and stays as it is


@dataclass(frozen=True)
class ImageFile:
    """An open image on the grid that was asked for.

    Attributes:
        path: of the file.
        shape: rows and columns, after resampling.
        pixel_m: height and width of one of the file's own pixels on the ground; None where nothing tells.
        footprint: what it covers, in degrees (a shapely geometry); None where nothing tells.
        notes: what a user should know of how it is read.
        turned: whether the file's rows lie from south to north; here they lie from north to south.
    """

    path: Path
    shape: tuple[int, int]
    pixel_m: tuple[float, float] | None
    footprint: Any
    notes: tuple[str, ...]
    turned: bool
    _file: Any
    _bands: tuple[int, ...]  # red, green and blue; empty where a palette says the colours
    _transparent: tuple[int, ...]

    @property
    def factors(self) -> tuple[float, float]:
        """How many of the file's own rows and columns become one."""
        return self._file.height / self.shape[0], self._file.width / self.shape[1]

    def read(self, rows: slice = slice(None), columns: slice = slice(None)) -> Image8:
        """Return a part as 8-bit RGB (h, w, 3); 0 in all bands is no data, and dark pixels become 1."""
        top, bottom, _ = rows.indices(self.shape[0])
        left, right, _ = columns.indices(self.shape[1])
        across = _Axis(left, right, self._file.width, self.shape[1])
        image = np.empty((bottom - top, right - left, 3), np.uint8)
        step = max(1, int(2**22 / ((across.last - across.first) * max(1.0, self.factors[0]))))
        for start in range(top, bottom, step):
            stop = min(start + step, bottom)
            down = _Axis(start, stop, self._file.height, self.shape[0])
            image[start - top : stop - top] = self._part(down, across)
        return image

    @cached_property
    def _ends(self) -> tuple[float, float] | None:
        """Values that become black and white; None of 8-bit ones, which stay. For others the file is read through."""
        file = self._file
        if not self._bands or file.dtypes[self._bands[0] - 1] == "uint8":
            return None
        every = max(1, round((file.height * file.width / EXACT_PIXELS) ** 0.5))
        seen = []
        for strip in strips(file):
            values, valid = _colors(file, self._bands, self._transparent, strip)
            seen.append(values[:, ::every, ::every][:, valid[::every, ::every]])
        found = np.concatenate(seen, axis=1)
        low, high = np.percentile(found, ENDS) if found.size else (0.0, 1.0)
        return float(low), float(high)

    @property
    def transform(self) -> Affine:
        """From columns and rows, after resampling, to coordinates of the file's CRS."""
        from rasterio.transform import Affine

        down, across = self.factors
        turn = Affine.translation(0, self._file.height) * Affine.scale(1, -1) if self.turned else Affine.identity()
        return self._file.transform * turn * Affine.scale(across, down)

    def corner_m(self, row: int, column: int) -> tuple[float, float] | None:
        """Return where a pixel's first corner lies, in metres of EPSG:3857; None without a place on earth."""
        from rasterio.warp import transform

        if self.pixel_m is None:
            return None
        x, y = self.transform * (column, row)
        (x_m,), (y_m,) = transform(self._file.crs, "EPSG:3857", [x], [y])
        return x_m, y_m

    def _part(self, down: _Axis, across: _Axis) -> Image8:
        from rasterio.windows import Window

        first = self._file.height - down.last if self.turned else down.first
        window = Window(across.first, first, across.last - across.first, down.last - down.first)
        values, valid = _colors(self._file, self._bands, self._transparent, window)
        if self.turned:
            values, valid = values[:, ::-1], valid[::-1]
        if self._ends is not None:
            low, high = self._ends
            values = np.nan_to_num((values.astype(np.float64) - low) / max(high - low, 1e-9) * 255)
        if not (down.same and across.same):
            # What shows nothing takes no part in a mean, and a pixel shows something where most of it does.
            share = across.on(down.on(valid.astype(np.float64), 0), 1)
            values = across.on(down.on(np.where(valid, values, 0.0), 1), 2) / np.maximum(share, 1e-9)
            valid = share >= 0.5
        eight_bit = np.clip(np.rint(values), 1, 255).astype(np.uint8)
        return np.where(valid[..., None], np.moveaxis(eight_bit, 0, -1), 0).astype(np.uint8)


@contextmanager
def open_image_file(path: Path, gsd_m: float = 0.0, bands: tuple[int, ...] = ()) -> Iterator[ImageFile]:
    """Open an image.

    Values of other than 8 bits are stretched from the 1st to the 99th percentile. Fewer than three bands repeat the
    first. No data is what the file says it is: a mask, a nodata value, transparency, or a value that is not a number.

    Args:
        path: GeoTIFF, PNG or JPEG.
        gsd_m: bring the image to pixels of this size on the ground, by means over areas (finer ones by lines); 0 keeps
            its own pixels, whatever their size.
        bands: numbers of red, green and blue, from 1; empty takes what the file says.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file cannot be read, does not say which bands are the colours, lacks the bands named, or is to
            be brought to a size on the ground and has no place on earth.
    """
    import rasterio

    # By default GDAL reads a PNG in one go, and a truncated one without an error.
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, GDAL_PNG_WHOLE_IMAGE_OPTIM="NO"), open_raster(path) as file:
        notes: list[str] = []
        size = pixel_m(file)
        palette = has_palette(file)
        transparent = [] if palette else transparent_bands(path, file, notes)
        kept = [band for band in file.indexes if band not in transparent]
        chosen = () if palette else bands or ((1, 2, 3) if is_cmyk(file) else color_bands(path, file, kept))
        if any(not 1 <= band <= file.count for band in chosen):
            raise ValueError(f"{path}: got data.hr_bands {list(chosen)}, expected numbers from 1 to {file.count}")
        turned = size is not None and file.transform.e > 0 and file.transform.b == 0
        if turned:
            notes.append(f"{path}: rows from south to north were turned")
        yield ImageFile(
            path=path,
            shape=_shape(path, file, size, gsd_m),
            pixel_m=size,
            footprint=footprint(file),
            notes=tuple(notes),
            turned=turned,
            _file=file,
            _bands=tuple(chosen),
            _transparent=tuple(transparent),
        )


def _shape(path: Path, file: Any, size: tuple[float, float] | None, gsd_m: float) -> tuple[int, int]:
    """Return rows and columns of pixels of that size; 0 keeps the file's own."""
    if not gsd_m:
        return file.height, file.width
    if size is None:
        raise ValueError(
            f"{path}: got data.hr_gsd_m {gsd_m:g} for a file that has no place on earth, expected one to measure by: "
            "write its coordinates into it, or set data.hr_gsd_m: 0 to keep its pixels"
        )
    if max(abs(side / gsd_m - 1) for side in size) < AS_IT_IS:
        return file.height, file.width
    rows, columns = round(file.height * size[0] / gsd_m), round(file.width * size[1] / gsd_m)
    return max(1, rows), max(1, columns)


def _colors(file: Any, bands: tuple[int, ...], transparent: Any, window: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return red, green and blue as stored, (3, h, w), and which pixels show something."""
    if not bands:
        return palette_colors(file, window)
    if is_cmyk(file):
        return cmyk_colors(file, window), np.asarray(file.dataset_mask(window=window) > 0)
    own = sorted(set(bands))
    stored = np.asarray(file.read(own, window=window))
    valid = shown_pixels(file, own, stored, transparent, window) & np.isfinite(stored).all(axis=0)
    bits = int(file.tags(own[0], ns="IMAGE_STRUCTURE").get("NBITS", 8))
    if bits < 8:  # of few levels the brightest is white
        stored = np.rint(stored * (255 / (2**bits - 1))).astype(np.uint8)
    return upright(file, stored)[[own.index(band) for band in bands]], valid


class _Axis:
    """Rows (or columns) `start` to `stop` of `count` new ones, made from `first` to `last` of `own` ones.

    Fewer new ones are means over what each covers, exactly; more are on lines between the middles of the own ones.
    Nothing is read from overviews: whoever made them may have left pixels out.
    """

    def __init__(self, start: int, stop: int, own: int, count: int) -> None:
        self.same, self.factor = own == count, own / count
        if self.factor >= 1:
            self.edges = np.minimum(np.arange(start, stop + 1) * self.factor, own)
            self.first, self.last = int(self.edges[0]), min(own, int(np.ceil(self.edges[-1] - 1e-9)))
        else:
            self.middles = np.clip((np.arange(start, stop) + 0.5) * self.factor - 0.5, 0, own - 1)
            self.first, self.last = int(self.middles[0]), min(own, int(self.middles[-1]) + 2)

    def on(self, values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        """Bring values along an axis, which holds `first` to `last`, to the new rows."""
        if self.same:
            return values
        moved = np.moveaxis(values, axis, 0)
        found = self._means(moved) if self.factor > 1 else self._between(moved)
        return np.moveaxis(found, 0, axis)

    def _means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return differences of the running sum, which is linear inside a pixel."""
        total = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
        at = np.clip(self.edges - self.first, 0, len(values))
        whole = np.minimum(at.astype(int), len(values) - 1)
        part = (at - whole).reshape(-1, *[1] * (values.ndim - 1))
        sums = total[whole] + part * values[whole]
        return np.diff(sums, axis=0) / np.diff(self.edges).reshape(-1, *[1] * (values.ndim - 1))

    def _between(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        at = self.middles - self.first
        low = np.minimum(at.astype(int), len(values) - 1)
        high = np.minimum(low + 1, len(values) - 1)
        part = (at - low).reshape(-1, *[1] * (values.ndim - 1))
        return (1 - part) * values[low] + part * values[high]
