"""Your own imagery: a folder of HR images with a simulated Sentinel-2 series, or a folder of real pairs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from satsr.common.tile_grid import HR_GSD_M, HR_PX, LR_PX, SCALE, ZOOM_TILES
from satsr.data.frames import black
from satsr.data.images import IMAGES, open_image, read_png
from satsr.data.rasters import open_raster
from satsr.data.readers.s2naip_folder import Chip
from satsr.data.settings import DataSettings
from satsr.data.true_colour import true_colour
from satsr.world.cameras import aerial, sensors
from satsr.world.cameras.calendar import SENTINEL2_HOUR, day_of_year, draw_flight_day, draw_series, sun_at

LATITUDE_DEG = 40.0  # of images without a place; turns cloud shadows
MARGIN_PX = 24  # beyond the image's border the surface is mirrored
RGB = ("b04", "b03", "b02")
TILES_PER_IMAGE = 512  # room for an image of 65,536 px, and for 65,536 images

Image8 = NDArray[np.uint8]


@dataclass(frozen=True)
class OwnImage:
    """One image (or pair) of a folder.

    Attributes:
        name: path below the folder; the unit that splits keep together.
        number: place in the sorted list; gives made-up tile names and seeds.
        hr: the HR image's file.
        lr: files of the real LR frames, in order; empty for images.
        caption: from the class folder, or empty.
    """

    name: str
    number: int
    hr: Path
    lr: tuple[Path, ...] = ()
    caption: str = ""


def list_images(settings: DataSettings) -> list[OwnImage]:
    """List a folder's images, classes (nested folders) in turn, at most `max_chips` of them.

    Raises:
        FileNotFoundError: no such folder, or no image in it.
    """
    root = _existing(settings.path)
    files = sorted(p for p in root.rglob("*") if p.suffix.lower() in IMAGES)
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
    for number, hr in enumerate(sorted([*root.rglob("*_hr.png"), *root.rglob("hr.png")])):
        own = hr.parent.glob("s2_*.png") if hr.name == "hr.png" else hr.parent.glob(f"{hr.stem[:-3]}_lr*.png")
        frames = tuple(sorted(own))
        if not frames:
            raise FileNotFoundError(f"{hr} has no LR frames: expected NAME_lr*.png or s2_*.png beside it")
        places.append(OwnImage(hr.relative_to(root).as_posix(), number, hr, frames))
    if not places:
        raise FileNotFoundError(f"{root} holds no pairs: expected NAME_hr.png with NAME_lr*.png")
    return places[: settings.max_chips or None]


def image_chips(settings: DataSettings, place: OwnImage) -> tuple[list[Chip], dict[str, int]]:
    """Cut an HR image into chips and simulate their Sentinel-2 series; also count what was left out.

    The image is taken as an aerial photograph of nominal tone, which is undone before the sensor model; seasons are
    unknown, so dates differ by haze, clouds, misregistration and noise.
    """
    image = read_hr(place.hr, settings.hr_gsd_m)
    rows, columns = image.shape[0] // HR_PX, image.shape[1] // HR_PX
    if rows == 0 or columns == 0:
        return [], {f"smaller than {HR_PX} px": 1}
    image = whole_chips(image)
    rng = np.random.default_rng([settings.seed, place.number, 3])
    captured = draw_flight_day(rng)
    dates = draw_series(rng, captured, settings.dates)
    tci = np.stack([_simulate(image, settings, day, rng) for day in dates])
    chips, dark = [], 0
    for y, x in np.ndindex(rows, columns):
        hr = image[y * HR_PX : (y + 1) * HR_PX, x * HR_PX : (x + 1) * HR_PX]
        if black(hr).any():
            dark += 1
            continue
        lr = tci[:, y * LR_PX : (y + 1) * LR_PX, x * LR_PX : (x + 1) * LR_PX]
        uuid = f"{_plain(place.name)}_{captured:%Y%m%d}"
        chips.append(
            Chip(
                _tile(place.number, x, y), uuid, hr, {"tci": lr}, dates, caption=place.caption, region=f"{place.number}"
            )
        )
    return chips, {"black HR pixels": dark} if dark else {}


def pair_chips(place: OwnImage) -> tuple[list[Chip], dict[str, int]]:
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
    chips = []
    for y, x in np.ndindex(hr.shape[0] // HR_PX, hr.shape[1] // HR_PX):
        high = hr[y * HR_PX : (y + 1) * HR_PX, x * HR_PX : (x + 1) * HR_PX]
        low = series[:, y * LR_PX : (y + 1) * LR_PX, x * LR_PX : (x + 1) * LR_PX]
        chips.append(Chip(_tile(place.number, x, y), _plain(place.name), high, {"tci": low}, region=f"{place.number}"))
    return chips, {}


def read_hr(path: Path, gsd_m: float = 0.0) -> Image8:
    """Return an image of any format, type and number of bands as 8-bit RGB (H, W, 3); 0 in all bands is no data.

    Other than 8-bit values are stretched from the 1st to the 99th percentile. Fewer than three bands repeat the
    first. Dark pixels become 1; no data is what the file says it is: a mask, a nodata value, transparency, or a value
    that is not a number.

    Args:
        path: GeoTIFF, PNG or JPEG.
        gsd_m: resample a georeferenced image to this sampling distance; 0 keeps its own.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file cannot be read, or is asked to be resampled without a resolution in metres.
    """
    tiff = path.suffix.lower() in (".tif", ".tiff")
    values, valid = _read_geotiff(path, gsd_m) if tiff else _read_picture(path)
    bands = values[:3] if len(values) >= 3 else np.repeat(values[:1], 3, axis=0)
    valid &= np.isfinite(bands).all(axis=0)
    if bands.dtype != np.uint8:
        low, high = np.percentile(bands[:, valid], [1, 99]) if valid.any() else (0, 1)
        bands = np.nan_to_num((bands.astype(np.float64) - low) / max(high - low, 1e-9) * 255)
    eight_bit = np.clip(np.rint(bands), 1, 255).astype(np.uint8)
    return np.where(valid[..., None], np.moveaxis(eight_bit, 0, -1), 0).astype(np.uint8)


def _read_picture(path: Path) -> tuple[np.ndarray, NDArray[np.bool_]]:
    """Return (bands, H, W) values of a PNG or JPEG of any mode, and its opaque pixels (H, W)."""
    with open_image(path) as image:
        if image.mode.startswith("I") or image.mode == "F":
            values = np.asarray(image)[None]
            return values, np.ones(values.shape[1:], bool)
        rgba = np.asarray(image.convert("RGBA"))
    return np.moveaxis(rgba[..., :3], -1, 0), rgba[..., 3] > 0


def _read_geotiff(path: Path, gsd_m: float) -> tuple[np.ndarray, NDArray[np.bool_]]:
    """Return (bands, H, W) values and the valid pixels (H, W)."""
    from rasterio.enums import Resampling

    with open_raster(path) as source:
        factor = source.res[0] / gsd_m if gsd_m and source.crs is not None and source.crs.is_projected else 1.0
        if gsd_m and factor == 1.0 and not (source.crs and source.crs.is_projected):
            raise ValueError(f"{path}: data.hr_gsd_m is set, but the file has no resolution in metres: unset it")
        shape = (round(source.height * factor), round(source.width * factor))
        method = Resampling.average if factor < 1 else Resampling.bilinear
        values = source.read(out_shape=(source.count, *shape), resampling=method)
        return values, np.asarray(source.dataset_mask(out_shape=shape) > 0)


def _simulate(image: Image8, settings: DataSettings, day: date, rng: np.random.Generator) -> Image8:
    """Return the true-colour image (h, w, 3) of one Sentinel-2 pass over an HR image (H, W, 3)."""
    reflectance = aerial.Flight().undo(image.astype(np.float32) / 255)
    surface = np.moveaxis(np.clip(reflectance, 0, 1), -1, 0).astype(np.float32)
    sun = sun_at(LATITUDE_DEG, day_of_year(day), SENTINEL2_HOUR)
    around = ((0, 0), (MARGIN_PX, MARGIN_PX), (MARGIN_PX, MARGIN_PX))
    frame, inside, _ = sensors.observe(
        np.pad(surface, around, mode="reflect"),
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
    return OwnImage(name, number, file, caption=_caption(file.parent.name) if "/" in name else "")


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
    height, width = (side // HR_PX * HR_PX for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


def _rgb(image: Image8) -> Image8:
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
