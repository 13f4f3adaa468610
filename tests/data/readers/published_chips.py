"""Small S2-NAIP data sets with sets in them, written file by file as they are published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

UUID = "m_4108832_ne_16_060_20200611"


def write_chips(folder: Path, split_folder: str, tiles: list[str], seed: int = 0, dates: int = 4) -> Path:
    """Write chips without a black pixel, true colour and one more band; return the set's folder."""
    rng = np.random.default_rng([seed, len(split_folder)])
    for number, tile in enumerate(tiles):
        write(folder / split_folder / "naip" / f"{UUID[:-1]}{number % 2}" / tile / "rgb.png", rng, (128, 128, 3))
        write(folder / split_folder / "sentinel2" / tile / "tci.png", rng, (dates * 32, 32, 3))
        write(folder / split_folder / "sentinel2" / tile / "b08.png", rng, (dates * 32, 32))
    return folder / split_folder


def write(path: Path, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(1, 256, shape, np.uint8)).save(path)


def published(folder: Path) -> Path:
    """Write a training, a validation and a test split of six, three and two tiles."""
    write_chips(folder, "train_urban_set", [f"{33488 + n}_48869" for n in range(6)])
    write_chips(folder, "val_set", [f"{33588 + n}_48869" for n in range(3)])
    write_chips(folder, "held_out_set", [f"{33688 + n}_48869" for n in range(2)])
    return folder
