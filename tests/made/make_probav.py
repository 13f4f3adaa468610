"""Write a tiny PROBA-V set in the published layout, with Pillow alone: `python tests/made/make_probav.py FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

LR, HR = (6, 8), (18, 24)
NIR = [f"imgset{number:04d}" for number in range(594, 614)]
RED = ["imgset0000", "imgset0001"]
TEST = ["imgset1306"]
UNCLEAR = [0, 12, 24, 36]  # pixels of each frame that its quality map conceals, out of 48


def lr(name: str, frame: int) -> np.ndarray:
    """Counts that say where they come from: 1000 * frame + 100 * row + column + the imgset's number."""
    rows, columns = np.indices(LR)
    return (1000 * frame + 100 * rows + columns + int(name[-4:])).astype(np.uint16)


def hr(name: str) -> np.ndarray:
    """Counts up to the 14th bit: 16383 in the north-west corner, less towards south and east."""
    rows, columns = np.indices(HR)
    return (2**14 - 1 - 100 * rows - columns - int(name[-4:]) % 2).astype(np.uint16)


def qm(frame: int) -> np.ndarray:
    """The first pixels, row by row, are concealed."""
    return (np.arange(LR[0] * LR[1]) >= UNCLEAR[frame]).reshape(LR)


def sm() -> np.ndarray:
    """The last column is concealed."""
    return np.arange(HR[1])[None, :].repeat(HR[0], 0) < HR[1] - 1


def write_imgset(place: Path, with_hr: bool = True) -> None:
    place.mkdir(parents=True)
    for frame in range(len(UNCLEAR)):
        Image.fromarray(lr(place.name, frame)).save(place / f"LR{frame:03d}.png")
        mask = qm(frame)  # both depths are accepted: 8 bits in even frames, 1 bit in odd ones
        Image.fromarray(mask if frame % 2 else mask * np.uint8(255)).save(place / f"QM{frame:03d}.png")
    Image.fromarray(sm() * np.uint8(255)).save(place / "SM.png")
    if with_hr:
        Image.fromarray(hr(place.name)).save(place / "HR.png")


def write(folder: Path) -> Path:
    """Write 20 NIR imgsets, 2 RED ones, a test imgset without HR, and norm.csv."""
    for band, names in {"NIR": NIR, "RED": RED}.items():
        for name in names:
            write_imgset(folder / "train" / band / name)
    for name in TEST:
        write_imgset(folder / "test" / "NIR" / name, with_hr=False)
    (folder / "norm.csv").write_text("imgset0594 45.5\nimgset0000 52.25\n")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]))
