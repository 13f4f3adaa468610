"""Your own imagery: a folder of HR images with a simulated Sentinel-2 series, or a folder of real pairs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from glob import escape
from itertools import chain, product, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satsr.common.stray import own_files
from satsr.common.tile_grid import HR_GSD_M, HR_PX, LR_PX, SCALE, ZOOM_TILES
from satsr.data.frames import black
from satsr.data.images import IMAGES, read_png
from satsr.data.making.image_file import ImageFile, open_image_file
from satsr.data.readers.s2naip_folder import Chip
from satsr.data.settings import DataSettings
from satsr.data.true_colour import true_colour
from satsr.world.cameras import aerial, sensors
from satsr.world.cameras.calendar import SENTINEL2_HOUR, day_of_year, draw_flight_day, draw_series, sun_at

LATITUDE_DEG = 40.0  # of images without a place; turns cloud shadows
MARGIN_PX = 24  # beyond the image's border the surface is mirrored
RGB = ("b04", "b03", "b02")
BLOCK = 8  # chips along a side of what is simulated at a time
TILES_PER_IMAGE = 512  # room for an image of 65,536 px, and for 65,536 images

Image8 = NDArray[np.uint8]


@dataclass(frozen=True)
class OwnImage:
    """One image (or pair) of a folder.

    Attributes:
        name: path below the folder; the unit that splits keep together.
        number: place in the sorted list; gives made-up tile names and seeds.
        hr: the HR image's file.
        region: number of the first of the images that splits keep together with this one.
        lr: files of the real LR frames, in order; empty for images.
        caption: from the class folder, or empty.
    """

    name: str
    number: int
    hr: Path
    region: int = 0
    lr: tuple[Path, ...] = ()
    caption: str = ""


def list_images(settings: DataSettings) -> list[OwnImage]:
    """List a folder's images, classes (nested folders) in turn, at most `max_chips` of them.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
    """
    root = _existing(settings.path)
    files = [path for path in own_files(root, "**/*") if path.suffix.lower() in IMAGES]
    if not files:
        raise FileNotFoundError(f"{root} holds no images: expected {', '.join(IMAGES)} at any depth")
    rng = np.random.default_rng([settings.seed, 2])
    classes: dict[Path, list[Path]] = {}
    for file in rng.permutation(np.array(files, dtype=object)):
        classes.setdefault(file.parent, []).append(file)
    turns = zip_longest(*(classes[c] for c in sorted(classes)))
    chosen = [f for f in chain.from_iterable(turns) if f is not None][: settings.max_chips or None]
    return [_place(root, number, file) for number, file in enumerate(chosen)]


def list_pairs(settings: DataSettings) -> list[OwnImage]:
    """List a folder's real pairs: `NAME_hr.png` with `NAME_lr*.png`, or folders with `hr.png` and `s2_*.png`.

    Raises:
        FileNotFoundError: no such folder, no pair in it, or an HR image without LR frames.
    """
    root = _existing(settings.path)
    places = []
    found = sorted(path for name in ("*_hr.png", "hr.png") for path in own_files(root, f"**/{name}"))
    for number, hr in enumerate(found):
        named = "s2_*.png" if hr.name == "hr.png" else f"{escape(hr.stem[:-3])}_lr*.png"
        frames = tuple(own_files(hr.parent, named))
        if not frames:
            raise FileNotFoundError(f"{hr} has no LR frames: expected NAME_lr*.png or s2_*.png beside it")
        places.append(OwnImage(hr.relative_to(root).as_posix(), number, hr, number, frames))
    if not places:
        raise FileNotFoundError(f"{root} holds no pairs: expected NAME_hr.png with NAME_lr*.png")
    return places[: settings.max_chips or None]


def image_chips(settings: DataSettings, place: OwnImage, left_out: Counter[str]) -> Iterator[Chip]:
    """Cut an HR image into chips and simulate their Sentinel-2 series, a block of chips at a time.

    The image is taken as an aerial photograph of nominal tone, which is undone before the sensor model; seasons are
    unknown, so dates differ by haze, clouds, misregistration and noise. Blocks of one image share their dates, and
    each has a sky of its own.

    Args:
        settings: of the data.
        place: the image.
        left_out: counts what is left out, by reason, as chips are taken.

    Raises:
        ValueError: the image cannot be read, or is too large for the names of its chips.
    """
    with open_image_file(place.hr, settings.hr_gsd_m, settings.hr_bands) as image:
        down, across = (_middle(side) for side in image.shape)
        rows, columns = len(down) // HR_PX, len(across) // HR_PX
        if rows == 0 or columns == 0:
            left_out[f"smaller than {HR_PX} px"] += 1
            return
        if max(rows, columns) > TILES_PER_IMAGE:
            raise ValueError(
                f"{place.hr}: got {image.shape} px, expected at most {TILES_PER_IMAGE * HR_PX} a side: cut it"
            )
        first = np.random.default_rng([settings.seed, place.number, 3])
        captured = draw_flight_day(first)
        dates = draw_series(first, captured, settings.dates)
        uuid = f"{_plain(place.name)}_{captured:%Y%m%d}"
        for y, x in product(range(0, rows, BLOCK), range(0, columns, BLOCK)):
            rng = first if y == x == 0 else np.random.default_rng([settings.seed, place.number, 3, y, x])
            block = (down[y * HR_PX : (y + BLOCK) * HR_PX], across[x * HR_PX : (x + BLOCK) * HR_PX])
            hr, tci = _observed(image, block, settings, dates, rng)
            for i, j in np.ndindex(hr.shape[0] // HR_PX, hr.shape[1] // HR_PX):
                high = hr[i * HR_PX : (i + 1) * HR_PX, j * HR_PX : (j + 1) * HR_PX]
                if black(high).any():
                    left_out["black HR pixels"] += 1
                    continue
                low = tci[:, i * LR_PX : (i + 1) * LR_PX, j * LR_PX : (j + 1) * LR_PX]
                corner = block[0].start + i * HR_PX, block[1].start + j * HR_PX
                yield Chip(
                    _tile(place.number, x + j, y + i),
                    uuid,
                    high,
                    {"tci": low},
                    dates,
                    caption=place.caption,
                    region=f"{place.region}",
                    position=image.corner_m(*corner),
                )


def _observed(
    image: ImageFile,
    block: tuple[range, range],
    settings: DataSettings,
    dates: Sequence[date],
    rng: np.random.Generator,
) -> tuple[Image8, Image8]:
    """Return a block (H, W, 3) of an image, and its passes (T, h, w, 3).

    What lies around the block is seen by the sensor too; beyond the image the surface is mirrored.
    """
    ends = (block[0].stop, block[1].stop)
    before = [min(MARGIN_PX, side.start) for side in block]
    after = [min(MARGIN_PX, size - end) for size, end in zip(image.shape, ends, strict=True)]
    rows, columns = (
        slice(side.start - less, side.stop + more) for side, less, more in zip(block, before, after, strict=True)
    )
    wide = image.read(rows, columns)
    hr = wide[before[0] : before[0] + len(block[0]), before[1] : before[1] + len(block[1])]
    missing = [(MARGIN_PX - less, MARGIN_PX - more) for less, more in zip(before, after, strict=True)]
    around = np.pad(wide, (*missing, (0, 0)), mode="reflect")
    return hr, np.stack([_simulate(around, settings, day, rng) for day in dates])


def pair_chips(place: OwnImage) -> Iterator[Chip]:
    """Cut one real pair into chips.

    Raises:
        ValueError: frames differ in size, or HR is not four times as large as LR.
    """
    hr = _rgb(read_png(place.hr))
    frames = [_rgb(read_png(f)) for f in place.lr]
    for file, frame in zip(place.lr, frames, strict=True):
        expected = (hr.shape[0] // SCALE, hr.shape[1] // SCALE)
        if frame.shape[:2] != expected or hr.shape[0] % HR_PX or hr.shape[1] % HR_PX:
            raise ValueError(
                f"{file} is {frame.shape[:2]} and its HR {hr.shape[:2]}: expected HR to be {SCALE} times LR and a "
                f"multiple of {HR_PX} px: cut both to the same ground area"
            )
    series = np.stack(frames)
    for y, x in np.ndindex(hr.shape[0] // HR_PX, hr.shape[1] // HR_PX):
        high = hr[y * HR_PX : (y + 1) * HR_PX, x * HR_PX : (x + 1) * HR_PX]
        low = series[:, y * LR_PX : (y + 1) * LR_PX, x * LR_PX : (x + 1) * LR_PX]
        yield Chip(_tile(place.number, x, y), _plain(place.name), high, {"tci": low}, region=f"{place.region}")


def read_hr(path: Path, gsd_m: float = 0.0, bands: tuple[int, ...] = ()) -> Image8:
    """Return a whole image as 8-bit RGB (H, W, 3); see `image_file.open_image_file`."""
    with open_image_file(path, gsd_m, bands) as image:
        return image.read()


def _simulate(around: Image8, settings: DataSettings, day: date, rng: np.random.Generator) -> Image8:
    """Return the true-colour image (h, w, 3) of one Sentinel-2 pass over an HR image that has a margin."""
    reflectance = aerial.Flight().undo(around.astype(np.float32) / 255)
    surface = np.moveaxis(np.clip(reflectance, 0, 1), -1, 0).astype(np.float32)
    sun = sun_at(LATITUDE_DEG, day_of_year(day), SENTINEL2_HOUR)
    frame, inside, _ = sensors.observe(
        surface,
        RGB,
        sensors.SENTINEL2,
        sensors.draw_conditions(rng, sensors.SENTINEL2, settings.cloudy_share, sun),
        rng,
        pixel_m=HR_GSD_M,
        margin=MARGIN_PX,
        scale=SCALE,
    )
    return true_colour(frame, RGB, inside)


def _existing(path: str) -> Path:
    root = Path(path)
    if not path or not root.is_dir():
        raise FileNotFoundError(f"data.path = {path!r} is no folder: name the folder that holds your images")
    return root


def _place(root: Path, number: int, file: Path) -> OwnImage:
    name = file.relative_to(root).as_posix()
    return OwnImage(name, number, file, number, caption=_caption(file.parent.name) if "/" in name else "")


def _caption(folder_name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|[_-]+", " ", folder_name).lower()
    return f"an aerial image of {words}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name.rsplit(".", 1)[0])


def _tile(number: int, x: int, y: int) -> str:
    """Return a made-up tile name; every image starts in regions of its own."""
    across = ZOOM_TILES // TILES_PER_IMAGE
    return f"{number % across * TILES_PER_IMAGE + x}_{number // across * TILES_PER_IMAGE + y}"


def place_of(tile: str) -> tuple[int, int, int]:
    """Return the number of the image that a made-up tile name stands for, and column and row of the chip in it."""
    column, row = map(int, tile.split("_"))
    across = ZOOM_TILES // TILES_PER_IMAGE
    number = row // TILES_PER_IMAGE * across + column // TILES_PER_IMAGE
    return number, column % TILES_PER_IMAGE, row % TILES_PER_IMAGE


def whole_chips(image: Image8) -> Image8:
    """Return the middle of an image (H, W, ...) that is cut into whole chips."""
    rows, columns = (_middle(side) for side in image.shape[:2])
    return image[rows.start : rows.stop, columns.start : columns.stop]


def _middle(side: int) -> range:
    """Return the pixels of a side that are cut into whole chips."""
    length = side // HR_PX * HR_PX
    return range((side - length) // 2, (side - length) // 2 + length)


def _rgb(image: Image8) -> Image8:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
