"""SEN2VENuS: Sentinel-2 patches at 10 and 20 m with VENuS patches of the same day at 5 m.

Version 1 of the download is one archive per site; unpacked, a site's folder holds `index.csv` with one row per day, and
for each day four tensors (N, 4, h, w) of all its N patches, made by torch.save:

    {SITE}/{site}_{tile}_{YYYY-MM-DD}_10m_b2b3b4b8.pt     Sentinel-2, 128 x 128
    {SITE}/{site}_{tile}_{YYYY-MM-DD}_20m_b4b5b6b8a.pt    Sentinel-2, 64 x 64
    {SITE}/{site}_{tile}_{YYYY-MM-DD}_05m_b2b3b4b8.pt     VENuS, 256 x 256
    {SITE}/{site}_{tile}_{YYYY-MM-DD}_05m_b4b5b6b8a.pt
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from satsr.common.reading_text import check_columns, readable
from satsr.data.reader import Facts, Reader, Sample, days_since_1970
from satsr.data.readers.tiffs import finite

LR_PX, SCALE = 128, 2
WHITE = 10_000.0  # reflectance times 10000, as public loaders divide
AGAIN = "download that site again"
FILL = -10_000  # Theia's value for no data in level 2A
GROUPS = {  # file ending -> bands in their order
    "10m_b2b3b4b8": ("blue", "green", "red", "b08"),
    "20m_b4b5b6b8a": ("b05", "b06", "b07", "b8a"),
}
HR_GROUP = "05m_b2b3b4b8"
COLUMNS = ("tensor_10m_b2b3b4b8", "date", "nb_patches")
HELD_OUT = {"val": ("ARM", "FR-LAM", "MAD-AMBO"), "test": ("BENGA", "JAM2018", "SO2")}

_NOTES = (
    "No split is published with the data. test is the sites that the authors of S2-NAIP held out; the sites of val are "
    "this project's choice, one each in America, Europe and Africa.",
    "File names and folders were checked against public loaders, columns of index.csv against a table derived from it "
    "(opensr-test). Its separator was not seen: tab, semicolon and comma are tried.",
    "The red edge file is named b4b5b6b8a and described as B5, B6, B7 and B8A; its bands are called so here. They are "
    "repeated onto the grid of 10 m.",
    "Type of the tensors was not seen; any number type is read. -10000 is taken for no data, as in Theia's products.",
    "Tensors are opened with weights_only=True and mapped, not loaded: a file holds hundreds of patches. A file in "
    "torch's format of before 1.6 is refused.",
    "Version 2 of the download (GeoTIFF) is another layout and is not read.",
)


class Day(NamedTuple):
    """One acquisition of a site: folder, beginning of its file names, date."""

    folder: Path
    prefix: str
    day: float


class Sen2Venus(Reader):
    """SEN2VENuS, unpacked.

    Args:
        folder: holds one folder per site.
        split: `train`, `val` or `test`.

    Raises:
        FileNotFoundError: no site of the split is there.
        ValueError: an index lacks a column.
    """

    facts = Facts(
        name="sen2venus",
        title="SEN2VENµS",
        lr_sensor="Sentinel-2 L2A (Theia)",
        hr_sensor="VENµS L2A",
        lr_gsd_m=10.0,
        hr_gsd_m=5.0,
        scale=SCALE,
        lr_px=(LR_PX, LR_PX),
        bands=("red", "green", "blue", "b08", *GROUPS["20m_b4b5b6b8a"]),
        bands_in=("red", "green", "blue"),
        bands_out=("red", "green", "blue"),
        dates="1, of the same day",
        years=None,
        pairs=None,
        km2=None,
        size_gb=None,
        licence="open data; see LICENCE in every site's folder",
        source="https://doi.org/10.5281/zenodo.6514159",
        citation="Michel, Vinasco-Salinas, Inglada, Hagolle: SEN2VENµS. Data 7(7), 96, 2022",
        splits={"train": "other sites", **{split: ", ".join(sites) for split, sites in HELD_OUT.items()}},
        notes=_NOTES,
    )

    def __init__(self, folder: Path, split: str) -> None:
        super().__init__(folder, split)
        found = sorted(path.parent for path in folder.glob("*/index.csv"))
        self.sites = [site for site in found if split_of(site.name) == split]
        if not self.sites:
            raise FileNotFoundError(
                f"{folder}: expected {{SITE}}/index.csv of {self.facts.splits[split]}, found none: unpack the archives"
            )

    @cached_property
    def tiles(self) -> Sequence[str]:
        """All patches, `{site}_{tile}_{date}_{number}`, sorted by name."""
        return sorted(self._days)

    def region(self, tile: str) -> str:
        """Return the site, or what the sidecar says."""
        return self._regions.get(tile) or self._days[tile][0].folder.name

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        """Read one patch; the HR image is of the same day."""
        day, number = self._days[tile]
        series = np.stack([self._band(day, number, band) for band in bands], axis=-1)[None]  # (1, h, w, C)
        patch = self._patch(day, number, HR_GROUP, LR_PX * SCALE)
        hr = patch[..., [GROUPS["10m_b2b3b4b8"].index(band) for band in self.facts.bands_out]]
        valid = np.asarray((series != FILL).all(axis=-1))
        return Sample(
            series=series,
            valid=valid,
            good=np.asarray(valid.all(axis=(1, 2))),
            days=np.array([day.day]),
            hr=hr,
            hr_valid=np.asarray((hr != FILL).all(axis=-1)),
            day=day.day,
            white=WHITE,
            hr_white=WHITE,
        )

    def files(self, tile: str) -> list[Path]:
        """Return the tensors of 10 m and of 5 m."""
        day, _ = self._days[tile]
        return [day.folder / f"{day.prefix}_{group}.pt" for group in ("10m_b2b3b4b8", HR_GROUP)]

    def _band(self, day: Day, number: int, band: str) -> NDArray[Any]:
        """Return one band on the grid of 10 m, (128, 128)."""
        for group, names in GROUPS.items():
            if band in names:
                times = int(group[:2]) // 10
                patch = self._patch(day, number, group, LR_PX // times)
                return patch[..., names.index(band)].repeat(times, axis=0).repeat(times, axis=1)
        raise ValueError(f"{self.facts.name}: got band {band!r}, expected one of {', '.join(self.facts.bands)}")

    def _patch(self, day: Day, number: int, group: str, side: int) -> NDArray[Any]:
        """Return one patch of a tensor file, (side, side, 4)."""
        path = day.folder / f"{day.prefix}_{group}.pt"
        tensor = _load(path)
        got = tuple(getattr(tensor, "shape", ()))
        if got[1:] != (4, side, side) or number >= got[0]:
            raise ValueError(
                f"{path}: expected at least {number + 1} patches (4, {side}, {side}), got {got}: "
                "download that site again"
            )
        return finite(np.moveaxis(tensor[number].numpy(), 0, -1).copy(), FILL)

    @cached_property
    def _days(self) -> dict[str, tuple[Day, int]]:
        """Every patch of the split: its day, and its number in the day's tensors."""
        found: dict[str, tuple[Day, int]] = {}
        for site in self.sites:
            for day, patches in read_index(site / "index.csv"):
                found |= {f"{day.prefix}_{number:04d}": (day, number) for number in range(patches)}
        return found


def split_of(site: str) -> str:
    """Return the split of a site."""
    return next((split for split, sites in HELD_OUT.items() if site in sites), "train")


def read_index(path: Path) -> list[tuple[Day, int]]:
    """Return the days of a site and the number of patches of each.

    Raises:
        ValueError: it is damaged, or a column is missing.
    """
    with (
        readable(path, f"a table with {', '.join(COLUMNS)}", AGAIN),
        path.open(newline="", encoding="utf-8") as file,
    ):
        head = file.readline()
        file.seek(0)
        rows = list(csv.DictReader(file, delimiter=max("\t;,", key=head.count)))
        check_columns(path, [name for name in COLUMNS if rows and rows[0].get(name) is not None], COLUMNS, AGAIN)
        return [
            (
                Day(
                    path.parent,
                    row["tensor_10m_b2b3b4b8"].removesuffix("_10m_b2b3b4b8.pt"),
                    days_since_1970(date.fromisoformat(row["date"])),
                ),
                int(row["nb_patches"]),
            )
            for row in rows
        ]


def _load(path: Path) -> Any:
    """Return a tensor without reading all of it, and without running code that a file may hold."""
    import pickle

    import torch

    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: download that site again")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} cannot be read ({reason}): download that site again") from None
