"""How far test and validation tiles lie from those of training: neighbours in both make scores too good."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd

from satsr.common.tile_grid import RADIUS_M
from satsr.data.pairs import Pairs
from satsr.data.reader import Reader

COLUMNS = ("tile", "split", "x_m", "y_m")


def positions(readers: Mapping[str, Reader]) -> pd.DataFrame:
    """Return where the places of some splits lie, those without a position left out.

    Args:
        readers: split -> reader.

    Returns:
        tile, split, x_m, y_m in metres of EPSG:3857.
    """
    rows = [
        (tile, split, *found)
        for split, reader in readers.items()
        for tile in reader.tiles
        if (found := reader.position(tile)) is not None
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def nearest_training_tiles(places: pd.DataFrame) -> pd.DataFrame:
    """Return the training tile that is nearest to every test and validation tile.

    Args:
        places: tile, split, x_m, y_m.

    Returns:
        tile, split, nearest (a training tile), distance_m on the ground; the closest pair first.

    Raises:
        ValueError: no training tile, or nothing else.
    """
    from scipy.spatial import cKDTree

    training = places[places.split == "train"]
    others = places[places.split != "train"].reset_index(drop=True)
    if training.empty or others.empty:
        raise ValueError(
            f"got {len(training)} training and {len(others)} other tiles with a position, expected some of each: "
            "nothing can be said of a data set without coordinates"
        )
    chord, number = cKDTree(_on_globe(training)).query(_on_globe(others))
    distance = 2 * RADIUS_M * np.arcsin(np.clip(chord / 2, 0, 1))
    nearest = training.tile.to_numpy()[number]
    found = pd.DataFrame({"tile": others.tile, "split": others.split, "nearest": nearest, "distance_m": distance})
    return found.sort_values(["distance_m", "split", "tile"], ignore_index=True)


def _on_globe(places: pd.DataFrame) -> np.ndarray:
    """Return points (N, 3) of the unit sphere: chords between them grow with distance, at any latitude."""
    longitude, y = (places[name].to_numpy(np.float64) / RADIUS_M for name in ("x_m", "y_m"))
    height = np.tanh(y)  # sine of the latitude, by Mercator's formula
    return np.stack([np.cos(longitude) / np.cosh(y), np.sin(longitude) / np.cosh(y), height], axis=1)


def check_distance(
    found: pd.DataFrame, least_m: float, title: str = "", remedy: str = "split by larger regions"
) -> None:
    """Make sure that no test or validation tile is closer to training than that.

    Args:
        found: from `nearest_training_tiles`.
        least_m: on the ground.
        title: what the message begins with, a data set's name.
        remedy: what the message ends with.

    Raises:
        ValueError: one is closer; the message names the closest pair.
    """
    close = found[found.distance_m < least_m]
    if len(close):
        first, what = close.iloc[0], f"{title}: " if title else ""
        raise ValueError(
            f"{what}{first.split} tile {first.tile} lies {first.distance_m:.0f} m from training tile {first.nearest}, "
            f"expected at least {least_m:.0f} m ({len(close)} of {len(found)} are closer): {remedy}"
        )


LeakageRule = Literal["fail", "report"]


REMEDY = (
    "move places to one split, give neighbours one region in regions.json, or say `leakage: report` for a published "
    "split that is to be used as it is"
)


def leakage(title: str, splits: Mapping[str, Pairs], rule: LeakageRule) -> dict[str, object]:
    """Return what the splits of a data set share, and how far they lie apart.

    Args:
        title: of the data set.
        splits: split -> pairs.
        rule: whether places that leak are refused, or only counted.

    Raises:
        ValueError: a region in two splits, or a test or validation place closer to training than its own diagonal,
            so that they may touch; the message names the first.
    """
    regions = {split: {pairs.reader.region(tile) for tile in pairs.reader.tiles} for split, pairs in splits.items()}
    shared = {r: [s for s, some in regions.items() if r in some] for r in sorted(set().union(*regions.values()))}
    shared = {region: several for region, several in shared.items() if len(several) > 1}
    places = positions({split: pairs.reader for split, pairs in splits.items()})
    pair = splits["train"].pair(0)
    least_m = math.hypot(*(side * pair.gsd_m for side in pair.hr.shape[-2:]))
    apart = pd.DataFrame(columns=["distance_m"], dtype=float) if places.empty else nearest_training_tiles(places)
    if rule == "fail":
        for region, several in shared.items():
            raise ValueError(f"{title}: region {region} lies in {' and '.join(several)}: {REMEDY}")
        check_distance(apart, least_m, title, REMEDY)
    return {
        "data set": title,
        **{f"{split} regions": len(some) for split, some in regions.items()},
        "regions in two splits": len(shared),
        "stated distance, m": math.nan if places.empty else least_m,
        "nearest, m": apart.distance_m.min(),
        "median, m": apart.distance_m.median(),
        "too close": int((apart.distance_m < least_m).sum()),
    }
