"""Write the same made-up chips in S2-NAIP's two layouts, with PIL only.

Columns and rows differ modulo 16, so that a reader that mixes them up finds the wrong file or none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UUID = "m_4108832_ne_16_060_20190809"
SET = "train_urban_set"
TILES = ((33488, 48869), (33493, 48864), (33499, 48870))  # (col, row); the first two mirror each other: 0, 5 and 5, 0


@dataclass(frozen=True)
class MadeUp:
    """One chip: frames (T, 32, 32, 3) and (T, 32, 32), HR (128, 128, 3)."""

    col: int
    row: int
    tci: NDArray[np.uint8]
    b08: NDArray[np.uint8]
    hr: NDArray[np.uint8]

    @property
    def tile(self) -> str:
        return f"{self.col}_{self.row}"


def chip(col: int, row: int, dates: int = 4) -> MadeUp:
    """Frame t holds values from 40 t + 1 to 40 t + 39 and no frame equals its mirror image."""
    rng = np.random.default_rng([col, row])
    base = 40 * np.arange(dates, dtype=np.uint8)
    tci = rng.integers(1, 40, (dates, 32, 32, 3), np.uint8) + base[:, None, None, None]
    b08 = rng.integers(1, 40, (dates, 32, 32), np.uint8) + base[:, None, None]
    return MadeUp(col, row, tci, b08, rng.integers(1, 256, (128, 128, 3), np.uint8))


def save(path: Path, image: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


def stacked(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.concatenate(list(frames), axis=0)  # dates from top to bottom


def write(folder: Path, with_bands: bool = False) -> list[MadeUp]:
    """Write the old layout; `with_bands` puts every band, true colour too, into a folder of its own."""
    chips = [chip(col, row) for col, row in TILES]
    for one in chips:
        root = folder / SET
        group = root / "s2_condensed" / f"{one.col // 16}_{one.row // 16}"
        name = f"{one.row % 16}_{one.col % 16}.png"
        save(root / "naip_128" / UUID / "tci" / f"{one.col}_{one.row}.png", one.hr)
        save(group / "tci" / name if with_bands else group / name, stacked(one.tci))
        if with_bands:
            save(group / "b08" / name, stacked(one.b08))
    return chips


def write_today(folder: Path) -> list[MadeUp]:
    """Write the same chips in today's layout."""
    chips = [chip(col, row) for col, row in TILES]
    for one in chips:
        root = folder / SET
        save(root / "naip" / UUID / one.tile / "rgb.png", one.hr)
        save(root / "sentinel2" / one.tile / "tci.png", stacked(one.tci))
        save(root / "sentinel2" / one.tile / "b08.png", stacked(one.b08))
    return chips


def write_grid(folder: Path, tile: str) -> None:
    """Write a place of the test split: chip (i, j) has red i + 1, green j + 1 and, in frame t, blue t + 1."""
    for i in range(16):
        for j in range(16):
            frames = np.empty((2 + j % 2, 32, 32, 3), np.uint8)
            frames[..., 0], frames[..., 1] = i + 1, j + 1
            frames[..., 2] = np.arange(1, len(frames) + 1)[:, None, None]
            save(folder / "sentinel2" / tile / f"{i}_{j}.png", stacked(frames))
