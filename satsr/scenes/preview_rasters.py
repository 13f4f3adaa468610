"""What a map page shows of a raster: a part of it, no larger than asked for, as 8-bit colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from satsr.scenes.block_file import Block

RGB = ("red", "green", "blue")
SUPPORT = "clear dates"  # as `satsr super-resolve --support` names its band
UNCERTAINTY = "uncertainty of "
WHITE = 0.3  # reflectance that is white by default: roofs and dry sand, not clouds and snow
PERCENTILES = (2, 98)
SAMPLE_PX = 512  # longer side of what percentiles are taken of
PARALLEL = 1e-3  # of a pixel, by which axes of two grids may drift apart over a view
ON_LINE = 1e-6  # a border within this part of a pixel from a grid line lies on it

Stretching = Literal["fixed", "percentile"]


@dataclass(frozen=True)
class View:
    """A part of a raster, each of its pixels the mean of several of the file's.

    Attributes:
        part: in pixels of the file.
        factor: how many of them along a side make one pixel of the view; 1 shows them as they are.
    """

    part: Block
    factor: int

    @classmethod
    def of(cls, part: Block, side: int) -> View:
        """Return the largest view of a part that has at most so many pixels along a side."""
        return cls(part, math.ceil(max(part.height, part.width) / side))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the view; the last ones may reach beyond the part."""
        return math.ceil(self.part.height / self.factor), math.ceil(self.part.width / self.factor)

    def transform(self, file: Any) -> Affine:
        """Return a view's own, from its columns and rows to x and y."""
        return file.transform @ Affine.translation(self.part.column, self.part.row) @ Affine.scale(self.factor)

    def box(self) -> tuple[float, float, float, float]:
        """Return its outer edges in pixels of the file: top, left, bottom, right."""
        (top, left, *_), (height, width) = self.part, self.shape
        return top, left, top + height * self.factor, left + width * self.factor


class Bands(NamedTuple):
    """Which bands are shown as red, green and blue, or one as gray: numbers from 1, and names."""

    numbers: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Stretch:
    """What is black and what is white.

    Attributes:
        black: for each shown band, in reflectance, or in the file's numbers where they have no unit.
        white: likewise.
        said: the same in words.
    """

    black: tuple[float, ...]
    white: tuple[float, ...]
    said: str


