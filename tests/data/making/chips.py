"""Small made-up sets in the S2-NAIP layout."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from satsr.data.readers.s2naip_folder import Chip, write_chip, write_set_files

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


def write_set(folder: Path, chips: list[Chip]) -> Path:
    """Write chips as one set and return its folder."""
    for chip in chips:
        write_chip(folder, chip)
    objects = {c.tile: c.objects for c in chips}
    write_set_files(folder, [c.tile for c in chips], objects, {c.tile: c.caption or "" for c in chips}, {})
    return folder
