"""Patches of several Sentinel-2 dates with one Deimos image, in numpy's own format (`*.npz`).

A file holds `features` (T, h, w, 4), L1C reflectance of B02, B03, B04 and B08, with `timestamps_s2` (T,), and `labels`
(4 h, 4 w, 4), the Deimos image at 2.5 m, every band with mean 0 and deviation 1, with `timetamps_deimos` (1,).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from satsr.common.stray import own_files
from satsr.data.reader import Facts, Reader, Sample, days_since_1970
from satsr.data.readers.tiffs import finite
from satsr.data.true_colour import TCI_WHITE

BANDS = ("b02", "b03", "b04", "b08")
RGB = (2, 1, 0)
NEEDED = ("features", "labels", "timestamps_s2", "timetamps_deimos")  # the second is misspelled in the files


class DeimosPatches(Reader):
    """All patches of a folder, as one test split.

    HR has lost its scale. It gets the mean and the deviation of the median LR date back, band by band, so tones agree
    by construction: judge structure by it, not brightness or contrast.
    """

    facts: ClassVar[Facts] = Facts(
        name="deimos",
        title="Sentinel-2 and Deimos patches",
        lr_sensor="Sentinel-2 L1C",
        hr_sensor="Deimos, pan-sharpened",
        lr_gsd_m=10.0,
        hr_gsd_m=2.5,
        scale=4,
        lr_px=(32, 32),
        bands=BANDS,
        bands_in=("b04", "b03", "b02"),
        bands_out=("red", "green", "blue"),
        dates="5 in the sample",
        years=None,
        pairs=None,
        km2=None,
        size_gb=None,
        licence="the sample is published under MIT",
        source="not available",
        citation="not available",
        splits={"test": "*.npz"},
        notes=("HR is stored with mean 0 and deviation 1; it gets those of the median LR date, band by band.",),
    )

    @property
    def tiles(self) -> Sequence[str]:
        """All patches, by file name; only `test` has any."""
        found = [path.stem for path in own_files(self.folder, "*.npz")] if self.split == "test" else []
        if self.split == "test" and not found:
            raise FileNotFoundError(f"{self.folder}: expected patches *.npz, found none of them")
        return found

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one patch; values are reflectance."""
        path = self.folder / f"{tile}.npz"
        found = _read(path)
        series, hr = found["features"], found["labels"]
        if hr.shape[:2] != (4 * series.shape[1], 4 * series.shape[2]):
            raise ValueError(f"{path}: got HR {hr.shape[:2]} for LR {series.shape[1:3]}, expected four times LR")
        numbers = [BANDS.index(band) for band in bands]
        valid, known = np.asarray((series > 0).all(axis=-1)), np.isfinite(hr).all(axis=-1)
        return Sample(
            series=finite(series[..., numbers].astype(np.float32)),
            valid=valid,
            good=np.asarray(valid.all(axis=(1, 2))),
            days=np.array([_day(stamp) for stamp in found["timestamps_s2"]]),
            hr=finite(_rescaled(hr, np.median(finite(series), axis=0), known)[..., RGB].astype(np.float32)),
            hr_valid=np.asarray(known),
            day=_day(found["timetamps_deimos"][0]),
            white=TCI_WHITE,
            hr_white=TCI_WHITE,
        )

    def files(self, tile: str) -> list[Path]:
        """Return the patch."""
        return [self.folder / f"{tile}.npz"]


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as file:
            missing = sorted(set(NEEDED) - set(file.files))
            if missing:
                raise ValueError(f"{path}: {', '.join(missing)} not in the file, expected {', '.join(NEEDED)}")
            return {name: file[name] for name in NEEDED}
    except (OSError, BadZipFile, EOFError) as error:
        raise ValueError(f"{path} cannot be read ({error}): download that file again") from None


def _rescaled(hr: NDArray[Any], lr: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """Return HR (H, W, C) with mean and deviation of LR (h, w, C), those of HR over its known pixels (H, W)."""
    shown = hr if known.all() else hr[known][None]  # (1, n, C)
    own, wanted = ((image.mean(axis=(0, 1)), image.std(axis=(0, 1))) for image in (shown, lr))
    return (hr - own[0]) / own[1] * wanted[1] + wanted[0]


def _day(stamp: str) -> float:
    return days_since_1970(date.fromisoformat(str(stamp)[:10]))
