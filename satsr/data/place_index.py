"""What every place of a split holds, looked at once and written down: which places can be used, and why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from satsr.data.reader import Reader, Status


def index_file(folder: Path, split: str) -> Path:
    """Return the file that says what each place of a split holds."""
    return folder / f"{split}.parquet"


def write_index(readers: Mapping[str, Reader], bands: tuple[str, ...], folder: Path) -> dict[str, pd.DataFrame]:
    """Look at every place once, write down what it holds, and return that by split.

    Args:
        readers: split -> reader.
        bands: of LR that are read.
        folder: made when it is not there.

    Raises:
        ValueError, FileNotFoundError: a file is missing, truncated or of the wrong shape.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = {split: statuses_of(reader, bands) for split, reader in readers.items()}
    for split, statuses in found.items():
        statuses.to_parquet(index_file(folder, split), index=False)
    return found


def counts(index: pd.DataFrame) -> dict[str, Any]:
    """Return how many places of a split can be used, how many are left out and why, and how many frames there are.

    Args:
        index: from `with_status`.
    """
    usable = index[index.status == "ok"]
    return {
        "places": len(usable),
        "regions": int(usable.region.nunique()),
        "left out": {k: int(v) for k, v in index[index.status != "ok"].status.value_counts().items()},
        "frames": int(index.frames.sum()),
        "frames with black pixels": int((index.frames - index.good_frames).sum()),
    }


def statuses_of(reader: Reader, bands: Sequence[str]) -> pd.DataFrame:
    """Look at every place of a split once.

    Args:
        reader: of the split.
        bands: that are read.

    Returns:
        One row per place, with the columns of `Status`.

    Raises:
        ValueError, FileNotFoundError: a file is missing, truncated or of the wrong shape.
    """
    return pd.DataFrame(reader.statuses(bands), columns=Status._fields)


def with_status(statuses: pd.DataFrame, dates: int) -> pd.DataFrame:
    """Say which places can be used.

    Args:
        statuses: from `statuses_of`.
        dates: frames that a place needs.

    Returns:
        One row per tile: tile, region, frames, good_frames, weight and status, which is `ok` or the reason why the
        place is left out: what the reader says, or `too few dates`.
    """
    enough = np.where(statuses.frames < dates, "too few dates", "ok")
    return statuses.assign(status=np.where(statuses.unusable == "", enough, statuses.unusable)).drop(columns="unusable")
