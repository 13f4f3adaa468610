"""Small data sets in the published layouts, described as the study describes downloads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.further import further_data
from satsr.data.making.describe import describe
from satsr.data.manifest import write_manifest
from satsr.data.reader import SPLITS, Scene
from satsr.data.readers.fmow import write_data_set
from satsr.data.settings import DataSetSettings, PairSettings
from satsr.world.region import BANDS
from tests.made import make_oli2msi, make_probav, make_worldstrat

TWO = PairSettings(dates=2, bands=())
ONE = PairSettings(dates=1, bands=())


def download(folder: Path, pairs: PairSettings = TWO, **settings: Any) -> DataSet:
    """Return the data set that a folder, named as the data set, holds; the profile's folders lie beside it."""
    given = DataSetSettings(path=str(folder), pairs=pairs, **settings)
    found = further_data(folder.name, given, Workspace(folder.parent, "tiny"))
    write_manifest(found.folders, describe(found, {}))
    return found


def fmow_scene(number: int, split: str) -> Scene:
    """A place of 32 px; red of LR is 0.1 in the first date and 0.02 more in each other one."""
    lr = np.broadcast_to(0.1 + 0.02 * np.arange(3)[:, None, None, None], (3, 13, 32, 32)).astype(np.float32)
    dates = tuple(date(2018 + n, 6, 1) for n in range(3))
    lr_valid, hr_valid = np.ones((3, 32, 32), bool), np.ones((128, 128), bool)
    lr_valid[0, :16] = False  # half of one date in three
    hr = np.full((3, 128, 128), 0.2, np.float32)
    corner = (5e5 + 1000 * number, 4e6)
    return Scene(
        f"{number}", split, f"{number}", lr, BANDS, lr_valid, dates, hr, ("red", "green", "blue"), hr_valid,
        date(2019, 6, 11), corner, "EPSG:32613", 10.0, 2.5,
    )  # fmt: skip


def write_fmow(folder: Path) -> Path:
    """Write a place of each split, 1 km apart."""
    write_data_set(folder, [fmow_scene(number, split) for number, split in enumerate(SPLITS)])
    return folder


WRITE: dict[str, Callable[[Path], Path]] = {
    "probav": make_probav.write,
    "oli2msi": make_oli2msi.write,
    "worldstrat": make_worldstrat.write,
    "fmow": write_fmow,
}


def write_all(folder: Path) -> dict[str, Path]:
    """Write every one of them below a folder, each in one of its own name."""
    return {name: write(folder / name) for name, write in WRITE.items()}
