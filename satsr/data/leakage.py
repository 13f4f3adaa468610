"""How far test and validation tiles lie from those of training: neighbours in both make scores too good."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from satsr.data.reader import Reader
from satsr.data.s2naip import corner_m

if TYPE_CHECKING:
    import pandas as pd

TILE = re.compile(r"(\d+)_(\d+)")  # a Web-Mercator tile at zoom 17
COLUMNS = ("tile", "split", "x_m", "y_m")


def positions(readers: Iterable[Reader]) -> pd.DataFrame:
    """Return where the places of some splits lie: tile, split, x_m, y_m.

    Metres are those of the data set's own grid. In S2-NAIP that is Web Mercator, so a distance on the ground is
    cos(latitude) times the one here. A reader tells places by `position(tile)`; names of Web-Mercator tiles tell
    theirs. Places without a position are left out.
    """
    import pandas as pd

    rows = [
        (tile, reader.split, *found)
        for reader in readers
        for tile in reader.tiles
        if (found := position(reader, tile)) is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def position(reader: Reader, tile: str) -> tuple[float, float] | None:
    """Return x and y of one place's corner, None where nothing tells it."""
    told = getattr(reader, "position", None)
    if told is not None:
        found: tuple[float, float] | None = told(tile)
        return found
    named = TILE.fullmatch(tile)
    return corner_m(int(named[1]), int(named[2])) if named and reader.facts.name.startswith("s2naip") else None


def report(places: pd.DataFrame) -> pd.DataFrame:
    """Return the training tile that is nearest to every test and validation tile.

    Args:
        places: tile, split, x_m, y_m.

    Returns:
        tile, split, nearest (a training tile), distance_m; the closest pair first.

    Raises:
        ValueError: no training tile, or nothing else.
    """
    import pandas as pd
    from scipy.spatial import cKDTree

    training = places[places.split == "train"]
    others = places[places.split != "train"].reset_index(drop=True)
    if training.empty or others.empty:
        raise ValueError(
            f"got {len(training)} training and {len(others)} other tiles with a position, expected some of each"
        )
    tree = cKDTree(training[["x_m", "y_m"]].to_numpy(np.float64))
    distance, number = tree.query(others[["x_m", "y_m"]].to_numpy(np.float64))
    nearest = training.tile.to_numpy()[number]
    found = pd.DataFrame({"tile": others.tile, "split": others.split, "nearest": nearest, "distance_m": distance})
    return found.sort_values(["distance_m", "split", "tile"], ignore_index=True)


def check_distance(places: pd.DataFrame, least_m: float) -> pd.DataFrame:
    """Return `report`, having made sure that no test or validation tile is closer to training than that.

    Raises:
        ValueError: one is closer; the message names the closest pair.
    """
    found = report(places)
    close = found[found.distance_m < least_m]
    if len(close):
        first = close.iloc[0]
        raise ValueError(
            f"{first.split} tile {first.tile} lies {first.distance_m:.0f} m from training tile {first.nearest}, "
            f"expected at least {least_m:.0f} m ({len(close)} of {len(found)} are closer): split by larger regions"
        )
    return found
