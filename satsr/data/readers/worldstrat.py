"""WorldStrat (NeurIPS 2022): SPOT 6/7 images with 16 Sentinel-2 revisits each, in its published layout.

    metadata.csv                              one row per place (`tile`) and revisit (`n`): lowres_date, highres_date,
                                              cloud_cover (percent), ...
    stratified_train_val_test_split.csv       tile, ..., split
    hr_dataset/{tile}/{tile}_ps.tiff          red, green, blue, nir; uint16, about 1054 px (Kaggle: hr_dataset/12bit/)
    lr_dataset/{tile}/L1C/{tile}-{n}-L1C_data.tiff    13 bands, float32 reflectance, about 158 px
    lr_dataset/{tile}/L1C/{tile}-{n}-CLM.tiff         1 under cloud;  {tile}-{n}-dataMask.tiff: 1 where there are data

Names, band order, numbers: `src/datasets.py` and `dataset_generation/` of worldstrat/worldstrat, and torchgeo's loader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from satsr.common.reading_text import check_columns, readable
from satsr.common.stray import own_files
from satsr.data.rasters import open_raster
from satsr.data.reader import Facts, Reader, Sample
from satsr.data.readers.tiffs import corner_of, covered, read_tiff, resized
from satsr.data.readers.worldstrat_write import HR_WHITE, L1C_BANDS, METADATA_FILE, SPLIT_FILE, write_data_set
from satsr.data.true_colour import TCI_WHITE

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WorldStrat", "WorldStratL2A", "write_data_set"]

CLEAR_PERCENT = 10.0  # a revisit is preferred below this cloud cover; three in four are
HR_BANDS = (1, 2, 3)  # SPOT_RGB_BANDS of WorldStrat's code: red, green, blue
L2A_BANDS = tuple(band for band in L1C_BANDS if band != "b10")
EPOCH = np.datetime64("1970-01-01")
# Share of HR pixels with values that a place needs: published images have rims of zeros, one to four pixels wide.
LEAST_SHOWN = 0.9
AGAIN = "download it again"


class WorldStrat(Reader):
    """One split of WorldStrat with Sentinel-2 L1C, treated as x4.

    Both images are cut in the middle to the smallest LR height and width of the split, so that samples can be stacked.
    HR is resampled from its 1.5 m to exactly four times LR by the antialiased triangle filter, as WorldStrat's own code
    resizes. A place in the split's list that is not on disk is left out (the release lacks a few): see `missing`.

    Attributes:
        level: folder and name of the Sentinel-2 files.
        missing: places of the list that are not on disk.
        white: reflectance that stands for 1: white of ESA's true-colour image.
        hr_white: HR value that stands for 1: that white, where 10,000 is reflectance 1, so that both have one tone.
    """

    facts: ClassVar[Facts] = Facts(
        name="worldstrat",
        title="WorldStrat",
        lr_sensor="Sentinel-2 L1C",
        hr_sensor="SPOT 6/7, pan-sharpened, 1.5 m",
        lr_gsd_m=10.0,
        hr_gsd_m=2.5,
        scale=4,
        lr_px=None,
        bands=L1C_BANDS,
        bands_in=("b04", "b03", "b02"),
        bands_out=("red", "green", "blue"),
        dates="16",
        years=None,
        pairs=3928,
        km2=10_000.0,
        size_gb=107.0,
        licence="HR images CC BY-NC 4.0, the rest CC BY 4.0",
        source="https://zenodo.org/records/15382551",
        citation="Cornebise, Oršolić, Kalaitzis, Open High-Resolution Satellite Imagery: The WorldStrat Dataset, 2022",
        splits={name: f"rows with split = {name} of {SPLIT_FILE}" for name in ("train", "val", "test")},
        notes=(
            "HR is stored at 1.5 m (6.67 pixels per LR pixel) and resampled to 2.5 m.",
            "LR lies on a grid of longitude and latitude; its pixels are 10 m wide only nearly.",
            "A revisit is preferred when metadata.csv gives less than 10 % cloud; that is the cover of the whole "
            "Sentinel-2 product, not of the place.",
            "HR is divided by 3558, the white of LR, where WorldStrat's code divides both by 10,000: darker, but the "
            "same tones. That HR / 10,000 is reflectance is not documented; this project's own data are written so.",
            "The nine tiles of one Amnesty or ASMSpotter site count as one region; the published split may part them.",
        ),
    )
    level: ClassVar[str] = "L1C"
    white: ClassVar[float] = TCI_WHITE
    hr_white: ClassVar[float] = TCI_WHITE * HR_WHITE

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        listed = _read_table(folder / SPLIT_FILE, ("tile", "split"))
        names = sorted(listed.tile[listed.split == split])
        self._tiles = [name for name in names if self._series_folder(name).is_dir()]
        self.missing = sorted(set(names) - set(self._tiles))
        if not self._tiles:
            raise FileNotFoundError(
                f"{folder}: expected lr_dataset/{{tile}}/{self.level}/ for {len(names)} {split} places, found none: "
                f"unpack lr_dataset_{self.level.lower()} there"
            )
        twelve = folder / "hr_dataset" / "12bit"
        self._hr = twelve if twelve.is_dir() else folder / "hr_dataset"

    @property
    def tiles(self) -> Sequence[str]:
        """All places of the split that are on disk, sorted by name."""
        return self._tiles

    def region(self, tile: str) -> str:
        """Return the site: AOIs cut from one order end in -row-column."""
        site = re.sub(r"-\d-\d$", "", tile) if tile.startswith(("Amnesty", "ASMSpotter")) else tile
        return self._regions.get(tile, site)

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one place; see `Reader.sample`."""
        revisits = self._revisits(tile)
        lacking = [n for n in revisits if (tile, n) not in self._metadata.index]
        if lacking:
            raise ValueError(
                f"{self.folder / METADATA_FILE}: {tile} has no row for n = {lacking[0]}, expected one each"
            )
        table = self._metadata.loc[[(tile, n) for n in revisits]]
        frames = [self._frame(path, bands) for path in revisits.values()]
        full = frames[0][1].shape
        for path, (_, valid) in zip(revisits.values(), frames, strict=True):
            if valid.shape != full:
                raise ValueError(
                    f"{path}: got {valid.shape}, expected {full} as in the first revisit: download it again"
                )
        rows, columns = _middle(full[0], self.size[0]), _middle(full[1], self.size[1])
        hr, hr_valid = self._hr_image(tile, (rows, columns), full)
        return Sample(
            series=np.stack([image[rows, columns] for image, _ in frames]),
            valid=np.stack([valid[rows, columns] for _, valid in frames]),
            good=(table.cloud_cover < CLEAR_PERCENT).to_numpy(),
            days=_days(table.lowres_date),
            hr=hr,
            hr_valid=hr_valid,
            day=float(_days(table.highres_date)[0]),
            white=self.white,
            hr_white=self.hr_white,
            unusable="" if hr_valid.mean() >= LEAST_SHOWN else "black HR pixels",
        )

    def position(self, tile: str) -> tuple[float, float] | None:
        """Return the corner of the first LR image."""
        return corner_of(next(iter(self._revisits(tile).values())))

    def files(self, tile: str) -> list[Path]:
        """Return the Sentinel-2 images, their masks, and the HR image."""
        series = list(self._revisits(tile).values())
        masks = [mask for path in series for mask in self._masks(path).values()]
        return [*series, *masks, self._hr_path(tile)]

    def read_sidecars(self) -> None:
        """Read the regions and the table of revisits; see `Reader.read_sidecars`."""
        super().read_sidecars()
        _ = self._metadata

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width that LR images are cut to: the smallest of the split, from each place's first file.

        A file that cannot be read says no size: it is its own place's error, not that of all others.
        """
        sizes, refused = [], []
        for tile in self._tiles:
            try:
                with open_raster(next(iter(self._revisits(tile).values()))) as file:
                    sizes.append((file.height, file.width))
            except (ValueError, OSError) as error:
                refused.append(error)
        if not sizes:
            raise refused[0]
        return min(height for height, _ in sizes), min(width for _, width in sizes)

    @cached_property
    def _metadata(self) -> pd.DataFrame:
        table = _read_table(self.folder / METADATA_FILE, ("tile", "n", "lowres_date", "highres_date", "cloud_cover"))
        return table.set_index(["tile", "n"]).sort_index()

    def _series_folder(self, tile: str) -> Path:
        return self.folder / "lr_dataset" / tile / self.level

    def _revisits(self, tile: str) -> dict[int, Path]:
        """Return n -> file, in order; Kaggle's copy holds 8 of the 16."""
        ending = f"-{self.level}_data.tiff"
        found = own_files(self._series_folder(tile), f"*{ending}")
        numbered = {_number_of(path, ending): path for path in found}
        if not numbered:
            raise FileNotFoundError(
                f"{self._series_folder(tile)}: expected {tile}-{{n}}{ending}, found none: unpack again"
            )
        return dict(sorted(numbered.items()))

    def _masks(self, path: Path) -> dict[str, Path]:
        """Return the masks beside a revisit's file that exist."""
        stem = path.name.removesuffix(f"{self.level}_data.tiff")
        places = {kind: path.with_name(f"{stem}{kind}.tiff") for kind in ("CLM", "dataMask")}
        return {kind: place for kind, place in places.items() if place.is_file()}

    def _frame(self, path: Path, bands: Sequence[str]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return a revisit (H, W, C) and its pixels (H, W) that show the ground."""
        image = read_tiff(path, [self.facts.bands.index(b) + 1 for b in bands], len(self.facts.bands)).image
        valid = (image != 0).any(axis=-1)
        masks = {kind: read_tiff(place, [1], 1).image[..., 0] for kind, place in self._masks(path).items()}
        for kind, mask in masks.items():
            if mask.shape != valid.shape:
                raise ValueError(f"{path}: its {kind} is {mask.shape}, expected {valid.shape}: download both again")
            valid &= mask == (kind == "dataMask")  # CLM is 255 where nothing is known
        return image, valid

    def _hr_image(
        self, tile: str, part: tuple[slice, slice], full: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return the HR image of a part of the LR grid, and where it has values; both grids span the same ground."""
        image = read_tiff(self._hr_path(tile), HR_BANDS, 4).image
        down, across = image.shape[0] / full[0], image.shape[1] / full[1]
        rows, columns = part
        box = (columns.start * across, rows.start * down, columns.stop * across, rows.stop * down)
        size = (rows.stop - rows.start) * self.facts.scale, (columns.stop - columns.start) * self.facts.scale
        return resized(image, size, box), covered((image != 0).any(axis=-1), size, box)

    def _hr_path(self, tile: str) -> Path:
        return self._hr / tile / f"{tile}_ps.tiff"


class WorldStratL2A(WorldStrat):
    """WorldStrat with Sentinel-2 L2A (surface reflectance), which has no b10."""

    facts: ClassVar[Facts] = replace(
        WorldStrat.facts,
        name="worldstrat-l2a",
        title="WorldStrat (L2A)",
        lr_sensor="Sentinel-2 L2A",
        bands=L2A_BANDS,
    )
    level: ClassVar[str] = "L2A"


def _number_of(path: Path, ending: str) -> int:
    with readable(path, f"{{tile}}-{{n}}{ending}", "rename or remove it"):
        return int(path.name.removesuffix(ending).rsplit("-", 1)[1])


def _middle(length: int, wanted: int) -> slice:
    start = (length - wanted) // 2
    return slice(start, start + wanted)


def _days(dates: pd.Series) -> NDArray[np.float64]:
    """Return ISO dates, with or without a time, as days since 1970."""
    days = dates.astype(str).str[:10].to_numpy().astype("datetime64[D]")
    return (days - EPOCH).astype(np.float64)


def _read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a CSV whose first column may be a running number, or, in an early release, the place without a name."""
    import pandas as pd

    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: download it from the page of the data set")
    with readable(path, f"a table with {', '.join(columns)}", AGAIN):
        found = pd.read_csv(path, nrows=0).columns
        tile = "tile" if "tile" in found else found[0]
        table = pd.read_csv(path, dtype={tile: "str"}).rename(columns={tile: "tile"})  # "0007" is a name, not a number
        check_columns(path, table.columns, columns, AGAIN)
    return table
