"""OLI2MSI: one Landsat-8 image of 30 m and the Sentinel-2 image of 10 m of the same day, as its authors publish it.

    {train,test}_lr/L8_{path}{row}_{date}_S2{A,B}_{date}_T{tile}_N{number}.TIF   float32 (3, 160, 160)
    {train,test}_hr/  the same names                                              float32 (3, 480, 480)

Bands are red, green, blue; values are top-of-atmosphere reflectance in [0, 1]. Layout, names and values are those
that the authors' own scripts write (github.com/wjwjww/OLI2MSI, extract_subimgs_from_granules.py and utils.py).
`val_lr/` and `val_hr/` are this project's: only its own writer makes them, with `regions.json`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from satsr.common.stray import own_files
from satsr.data.rasters import north_up, write_geotiff
from satsr.data.reader import Facts, Reader, Sample, Scene, days_since_1970, write_regions
from satsr.data.readers.tiffs import corner_of, read_tiff
from satsr.data.splits import hold_out_share

SCALE = 3
BANDS = ("red", "green", "blue")
VAL_SHARE = 0.1
DARKEST = 1e-6  # what the writer makes of darker pixels, because 0 is the authors' fill
WRS_ROWS = 248  # Landsat's second reference system has 233 paths of 248 rows
NAME = re.compile(r"L8_(?P<scene>\d{6})_(?P<lr>\d{8})_S2[A-Z]_(?P<hr>\d{8})_(?P<granule>T\w{5})_N\d{4,}")


class OLI2MSI(Reader):
    """One split of OLI2MSI. Images may be of any size, HR three times LR."""

    facts = Facts(
        name="oli2msi",
        title="OLI2MSI",
        lr_sensor="Landsat-8 OLI, resampled to the Sentinel-2 grid",
        hr_sensor="Sentinel-2 MSI, L1C",
        lr_gsd_m=30.0,
        hr_gsd_m=10.0,
        scale=SCALE,
        lr_px=(160, 160),
        bands=BANDS,
        bands_in=BANDS,
        bands_out=BANDS,
        dates="1; LR and HR dates are in the file's name",
        years=None,
        pairs=None,
        km2=None,
        size_gb=None,
        licence="none seen in the authors' repository",
        source="https://github.com/wjwjww/OLI2MSI",
        citation="Wang, Gao, Zhang, Ni, Hu, Chen and Wu, Multisensor Remote Sensing Imagery Super-Resolution with "
        "Conditional GAN, Journal of Remote Sensing 2021, 9829706",
        splits={
            "train": "train_lr and train_hr, without what val holds",
            "val": "val_lr and val_hr if there, else about a tenth of train by a hash of the region",
            "test": "test_lr and test_hr",
        },
        notes=(
            "There is no published val. It is held out of train by a seeded hash of the region, the same on every "
            "machine; Zooming Out's authors validated on test.",
            "A region is a Landsat path and row with a Sentinel-2 granule, from the file's name; neighbouring ones "
            "overlap, and the published test is a random draw from the same ones.",
            "A pixel that is 0 in any band is fill, by the rule of the authors' scripts; they left out patches with "
            "fill and those with more than a tenth of cloud, and publish no mask.",
            "1 stands for reflectance 1. The authors' own pictures show 0 to 0.3.",
        ),
    )

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        self._pairs = self._find()
        if not self._pairs:
            raise FileNotFoundError(
                f"{folder}: oli2msi {split} is empty, expected .TIF files in {split}_lr and {split}_hr (or for val "
                "enough regions in train_lr and train_hr to hold some out): unpack the authors' data there"
            )

    @property
    def tiles(self) -> list[str]:
        """File names of the split without .TIF, sorted."""
        return sorted(self._pairs)

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one pair; values are reflectance, dates come from the file's name (NaN for a name of another form)."""
        unknown = sorted(set(bands) - set(BANDS))
        if unknown:
            raise ValueError(f"oli2msi: got bands {', '.join(unknown)}, expected some of {', '.join(BANDS)}")
        lr_path, hr_path = self._pairs[tile]
        lr, hr = _read(lr_path), _read(hr_path)
        expected = (lr.shape[0] * SCALE, lr.shape[1] * SCALE, len(BANDS))
        if hr.shape != expected:
            raise ValueError(f"{hr_path}: got {hr.shape}, expected {expected}, {SCALE} times LR: download it again")
        valid, hr_valid = _filled(lr), _filled(hr)
        return Sample(
            series=lr[None][..., [BANDS.index(band) for band in bands]],  # (1, h, w, C)
            valid=valid[None],
            good=np.array([valid.all()]),
            days=np.array([_day(tile, "lr")]),
            hr=hr,
            hr_valid=hr_valid,
            day=_day(tile, "hr"),
            white=1.0,
            hr_white=1.0,
            unusable="" if hr_valid.any() else "no HR pixels",
        )

    def region(self, tile: str) -> str:
        """Return the sidecar's region, else Landsat path and row with the Sentinel-2 granule, such as 126038_T49RCQ."""
        found = NAME.fullmatch(tile)
        return self._regions.get(tile) or (f"{found['scene']}_{found['granule']}" if found else tile)

    def position(self, tile: str) -> tuple[float, float] | None:
        """Return the corner of the LR image."""
        return corner_of(self._pairs[tile][0])

    def files(self, tile: str) -> list[Path]:
        """Return the LR and the HR file."""
        return list(self._pairs[tile])

    def _find(self) -> dict[str, tuple[Path, Path]]:
        """Return name -> files of the split's pairs."""
        if self.split == "test" or _pairs(self.folder, "val"):
            return _pairs(self.folder, self.split)
        train = _pairs(self.folder, "train")
        held_out = {name for name in train if hold_out_share(self.region(name)) < VAL_SHARE}
        return {name: files for name, files in train.items() if (name in held_out) == (self.split == "val")}


