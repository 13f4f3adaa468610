"""Dates of AI2-S2-NAIP, from the two CSV files that lie beside its shards and cover all zones."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from satsr.common.reading_text import check_columns, readable
from satsr.data.reader import EPOCH

if TYPE_CHECKING:
    import pandas as pd

AGAIN = "download it again"
ROWS_AT_ONCE = 1_000_000  # sentinel2.csv has one row per image, tens of millions in all


def scene_days(path: Path, tiles: Collection[str]) -> dict[str, NDArray[np.float64]]:
    """Return the days since 1970 of each tile's Sentinel-2 images, in the order of the GeoTIFF.

    Args:
        path: of sentinel2.csv; when there is none, no tile has dates.
        tiles: what to keep.

    Raises:
        ValueError: a column is missing.
    """
    rows = _rows(path, "scene", r"MSIL1C_(\d{8})T", tiles, ["index"]).sort_values("index")
    return {str(tile): days.to_numpy() for tile, days in rows.groupby("tile").days}


def naip_days(path: Path, tiles: Collection[str]) -> dict[str, float]:
    """Return the day since 1970 of each tile's NAIP image, from naip.csv.

    A scene's name is `m_{quad}_{corner}_{zone}_{resolution}_{taken}[_{processed}]`; the sixth part counts.
    """
    rows = _rows(path, "naip_scene", r"^(?:[^_]*_){5}(\d{8})", tiles, [])
    return dict(zip(rows.tile, rows.days, strict=True))


def _rows(path: Path, column: str, pattern: str, tiles: Collection[str], more: list[str]) -> pd.DataFrame:
    """Return tile, days and `more` columns of the rows of some tiles; the day is what `pattern` finds in `column`."""
    import pandas as pd

    wanted = ["projection", "col", "row", column, *more]
    parts = [pd.DataFrame({"tile": pd.Series(dtype=str), "days": pd.Series(dtype=float)}).assign(index=0)]
    if path.exists():
        with (
            readable(path, f"a table with {', '.join(wanted)}", AGAIN),
            pd.read_csv(path, chunksize=ROWS_AT_ONCE, usecols=lambda name: name in wanted) as chunks,
        ):
            parts = [_dated(path, rows, column, pattern, tiles, wanted) for rows in chunks]
    return pd.concat(parts)


def _dated(
    path: Path, rows: pd.DataFrame, column: str, pattern: str, tiles: Collection[str], wanted: list[str]
) -> pd.DataFrame:
    import pandas as pd

    check_columns(path, rows.columns, wanted, AGAIN)
    tile = rows.projection.astype(str) + "_" + rows["col"].astype(str) + "_" + rows["row"].astype(str)
    rows = rows.assign(tile=tile)[tile.isin(list(tiles))]
    taken = pd.to_datetime(rows[column].str.extract(pattern)[0], format="%Y%m%d")
    return rows.assign(days=(taken - pd.Timestamp(EPOCH)).dt.days.astype(float))
