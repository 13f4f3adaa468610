"""Real low-resolution images with real high-resolution ones beside them, for checking trained models.

The folders are those of `../shared/data`; none of them is part of the project.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from satsr.data.frames import black
from satsr.data.making.own_images import list_pairs, pair_chips
from satsr.data.readers.s2naip_folder import Chip
from satsr.data.settings import DataSettings

# folder -> what its table row has to say
FOLDERS = {
    "s2naip_sample": "genuine S2-NAIP, several real dates; one chip, because the other's HR may be a model's output",
    "real_pairs/naip": "one real date, NAIP as HR; degraded source (256 colours) with noise of 2 to 6 levels",
    "real_pairs/spot": "one real date, SPOT as HR; degraded source (256 colours) with noise of 2 to 6 levels",
}
UNSCORED = "s2naip_sample/chip_1"  # its HR may be a model's output


@dataclass(frozen=True)
class PairFolder:
    """Chips of one folder.

    Attributes:
        name: the folder.
        remark: what a reader must know about it.
        chips: with their real frames.
        scored: whether a chip's HR may be scored against.
    """

    name: str
    remark: str
    chips: tuple[Chip, ...]
    scored: tuple[bool, ...]


def pair_folders(root: Path) -> list[PairFolder]:
    """Read the sets below a folder that are there."""
    found = []
    for name, remark in FOLDERS.items():
        if not (root / name).is_dir():
            continue
        places = list_pairs(DataSettings(source="pairs", path=str(root / name)))
        chips = tuple(next(pair_chips(place)) for place in places)
        scored = tuple(not f"{name}/{place.name}".startswith(UNSCORED) for place in places)
        found.append(PairFolder(name, remark, chips, scored))
    return found


def tensors(chip: Chip, dates: int) -> tuple[Tensor, Tensor]:
    """Return lr (1, T, 3, 32, 32) and hr (1, 3, 128, 128) of a chip, in [0, 1].

    Fewer real dates than a model takes are repeated in turn, good ones first, as the paper's authors advise.
    """
    frames = chip.bands["tci"]
    dark = black(frames).any(axis=(1, 2))
    order = np.concatenate([np.flatnonzero(~dark), np.flatnonzero(dark)])
    usable = order[: max(1, int((~dark).sum()))]
    chosen = frames[np.resize(usable, dates)]
    to_unit = [torch.from_numpy(np.moveaxis(i, -1, -3).astype(np.float32) / 255)[None] for i in (chosen, chip.hr)]
    return to_unit[0], to_unit[1]
