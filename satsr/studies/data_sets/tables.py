"""Tables of the study over several data sets: published facts beside counts, statistics, all scores side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from satsr.common.tile_grid import TILE_M
from satsr.data.pairs import Pairs, spread_evenly
from satsr.data.reader import Facts
from satsr.evaluation.tables import NOT_AVAILABLE

FEW = 64  # pairs that statistics are taken over, spread over a set


def comparison(facts: Sequence[Facts], counts: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the data set comparison table: a row per data set, what is published and what its reader counts.

    Args:
        facts: of the data sets, in order.
        counts: name -> what is on disk.
    """
    return pd.DataFrame([_row(each, counts[each.name]) for each in facts])


def _row(facts: Facts, counts: Mapping[str, Any]) -> dict[str, str]:
    published = {
        "data set": facts.title,
        "LR": f"{facts.lr_sensor}, {facts.lr_gsd_m:.4g} m",
        "HR": f"{facts.hr_sensor}, {facts.hr_gsd_m:.4g} m",
        "scale": f"x{facts.scale}",
        "bands": f"{len(facts.bands)}",
        "dates": facts.dates,
        "years": facts.years or NOT_AVAILABLE,
        "pairs": _number(facts.pairs),
        "area, km2": _number(facts.km2),
        "size, GB": _number(facts.size_gb),
        "licence": facts.licence,
        "from": facts.source,
    }
    return published | {f"here: {name}": _shown(value) for name, value in counts.items()}


def _shown(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def _number(value: float | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:,.10g}"


def ground_area(tiles: int) -> pd.DataFrame:
    """Return the ground area of Web-Mercator tiles at zoom 17 at some latitudes, the equator's first, in km2."""
    side_km = TILE_M / 1000
    places = {"equator": 0.0, "Miami": 25.8, "Kansas City": 39.1, "Seattle": 47.6}
    return pd.DataFrame(
        {"latitude of": place, "degrees": degrees, "km2": tiles * (side_km * math.cos(math.radians(degrees))) ** 2}
        for place, degrees in places.items()
    )


def facts_table(facts: Facts) -> pd.DataFrame:
    """Return the facts of a data set and the notes on its reader, one line each."""
    rows = {
        "LR": f"{facts.lr_sensor}, {facts.lr_gsd_m:.4g} m",
        "HR": f"{facts.hr_sensor}, {facts.hr_gsd_m:.4g} m, x{facts.scale}",
        "bands on disk": ", ".join(facts.bands),
        "bands used": f"{', '.join(facts.bands_in)} to {', '.join(facts.bands_out)}",
        "dates": facts.dates,
        "splits": "; ".join(f"{split}: {where}" for split, where in facts.splits.items()),
        "licence": facts.licence,
        "from": facts.source,
        "cite": facts.citation,
    }
    notes = [{"what": "note", "said": note} for note in facts.notes]
    return pd.DataFrame([*({"what": what, "said": said} for what, said in rows.items()), *notes])


def band_statistics(pairs: Pairs) -> pd.DataFrame:
    """Return mean and standard deviation of every band of LR and HR over valid pixels of some pairs."""
    samples = [pairs.pair(number) for number in _some(pairs)]
    rows = []
    for number, band in enumerate(pairs.bands_in):
        values = np.concatenate([s.lr[:, number][s.lr_valid].numpy() for s in samples])
        rows.append({"image": "LR", "band": band, "mean": values.mean(), "standard deviation": values.std()})
    for number, band in enumerate(pairs.bands_out):
        values = np.concatenate([s.hr[number][s.hr_valid].numpy() for s in samples])
        rows.append({"image": "HR", "band": band, "mean": values.mean(), "standard deviation": values.std()})
    return pd.DataFrame(rows)


def time_gaps(sets: Mapping[str, Pairs]) -> pd.DataFrame:
    """Return time gaps of LR to HR in days, and the shares of masked pixels, over all frames; a row per split."""
    rows = []
    for split, pairs in sets.items():
        samples = [pairs.reader.sample(pairs.tiles[number], pairs.bands_in) for number in _some(pairs)]
        days = np.concatenate([s.days - s.day for s in samples])
        gaps = {"earliest": days.min(), "median": np.median(days), "latest": days.max()}
        masked = {
            "LR masked": np.mean([1 - s.valid.mean() for s in samples]),
            "HR masked": np.mean([1 - s.hr_valid.mean() for s in samples]),
        }
        rows.append({"split": split, "pairs": len(pairs), **gaps, **masked})
    return pd.DataFrame(rows)


def _some(pairs: Pairs) -> list[int]:
    """Return numbers of some pairs, spread over a set."""
    return spread_evenly(len(pairs), FEW)


def counted(rows: Mapping[str, Pairs]) -> dict[str, object]:
    """Return what a reader finds on disk, by split: usable places, dates, and nominal ground area in km2."""
    pair = rows["train"].pair(0)
    side_km = [size * pair.gsd_m / 1000 for size in pair.hr.shape[-2:]]
    every = pd.concat([pairs.index for pairs in rows.values()])
    return {
        **{split: len(pairs) for split, pairs in rows.items()},
        "frames": f"{every.frames.min()} to {every.frames.max()}",
        "LR px": " x ".join(map(str, pair.lr.shape[-2:])),
        "HR px": " x ".join(map(str, pair.hr.shape[-2:])),
        "km2": len(every) * side_km[0] * side_km[1],
    }
