"""Which fMoW-Sentinel images belong to which fMoW-RGB image: a recipe for pairs that nobody released.

DiffusionSat and SatDiffMoE use such pairs; three issues that ask for them are open (DiffusionSat #15, #18, #19). Both
data sets are public, and name their places alike. From their indexes alone:

1. An RGB image and the Sentinel images of the same split, category and location are candidates.
2. A Sentinel image stays when it covers at least `MIN_OVERLAP` of the RGB image's footprint.
3. The RGB image is used when the nearest of those in time is at most `MAX_DAYS` away.

A Sentinel image is a cloud-free composite of the 45 days before and after its timestamp (README of fMoW-Sentinel), so
that within `MAX_DAYS` it may hold the day of the RGB image. Others of the series may be years away: their signed
distance is in the index.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from satsr.common.reading_text import check_columns, read_json, readable
from satsr.common.stray import own_files
from satsr.common.writing import write_whole

if TYPE_CHECKING:
    import pandas as pd

SPLITS = {"train": "train", "val": "val", "test": "test_gt"}  # split -> folder of both data sets, and CSV
RGB_ROOT, SENTINEL_ROOT, PAIRS_FILE = "fmow-rgb", "fmow-sentinel", "pairs.csv"
MAX_DAYS = 45.0  # half of a composite's interval
MIN_OVERLAP = 0.5
PLACE = ["split", "category", "location_id"]
LISTS = {"sentinel_ids": int, "dt_days": float, "overlap": float}
COLUMNS = [*PLACE, "image_id", "timestamp", "polygon", *LISTS, "status"]
AGAIN, MADE_BY = "download that file again", "make it with `satsr data pair-fmow`"
OK, NO_IMAGE, NO_OVERLAP, TOO_FAR = "ok", "no Sentinel image", "no overlap", "too far in time"


def fmow_rgb_index(root: Path) -> pd.DataFrame:
    """Read the metadata of all images: `{split}/{category}/{category}_{location}/..._{image}_rgb.json`.

    Returns:
        One row per image: split, category, location_id, image_id, timestamp (UTC), gsd_m, polygon (WKT, longitude
        first: the image's footprint).

    Raises:
        FileNotFoundError: no such file below `root`.
        ValueError: a file is not JSON or lacks a field.
    """
    import pandas as pd

    found = [(s, p) for s, name in SPLITS.items() for p in own_files(root / name, "*/*/*_rgb.json")]
    if not found:
        raise FileNotFoundError(f"{root}: expected {{train,val,test_gt}}/{{category}}/*/*_rgb.json, found none")
    table = pd.DataFrame([_rgb_row(split, path) for split, path in found])
    return table.assign(timestamp=pd.to_datetime(table.timestamp, utc=True, format="ISO8601"))


def _rgb_row(split: str, path: Path) -> dict[str, Any]:
    facts = read_json(path, AGAIN)
    with readable(path, "{category}_{location}_{image}_rgb.json with timestamp, gsd and raw_location", AGAIN):
        location, image = map(int, path.name.removesuffix("_rgb.json").rsplit("_", 2)[1:])
        known = {"timestamp": facts["timestamp"], "gsd_m": facts["gsd"], "polygon": facts["raw_location"]}
    return {"split": split, "category": path.parent.parent.name, "location_id": location, "image_id": image} | known


def fmow_sentinel_index(root: Path) -> pd.DataFrame:
    """Read `train.csv`, `val.csv` and `test_gt.csv`, those that are in `root` or beside it, as they are downloaded.

    Returns:
        One row per image: split, category, location_id, image_id, timestamp (UTC), polygon (WKT, longitude first).

    Raises:
        FileNotFoundError: none of the files is there.
        ValueError: a file lacks a column.
    """
    import pandas as pd

    columns = ["category", "location_id", "image_id", "timestamp", "polygon"]
    tables = []
    for split, name in SPLITS.items():
        path = next((p for p in (root / f"{name}.csv", root.parent / f"{name}.csv") if p.is_file()), None)
        if path is not None:
            with readable(path, f"a table with {', '.join(columns)}", AGAIN):
                table = pd.read_csv(path)
                check_columns(path, table.columns, columns, AGAIN)
                times = pd.to_datetime(table.timestamp, utc=True, format="ISO8601")
            tables.append(table[columns].assign(split=split, timestamp=times))
    if not tables:
        raise FileNotFoundError(f"{root}: expected train.csv, val.csv or test_gt.csv of fMoW-Sentinel, found none")
    return pd.concat(tables, ignore_index=True)


def pair_index(
    fmow_rgb_index: pd.DataFrame, fmow_sentinel_index: pd.DataFrame, max_days: float = MAX_DAYS
) -> pd.DataFrame:
    """Return one row per RGB image with the Sentinel images of its place, nearest in time first.

    Args:
        fmow_rgb_index: see `fmow_rgb_index`.
        fmow_sentinel_index: see `fmow_sentinel_index`.
        max_days: from an RGB image to its nearest Sentinel image.

    Returns:
        The RGB index and, of Sentinel images that overlap enough, `sentinel_ids`, `dt_days` (Sentinel minus RGB) and
        `overlap` (share of the RGB footprint) as tuples; and `status`: `ok`, `no Sentinel image`, `no overlap` or
        `too far in time`.
    """
    import shapely

    sentinel = fmow_sentinel_index.assign(shape=shapely.from_wkt(fmow_sentinel_index.polygon.to_numpy()))
    groups = dict(tuple(sentinel.groupby(PLACE)))
    places = fmow_rgb_index[PLACE].itertuples(index=False, name=None)
    shapes = shapely.from_wkt(fmow_rgb_index.polygon.to_numpy())
    rows = [
        _match(shape, time, groups.get(place), max_days)
        for shape, time, place in zip(shapes, fmow_rgb_index.timestamp, places, strict=True)
    ]
    found = {name: [row[number] for row in rows] for number, name in enumerate([*LISTS, "status"])}
    return fmow_rgb_index.assign(**found)


def _match(shape: Any, time: pd.Timestamp, candidates: pd.DataFrame | None, max_days: float) -> tuple[Any, ...]:
    """Return image numbers, days, overlaps and status of one RGB image."""
    import shapely

    if candidates is None:
        return (), (), (), NO_IMAGE
    days = np.round((candidates.timestamp - time).dt.total_seconds().to_numpy() / 86_400, 5)
    shares = shapely.area(shapely.intersection(shape, candidates["shape"].to_numpy())) / shapely.area(shape)
    order = [i for i in np.argsort(np.abs(days), kind="stable") if shares[i] >= MIN_OVERLAP]
    if not order:
        return (), (), (), NO_OVERLAP
    numbers = candidates.image_id.to_numpy()
    lists = [tuple(values[order].tolist()) for values in (numbers, days, np.round(shares, 4))]
    return *lists, OK if abs(lists[1][0]) <= max_days else TOO_FAR


def write_pairs_index(rgb_root: Path, sentinel_root: Path, out_csv: Path, max_days: float = MAX_DAYS) -> dict[str, int]:
    """Make the index of pairs once, from the two data sets on disk, with a row for every RGB image, used or not.

    Returns:
        Status -> number of RGB images: `ok`, and how many were dropped for which reason.
    """
    pairs = pair_index(fmow_rgb_index(rgb_root), fmow_sentinel_index(sentinel_root), max_days)
    joined = {name: [" ".join(map(str, values)) for values in pairs[name]] for name in LISTS}
    table = pairs.assign(**joined, timestamp=pairs.timestamp.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    write_whole(out_csv, table.to_csv(index=False))
    return {status: int((pairs.status == status).sum()) for status in (OK, NO_IMAGE, NO_OVERLAP, TOO_FAR)}


def summary(counts: dict[str, int]) -> str:
    """Say in one line what `write_pairs_index` returned."""
    dropped = ", ".join(f"{count} {reason}" for reason, count in counts.items() if reason != OK)
    return f"{counts[OK]} pairs of {sum(counts.values())} RGB images; dropped: {dropped}"


def read_pairs(path: Path) -> pd.DataFrame:
    """Read an index that `write_pairs_index` wrote; columns as `pair_index` returns them.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, or lacks a column.
    """
    import pandas as pd

    with readable(path, f"a table with {', '.join(COLUMNS)}", MADE_BY):
        table = pd.read_csv(path, keep_default_na=False, dtype=dict.fromkeys(LISTS, "str"))
        check_columns(path, table.columns, COLUMNS, MADE_BY)
        for name, kind in LISTS.items():
            table[name] = [tuple(map(kind, text.split())) for text in table[name]]
        return table.assign(timestamp=pd.to_datetime(table.timestamp, utc=True))
