"""Small made-up data in the S2-NAIP layout: chips, splits, and whole data sets that the study can open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet, main_data
from satsr.data.manifest import write_manifest
from satsr.data.place_index import write_index
from satsr.data.reader import bands_seen
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.readers.s2naip_folder import SPLIT_FOLDERS, Chip, write_chip, write_split_files
from satsr.data.settings import PairSettings

DAYS = tuple(date(2020, 6, 1 + 5 * n) for n in range(4))


def made_up_chip(tile: str = "33488_48869", dates: int = 4, seed: int = 0) -> Chip:
    """Return a chip whose frame t has the value 10 * t + 1 and more, so that a scrambled stack is noticed."""
    rng = np.random.default_rng(seed)
    tci = rng.integers(1, 10, (dates, 32, 32, 3), np.uint8) + 10 * np.arange(dates, dtype=np.uint8)[:, None, None, None]
    return Chip(
        tile=tile,
        uuid="m_4108832_ne_16_060_20200611",
        hr=rng.integers(1, 256, (128, 128, 3), np.uint8),
        bands={"tci": tci, "b08": tci[..., 0]},
        dates=DAYS[:dates],
        old_hr=rng.integers(1, 256, (128, 128, 3), np.uint8),
        objects={"building": [(1, 2, 30, 40)]},
        land_cover=rng.integers(0, 5, (128, 128), np.uint8),
        caption="an aerial image of a test",
    )


def write_split(folder: Path, chips: list[Chip]) -> Path:
    """Write chips as one split and return its folder."""
    for chip in chips:
        write_chip(folder, chip)
    objects = {c.tile: c.objects for c in chips}
    write_split_files(folder, [c.tile for c in chips], objects, {c.tile: c.caption or "" for c in chips}, {})
    return folder


def written(folder: Path, chips: list[Chip]) -> S2NAIP:
    """Write chips as one split and return its reader."""
    return S2NAIP.of_folder(write_split(folder, chips))


def made_data_set(here: Workspace, chips: Mapping[str, list[Chip]], pairs: PairSettings, digest: str = "0") -> DataSet:
    """Write the main data set of a profile, with index and manifest as the data stage leaves them, and return it.

    Args:
        here: the profile's folders.
        chips: of each split; one that is not named gets those of the first.
        pairs: how a place becomes a sample.
        digest: what its manifest says of its files.
    """
    data = main_data(here, pairs)
    first = next(iter(chips.values()))
    for split, name in SPLIT_FOLDERS.items():
        write_split(data.files / name, chips.get(split, first))
    bands = bands_seen(pairs.bands, data.facts)
    write_index(data.readers, bands, data.folders.index)
    dated = all(chip.dates is not None for some in chips.values() for chip in some)
    about = {"bands": list(bands), "bands_out": list(data.facts.bands_out), "scale": data.facts.scale, "dated": dated}
    write_manifest(data.folders, {"name": "made up", **about, "digest": digest})
    return data
