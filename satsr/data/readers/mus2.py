"""MuS2: a benchmark of Sentinel-2 revisits with a WorldView-2 image at three times the resolution.

A scene's folder, anywhere below the data set's, holds

    {b2,b3,b4,b8}/lrs/*.jp2        one file per revisit, named after the Sentinel-2 product
    SCL/lrs/*.jp2                  scene classification of the same name, 20 m
    hr_resized/mul_band_{k}.tiff   8 bits; k is 1, 2, 4, 6 for blue, green, red, near infrared

and masks lie in `final_masks/final_masks_{band}/`, with the scene's name in theirs; white is excluded from scores.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satsr.common.reading_text import readable
from satsr.common.stray import own_files
from satsr.data.images import read_png
from satsr.data.rasters import open_raster
from satsr.data.reader import Facts, Reader, Sample, days_since_1970
from satsr.data.readers.tiffs import finite

SCALE = 3
WHITE, HR_WHITE = 10_000.0, 255.0
FOLDERS = {"red": "b4", "green": "b3", "blue": "b2", "b08": "b8"}
HR_NUMBERS = {"red": 4, "green": 2, "blue": 1}
HIDDEN = (0, 1, 3, 8, 9, 10)  # ESA's scene classes: no data, defective, cloud shadow, clouds, cirrus
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
FIRST_DAY = date(2009, 10, 8)  # WorldView-2's launch; its images were taken before the paper's first version
LAST_DAY = date(2022, 10, 6)

_NOTES = (
    "A benchmark: all scenes are the test split, the others do not exist.",
    "Folders, files, band pairs and masks follow the public evaluator (pk94/WVS2Benchmark) and two public loaders; no "
    "file of the download was seen. That names of revisits and of the classification agree is such a loader's reading.",
    "Reflectance is value / 10000 and HR is value / 255, as a public loader has it. The published evaluation stretches "
    "each LR image to 0-255 and matches histograms instead. An offset of products of baseline 04.00 is not removed.",
    "HR is cut to three times LR where it has up to two pixels more; another size is an error.",
    "The HR date is read from the scene's name as {YY}{MON}{DD} or {DD}{MON}{YY}, where one of the two lies in "
    "WorldView-2's time; else there is none.",
    "HR pixels of a band's final mask are invalid in all bands; without mask files all are valid.",
)


class MuS2(Reader):
    """MuS2, unpacked.

    Args:
        folder: holds the three unpacked archives.
        split: `test`.

    Raises:
        FileNotFoundError: no scene is there.
        ValueError: another split, or two scenes of one name.
    """

    facts = Facts(
        name="mus2",
        title="MuS2",
        lr_sensor="Sentinel-2 L2A",
        hr_sensor="WorldView-2",
        lr_gsd_m=10.0,
        hr_gsd_m=10 / SCALE,
        scale=SCALE,
        lr_px=None,
        bands=tuple(FOLDERS),
        bands_in=("red", "green", "blue"),
        bands_out=tuple(HR_NUMBERS),
        dates="14 to 15",
        years=None,
        pairs=91,
        km2=None,
        size_gb=3.09,
        licence="CC0-1.0",
        source="https://doi.org/10.7910/DVN/1JMRAT",
        citation="Kowaleczko et al.: A Real-World Benchmark for Sentinel-2 Multi-Image SR. Sci. Data 10, 644, 2023",
        splits={"test": "all scenes"},
        notes=_NOTES,
    )

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        if split != "test":
            raise ValueError(f"mus2: got split {split!r}, expected test: it is a benchmark, train on another data set")
        scenes = sorted(path.parent for path in folder.glob("**/hr_resized"))
        if not scenes:
            raise FileNotFoundError(f"{folder}: expected {{scene}}/hr_resized/mul_band_*.tiff, found none of them")
        self._folder = {scene.name: scene for scene in scenes}
        if len(self._folder) < len(scenes):
            raise ValueError(f"{folder}: got two scenes of one name, expected one: keep one copy of the data set")

    @property
    def tiles(self) -> Sequence[str]:
        """All scenes, sorted by name."""
        return sorted(self._folder)

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one scene; revisits are in the order of their dates."""
        revisits = self._revisits(tile)
        series = np.stack([self._series(tile, band, revisits) for band in bands], axis=-1)  # (T, h, w, C)
        valid = (series > 0).all(axis=-1) & self._clear(tile, revisits, series.shape[1:3])
        hr = np.stack([self._hr(tile, band, series.shape[1:3]) for band in self.facts.bands_out], axis=-1)
        return Sample(
            series=series,
            valid=valid,
            good=np.asarray(valid.all(axis=(1, 2))),
            days=np.array([revisit_day(path) for path in revisits]),
            hr=hr,
            hr_valid=self._hr_valid(tile, hr.shape[:2]),
            day=days_since_1970(scene_date(tile)),
            white=WHITE,
            hr_white=HR_WHITE,
        )

    def files(self, tile: str) -> list[Path]:
        """Return the revisits of three bands and the HR bands."""
        root, revisits = self._folder[tile], self._revisits(tile)
        series = [root / FOLDERS[band] / "lrs" / path.name for band in self.facts.bands_in for path in revisits]
        return series + [root / "hr_resized" / f"mul_band_{number}.tiff" for number in HR_NUMBERS.values()]

    def _revisits(self, tile: str) -> list[Path]:
        """Return the files of the red band, oldest first; the other bands have the same names."""
        folder = self._folder[tile] / FOLDERS["red"] / "lrs"
        found = sorted(own_files(folder, "*.jp2"), key=lambda path: (revisit_day(path), path.name))
        if not found:
            raise FileNotFoundError(f"{folder}: expected *.jp2 of every revisit, found none: unpack that scene again")
        return found

    def _series(self, tile: str, band: str, revisits: list[Path]) -> NDArray[Any]:
        if band not in FOLDERS:
            raise ValueError(f"mus2: got band {band!r}, expected one of {', '.join(FOLDERS)}")
        images = [_plane(self._folder[tile] / FOLDERS[band] / "lrs" / path.name) for path in revisits]
        if len(sizes := {image.shape for image in images}) > 1:
            raise ValueError(f"{tile}: revisits of {band} differ in size, {sorted(sizes)}: unpack that scene again")
        return np.stack(images)

    def _clear(self, tile: str, revisits: list[Path], size: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return where the scene classification sees the ground, (T, h, w); everywhere where there is none."""
        folder = self._folder[tile] / "SCL" / "lrs"
        if not folder.is_dir():
            return np.ones((len(revisits), *size), bool)
        return np.stack([~np.isin(_onto(_plane(folder / path.name), size), HIDDEN) for path in revisits])

    def _hr(self, tile: str, band: str, size: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return one HR band, (3 h, 3 w)."""
        path = self._folder[tile] / "hr_resized" / f"mul_band_{HR_NUMBERS[band]}.tiff"
        image, height, width = _plane(path), size[0] * SCALE, size[1] * SCALE
        more = image.shape[0] - height, image.shape[1] - width
        if not all(0 <= pixels < SCALE for pixels in more) or image.dtype != np.uint8:
            raise ValueError(
                f"{path}: got {image.shape} of {image.dtype}, expected {(height, width)} of uint8, three times LR: "
                "unpack that scene again"
            )
        return image[:height, :width]

    def _hr_valid(self, tile: str, size: tuple[int, ...]) -> NDArray[np.bool_]:
        valid = np.ones(size, bool)
        for band in self.facts.bands_out:
            for path in self._masks.get(f"final_masks_{FOLDERS[band]}", []):
                if re.search(rf"(?<![^_]){re.escape(tile)}(?![^.])", path.name):
                    valid &= _onto(read_png(path), size) == 0
        return valid

    @cached_property
    def _masks(self) -> dict[str, list[Path]]:
        """Mask files by the name of their folder."""
        found: dict[str, list[Path]] = {}
        for path in own_files(self.folder, "**/final_masks_b*/*.png"):
            found.setdefault(path.parent.name, []).append(path)
        return found


def revisit_day(path: Path) -> float:
    """Return the day on which a Sentinel-2 product was taken, from its name.

    Raises:
        ValueError: the name is not a product's.
    """
    taken = re.search(r"S2[A-C]_MSIL2A_(\d{4})(\d{2})(\d{2})T", path.name)
    if taken is None:
        raise ValueError(f"{path}: expected S2x_MSIL2A_{{date}}T... in the name: unpack that scene again")
    with readable(path, "a date in the name", "unpack that scene again"):
        return days_since_1970(date(*map(int, taken.groups())))


def scene_date(scene: str) -> date | None:
    """Return the date of the WorldView-2 image in a scene's name, or None where it is in doubt."""
    found = re.search(rf"(?<!\d)(\d\d)({'|'.join(MONTHS)})(\d\d)", scene)
    if found is None:
        return None
    first, month, last = int(found[1]), MONTHS.index(found[2]) + 1, int(found[3])
    readings = {_day(2000 + first, month, last), _day(2000 + last, month, first)}
    likely = [day for day in readings if day is not None and FIRST_DAY <= day <= LAST_DAY]
    return likely[0] if len(likely) == 1 else None


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _plane(path: Path) -> NDArray[Any]:
    """Return the first band of a raster, (h, w)."""
    with open_raster(path) as file:
        return finite(file.read(1)[..., None])[..., 0]


def _onto(image: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    """Return the nearest pixels of (h, w, ...) on a grid of another size over the same ground."""
    rows, columns = ((2 * np.arange(n) + 1) * was // (2 * n) for n, was in zip(size, image.shape, strict=False))
    return image[rows[:, None], columns]