def write_data_set(folder: Path, scenes: Iterable[Scene]) -> None:
    """Write scenes in this layout: of each the clearest LR frame, or of equally clear ones the nearest in time to HR.

    Reflectance stays float32, unrounded, and is clipped to [1e-6, 1]; pixels that are not valid become 0. Names carry
    the true dates; Landsat path and row number the regions, and the granule is made up. `regions.json` says which
    region each name lies in.

    Raises:
        ValueError: a scene without red, green and blue, or whose HR is not three times LR.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers: dict[str, int] = {}
    regions: dict[str, str] = {}
    for scene in scenes:
        _check(scene)
        frame = _best_frame(scene)
        number = numbers.setdefault(scene.region, len(numbers))
        tile = _name(scene, frame, number, len(regions) + 1)
        lr = _stored(scene.bands(*BANDS)[frame], scene.lr_valid[frame])
        hr = _stored(scene.hr_of(*BANDS), scene.hr_valid)
        for kind, image, gsd_m in (("lr", lr, scene.lr_gsd_m), ("hr", hr, scene.hr_gsd_m)):
            path = folder / f"{scene.split}_{kind}" / f"{tile}.TIF"
            write_geotiff(path, image, scene.crs, north_up(scene.corner, gsd_m))
        regions[tile] = scene.region
    write_regions(folder, regions.items())


def _pairs(folder: Path, split: str) -> dict[str, tuple[Path, Path]]:
    """Return name -> LR and HR file."""
    lr, hr = ({path.name for path in own_files(folder / f"{split}_{kind}", "*.TIF")} for kind in ("lr", "hr"))
    if lr != hr:
        name = min(lr ^ hr)
        missing = folder / f"{split}_{'hr' if name in lr else 'lr'}" / name
        raise FileNotFoundError(
            f"{missing} is missing, expected one for each LR and HR image: download that file again"
        )
    return {Path(name).stem: (folder / f"{split}_lr" / name, folder / f"{split}_hr" / name) for name in lr}


def _read(path: Path) -> NDArray[np.floating[Any]]:
    """Return (H, W, 3)."""
    image = read_tiff(path, (1, 2, 3), len(BANDS)).image
    if not np.issubdtype(image.dtype, np.floating):
        raise ValueError(
            f"{path}: got {image.dtype}, expected float32 reflectance: download the GeoTIFF set, not its 8-bit copy"
        )
    return image


def _filled(image: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """Return where (H, W, C) has a value in every band."""
    return np.asarray((np.isfinite(image) & (image != 0)).all(axis=-1))


def _day(tile: str, which: str) -> float:
    """Return the date of `lr` or `hr` in a name, in days since 1970, NaN for a name of another form."""
    found = NAME.fullmatch(tile)
    try:
        return days_since_1970(date.fromisoformat(found[which]) if found else None)
    except ValueError:
        return math.nan


def _best_frame(scene: Scene) -> int:
    clear = scene.lr_valid.mean(axis=(1, 2))
    return max(range(len(clear)), key=lambda t: (clear[t], -abs((scene.dates[t] - scene.day).days)))


def _name(scene: Scene, frame: int, region: int, number: int) -> str:
    path, row = region // WRS_ROWS + 1, region % WRS_ROWS + 1
    return f"L8_{path:03d}{row:03d}_{scene.dates[frame]:%Y%m%d}_S2B_{scene.day:%Y%m%d}_T01NAA_N{number:04d}"


def _stored(reflectance: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return what is stored of (C, H, W)."""
    return np.where(valid, np.nan_to_num(reflectance).clip(DARKEST, 1), 0).astype(np.float32)


def _check(scene: Scene) -> None:
    missing = [band for band in BANDS if band not in scene.lr_bands or band not in scene.hr_bands]
    if missing:
        raise ValueError(f"scene {scene.name}: {', '.join(missing)} missing, expected red, green and blue in LR and HR")
    height, width = scene.lr.shape[-2:]
    if scene.hr.shape[-2:] != (height * SCALE, width * SCALE):
        raise ValueError(
            f"scene {scene.name}: got HR {scene.hr.shape[-2:]} for LR {(height, width)}, expected {SCALE} times LR"
        )