def read(file: Any, view: View, bands: Sequence[int]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Read bands of an open raster, through its overviews.

    Args:
        file: north up or turned, with a CRS.
        view: of it.
        bands: numbers from 1.

    Returns:
        Numbers (C, h, w) in the file's dtype, means over those of its pixels that show something; of an overview where
        there is one, to which the mean of its pixels comes close. Bool (h, w), where there is such a pixel.
    """
    from rasterio.enums import ColorInterp, Resampling
    from rasterio.vrt import WarpedVRT

    height, width = view.shape
    grid = {"crs": file.crs, "transform": view.transform(file), "height": height, "width": width}
    own = ColorInterp.alpha in file.colorinterp
    how = Resampling.nearest if view.factor == 1 else Resampling.average
    with _smaller(file, view.factor) as source, WarpedVRT(source, **grid, resampling=how, add_alpha=not own) as warped:
        alpha = file.colorinterp.index(ColorInterp.alpha) + 1 if own else warped.count
        *each, shown = warped.read([*bands, alpha])
    numbers = np.stack(each)
    return numbers, (shown > 0) & np.isfinite(numbers).all(axis=0)


@contextmanager
def _smaller(file: Any, factor: int) -> Iterator[Any]:
    """Give an open raster's smallest overview that is still as fine as asked for, or itself.

    The warper would not look for one by itself; GDAL's plain reading does, but takes whole pixels of it for each mean.
    """
    import rasterio

    fine = [level for level, smaller in enumerate(file.overviews(1)) if smaller <= factor]
    if not fine:
        yield file
        return
    with rasterio.open(file.name, overview_level=fine[-1]) as overview:
        yield overview


def colour_bands(file: Any) -> Bands:
    """Choose the bands of an open raster to show: red, green and blue by their names or colours, else the first ones.

    Raises:
        ValueError: there is none, or they hold complex numbers.
    """
    names = _names(file)
    colours = [colour.name for colour in file.colorinterp]
    for known in (names, colours):
        if set(RGB) <= set(known):
            return Bands(tuple(known.index(name) + 1 for name in RGB), RGB)
    kept = [n for n, name in enumerate(names) if not is_extra(name) and colours[n] != "alpha"]
    if not kept or np.dtype(file.dtypes[kept[0]]).kind not in "uif":
        raise ValueError(f"got {file.name} with bands {', '.join(names)}, expected one of real numbers to show")
    kept = kept[:3] if len(kept) >= 3 else kept[:1]
    return Bands(tuple(n + 1 for n in kept), tuple(names[n] for n in kept))


def extras(file: Any) -> dict[str, int]:
    """Return the numbers, from 1, of the bands of an open raster that speak about others, by their names."""
    return {name: n for n, name in enumerate(_names(file), start=1) if is_extra(name)}


def is_extra(name: str) -> bool:
    """Return whether a band speaks about others."""
    return name == SUPPORT or name.startswith(UNCERTAINTY)


def has_unit(file: Any, bands: Bands) -> bool:
    """Return whether numbers of an open raster can be told in reflectance: it has a scale, or holds floats."""
    is_float = all(np.dtype(file.dtypes[n - 1]).kind == "f" for n in bands.numbers)
    return is_float or any((file.scales[n - 1], file.offsets[n - 1]) != (1.0, 0.0) for n in bands.numbers)


def find_stretch(kind: Stretching, files: Sequence[tuple[Any, View, Bands]]) -> Stretch:
    """Choose one stretch for several open rasters.

    Args:
        kind: `fixed` shows reflectance 0 to 0.3, and 8-bit numbers of the first file as they are; `percentile` takes
            for each band the 2nd and the 98th over all files. Numbers without a unit are stretched so anyway.
        files: the output first; all with a unit, or none.
    """
    file, _, bands = files[0]
    unit, dtypes = has_unit(file, bands), {file.dtypes[n - 1] for n in bands.numbers}
    if kind == "fixed" and dtypes == {"uint8"}:
        black, white = (tuple(_values(file, n, np.uint8(number)) for n in bands.numbers) for number in (0, 255))
        same = len(set(white)) == 1 and unit
        return Stretch(black, white, "8-bit numbers as they are" + (f" (255 is reflectance {white[0]:.4g})" * same))
    count = len(bands.numbers)
    if kind == "fixed" and unit:
        return Stretch((0.0,) * count, (WHITE,) * count, f"reflectance 0 is black, {WHITE} is white")
    limits = [_percentiles(files, at) for at in range(count)]
    each = ", ".join(f"{name} {low:.4g} to {high:.4g}" for name, (low, high) in zip(bands.names, limits, strict=True))
    what = "reflectance" if unit else "numbers without a unit"
    black, white = zip(*limits, strict=True)
    return Stretch(black, white, f"percentiles {PERCENTILES[0]} to {PERCENTILES[1]} of {what} ({each})")


def colours(file: Any, view: View, bands: Bands, stretch: Stretch) -> NDArray[np.uint8]:
    """Return a view of an open raster in 8-bit colours (h, w, 4), transparent where it shows nothing."""
    numbers, shown = read(file, view, bands.numbers)
    image = np.zeros((*shown.shape, 4), np.uint8)
    for channel in range(len(RGB)):
        at = min(channel, len(bands.numbers) - 1)
        black, white = stretch.black[at], stretch.white[at]
        share = (_values(file, bands.numbers[at], numbers[at]) - black) / (white - black)
        image[..., channel] = np.rint(np.where(shown, share, 0).clip(0, 1) * 255)
    image[..., 3] = np.where(shown, 255, 0)
    return image


def values(file: Any, view: View, band: int) -> NDArray[np.float32]:
    """Return a view of a band of an open raster in its unit (h, w), NaN where it shows nothing."""
    numbers, shown = read(file, view, [band])
    return np.where(shown, _values(file, band, numbers[0]), np.float32(np.nan))


def view_within(file: Any, onto: Any, view: View, side: int) -> View | None:
    """Return the part of an open raster that lies under the view of another; None where it has none there.

    Args:
        file: with axes parallel to the other's.
        onto: the other open raster.
        view: of it.
        side: pixels along a side, at most.

    Raises:
        ValueError: the axes are turned against each other, or mirrored.
    """
    top, left, bottom, right = view.box()
    to_file = ~file.transform @ onto.transform
    drift = max(abs(to_file.b) * (bottom - top), abs(to_file.d) * (right - left))
    if drift > PARALLEL or min(to_file.a, to_file.e) <= 0:
        raise ValueError(
            f"got {file.name}, whose rows and columns are turned against those of {onto.name}, expected them parallel: "
            "bring it onto a grid of the same CRS that has north up (rio warp)"
        )
    # Only what the file shows of the view's part: its last pixels may reach beyond the raster.
    ends = (view.part.row + view.part.height, view.part.column + view.part.width)
    (x1, y1), (x2, y2) = to_file @ (left, top), to_file @ (ends[1], ends[0])
    row, column = max(0, math.floor(y1 + ON_LINE)), max(0, math.floor(x1 + ON_LINE))
    height = min(file.height, math.ceil(y2 - ON_LINE)) - row
    width = min(file.width, math.ceil(x2 - ON_LINE)) - column
    return View.of(Block(row, column, height, width), side) if min(height, width) > 0 else None


def _names(file: Any) -> list[str]:
    return [name or f"band {number}" for number, name in enumerate(file.descriptions, start=1)]


def _values(file: Any, band: int, numbers: Any) -> Any:
    return numbers * np.float32(file.scales[band - 1]) + np.float32(file.offsets[band - 1])


def _percentiles(files: Sequence[tuple[Any, View, Bands]], at: int) -> tuple[float, float]:
    """Return the limits of one of the shown bands over all files."""
    found = []
    for file, view, bands in files:
        numbers, shown = read(file, View.of(view.part, SAMPLE_PX), [bands.numbers[at]])
        found.append(_values(file, bands.numbers[at], numbers[0][shown]))
    every = np.concatenate(found)
    every = every[np.isfinite(every)]
    low, high = np.percentile(every, PERCENTILES) if len(every) else (0.0, 1.0)
    return float(low), float(high if high > low else low + 1)
