"""A map page of a super-resolved scene: one HTML file that opens anywhere and asks for nothing elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from satsr.common.writing import write_whole
from satsr.data.ground import has_place, pixel_m
from satsr.data.rasters import open_raster
from satsr.scenes import preview_rasters as rasters
from satsr.scenes.block_file import Block
from satsr.scenes.preview_facts import Rows, find_record, record_rows
from satsr.scenes.preview_layers import Layer, address, extra_layer, no_data_layer
from satsr.scenes.preview_page import Page, page_text
from satsr.scenes.preview_place import crs_name, decimals, degrees
from satsr.scenes.preview_rasters import Bands, Stretching, View

SIDE_PX = 2048
MOST_PX = 4096  # along a side; a larger page is slow in a browser
INPUT = ".input.tif"  # what `satsr super-resolve --keep-input` adds to the stem of the output
SUFFIXES = (".html", ".htm")
CACHE_BYTES = 64_000_000  # by default GDAL takes a twentieth of the machine's memory


@dataclass(frozen=True)
class _Shown:
    """An open raster, and what is shown of it."""

    file: Any
    view: View
    bands: Bands


def preview(
    path: Path,
    output: Path | None = None,
    *,
    before: Path | None = None,
    side: int = SIDE_PX,
    window: tuple[int, int, int, int] | None = None,
    stretch: Stretching = "fixed",
    overwrite: bool = False,
) -> Path:
    """Write a map page of an image: its output and input with a slider between them, and what else the image holds.

    Memory and the page's size grow with `side`, not with the image: that is read through its overviews. An image
    without a record of satsr is shown too, under a warning.

    Args:
        path: of the image, a GeoTIFF with a place on earth.
        output: `.html`; None takes the image's name, `OUT.html`.
        before: a GeoTIFF of the same place and CRS, of any pixel; None takes `OUT.input.tif` where it lies beside.
        side: pixels of each layer, at most, along its longer side.
        window: row, column, height and width in pixels of the image; None shows all of it.
        stretch: `fixed` shows reflectance 0 to 0.3, and 8-bit numbers as they are; `percentile` what lies between
            the 2nd and the 98th of each band. Output and input get the same one.
        overwrite: replace a page that is there.

    Returns:
        The page.

    Raises:
        FileExistsError: the page is there.
        FileNotFoundError: a file is missing.
        ValueError: a file or an option that cannot be, or files that do not go together; one line with the remedy.
        OSError: the page cannot be written.
    """
    import rasterio

    output = path.with_suffix(SUFFIXES[0]) if output is None else output
    _check_output(output, overwrite)
    if not 1 <= side <= MOST_PX:
        raise ValueError(f"got a side of {side} px, expected 1 to {MOST_PX}: --window shows a part in full")
    if stretch not in get_args(Stretching):
        raise ValueError(f"got stretch {stretch}, expected {' or '.join(get_args(Stretching))}")
    beside = path.with_name(path.stem + INPUT)
    before = beside if before is None and beside.is_file() else before
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES), ExitStack() as opened:
        after = _open_output(opened.enter_context(open_raster(path)), window, side)
        first = None if before is None else _open_input(opened.enter_context(open_raster(before)), after, side)
        text = page_text(_page(after, first, stretch))
    write_whole(output, text)
    return output


def _check_output(output: Path, overwrite: bool) -> None:
    if output.suffix.lower() not in SUFFIXES:
        raise ValueError(f"got {output.name}, expected a name that ends in .html")
    if output.is_dir():
        raise FileExistsError(f"{output} is a folder: give another name")
    if output.exists() and not overwrite:
        raise FileExistsError(f"{output} is there already: give another name, or replace it (--overwrite)")


def _open_output(file: Any, window: tuple[int, int, int, int] | None, side: int) -> _Shown:
    if not has_place(file):
        raise ValueError(f"got {file.name} without a place on earth, expected a GeoTIFF with a CRS and a transform")
    return _Shown(file, View.of(_part(file, window), side), rasters.colour_bands(file))


def _part(file: Any, window: tuple[int, int, int, int] | None) -> Block:
    rows, columns = file.shape
    part = Block(0, 0, rows, columns) if window is None else Block(*window)
    fits = part.row + part.height <= rows and part.column + part.width <= columns
    if not fits or min(part.row, part.column) < 0 or min(part.height, part.width) < 1:
        asked = ",".join(map(str, part))
        raise ValueError(f"got window {asked}, expected row,column,height,width within {rows} x {columns} px")
    return part


def _open_input(file: Any, after: _Shown, side: int) -> _Shown:
    """Find what to show of the input beside the output.

    Raises:
        ValueError: they do not go together.
    """
    onto = after.file
    if not has_place(file) or file.crs != onto.crs:
        found, code = crs_name(file.crs) if file.crs else "no CRS", crs_name(onto.crs)
        remedy = f"bring it there (rio warp --dst-crs {code})"
        raise ValueError(f"got {file.name} in {found}, expected {code}, that of {onto.name}: {remedy}")
    view = rasters.view_within(file, onto, after.view, side)
    if view is None:
        raise ValueError(
            f"got {file.name}, which shows nothing of that part of {onto.name}: take one of the same place"
        )
    bands = rasters.colour_bands(file)
    if bands.names != after.bands.names:
        names, expected = ", ".join(bands.names), ", ".join(after.bands.names)
        raise ValueError(f"got {file.name} with {names}, expected {expected} as in {onto.name}: name its bands so")
    before = _Shown(file, view, bands)
    _check_units(before, after)
    return before


def _check_units(before: _Shown, after: _Shown) -> None:
    """See that one stretch fits both: numbers of reflectance, or numbers of one type and no unit."""
    units = [rasters.has_unit(one.file, one.bands) for one in (before, after)]
    if all(units) or (not any(units) and before.file.dtypes[0] == after.file.dtypes[0]):
        return
    without = before.file.name if units[1] else after.file.name
    raise ValueError(
        f"got {before.file.name} and {after.file.name}, expected numbers that compare, but {without} has no scale to "
        "reflectance: set it, such as 0.0001 (gdal_edit.py -scale)"
    )


def _page(after: _Shown, before: _Shown | None, stretch: Stretching) -> Page:
    file, view = after.file, after.view
    both = [after] if before is None else [after, before]
    found = rasters.find_stretch(stretch, [(one.file, one.view, one.bands) for one in both])
    record, warning = find_record(file.tags())
    layers = _layers(after, before, found)
    sides = pixel_m(file)
    numbers = {
        "box": view.box(),
        "factor": view.factor,
        "transform": list(file.transform)[:6],
        "crs": crs_name(file.crs),
        "decimals": decimals(file),
        "pixel_m": sides,
        "degrees": degrees(file, view.box()),
    }
    title = record.get("title")
    return Page(
        title=title if isinstance(title, str) and title else Path(file.name).stem,
        warning=warning,
        notes=_notes(after, before, found.said),
        facts=[*record_rows(record), *_file_rows([one.file for one in both])],
        layers=layers,
        view=numbers,
    )


def _layers(after: _Shown, before: _Shown | None, stretch: rasters.Stretch) -> list[Layer]:
    """Return the layers of a page; of those on one side of the line, the lowest first."""
    file, view = after.file, after.view
    image = rasters.colours(file, view, after.bands, stretch)
    shown = image[..., 3] > 0
    title = "output" if before is None else "output, right of the line"
    layers = [Layer("output", title, "after", address(image), view.box(), view.factor)]
    del image
    if before is not None:
        layers.append(_input_layer(before, file, stretch))
    for number, (name, band) in enumerate(rasters.extras(file).items()):
        unit = file.units[band - 1] or "reflectance" * rasters.has_unit(file, Bands((band,), (name,)))
        layers.append(extra_layer(name, unit, rasters.values(file, view, band), view, number))
    return layers if shown.all() else [*layers, no_data_layer(shown, view)]


def _input_layer(before: _Shown, onto: Any, stretch: rasters.Stretch) -> Layer:
    top, left, bottom, right = before.view.box()
    to_output = ~onto.transform @ before.file.transform
    (x1, y1), (x2, y2) = to_output @ (left, top), to_output @ (right, bottom)
    image = address(rasters.colours(before.file, before.view, before.bands, stretch))
    pixel = (x2 - x1) / before.view.shape[1]
    return Layer("input", "input, left of the line", "before", image, (y1, x1, y2, x2), pixel)


def _notes(after: _Shown, before: _Shown | None, stretched: str) -> list[tuple[str, str]]:
    """Return what a reader has to know of the view: the class of each sentence, and the sentence."""
    (row, column, height, width), (rows, columns) = after.view.part, after.file.shape
    notes = []
    if (height, width) != (rows, columns):
        notes.append(
            ("reduced", f"A part: {height} x {width} of {rows} x {columns} px, from row {row}, column {column}.")
        )
    if (n := after.view.factor) > 1:
        what = f"A reduced view, 1 : {n}: a pixel here is about the mean of {n} x {n} pixels of the output"
        notes.append(("reduced", f"{what}, so the finest detail does not show (--window shows a part in full)."))
    if before is not None and (n := before.view.factor) > 1:
        notes.append(("reduced", f"The input is reduced too, 1 : {n} of its own pixels."))
    names = ", ".join(after.bands.names)
    if before is None:
        notes.append(("", f"Shown: {names}; {stretched}."))
        notes.append(("", "No input lies beside it to compare with (super-resolve --keep-input, or preview --before)."))
    else:
        notes.append(("", f"Shown, output and input alike: {names}; {stretched}."))
    return notes


def _file_rows(files: Sequence[Any]) -> Rows:
    """Return what is told of the output, and of the input where there is one."""
    rows: Rows = []
    for name, file in zip(("output", "input"), files, strict=False):
        height, width = file.shape
        sides = pixel_m(file)
        size = f"{height} x {width} px" + (f" of {sides[0]:.4g} x {sides[1]:.4g} m" if sides else "")
        rows.append((f"{name}'s file", [Path(file.name).name, f"{size}, {crs_name(file.crs)}"]))
    return rows
