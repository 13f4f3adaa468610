"""Buildings that an output shows and nobody built: shares, a verdict, and which places are looked at.

A counted building is *invented* when no known one is its partner. The counter invents some on HR images too: that is
the floor, and what an output has above it is its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from satsr.evaluation.intervals import draw_counts, drawn_sums, percentile_interval
from satsr.evaluation.paired import signed_rank_p
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.verdicts import verdict

HR = "HR"
COLUMNS = ["method", "share", "low", "high", "above_hr", "above_low", "above_high", "counted", "regions", "seeds"]


def invented_table(rows: pd.DataFrame, bootstrap: TableSettings) -> pd.DataFrame:
    """Return the share of counted buildings that are invented, and how far it lies above that of HR.

    Args:
        rows: one per method, seed and chip: method, seed, tile, region, counted, found; HR is one of the methods.
        bootstrap: of the intervals, over regions, then seeds; the same regions for every method.

    Returns:
        One row per method with the columns `COLUMNS`; shares of one.
    """
    sums = {str(name): _sums(own) for name, own in rows.groupby("method", sort=False)}
    drawn = {name: _drawn(own, bootstrap) for name, own in sums.items()}
    found = []
    for name, own in sums.items():
        _, regions, seeds = own.shape
        share, floor = (float(_share(part.sum(axis=(1, 2)))) for part in (own, sums[HR]))
        limits = [_interval(values, bootstrap.level, regions) for values in (drawn[name], drawn[name] - drawn[HR])]
        numbers = (share, *limits[0], share - floor, *limits[1], float(own[1].sum() / seeds), regions, seeds)
        found.append((name, *numbers))
    return pd.DataFrame(found, columns=COLUMNS)


def more_invented(rows: pd.DataFrame, a: str, b: str, bootstrap: TableSettings) -> str:
    """Say whether method a invents more than b, by the rule of the main table; `Finding 5` of Zooming Out."""
    if not {a, b} <= set(rows.method):
        return f"{a} and {b} are not both in this profile"
    sums = [_sums(rows[rows.method == name]) for name in (a, b)]
    value = float(np.subtract(*(_share(own.sum(axis=(1, 2))) for own in sums)))
    said = f"invented, {a} minus {b}: {100 * value:+.1f} points"
    regions = sums[0].shape[1]
    if regions < 2:
        return f"{said} (one region: no interval)"
    low, high = _interval(np.subtract(*(_drawn(own, bootstrap) for own in sums)), bootstrap.level, regions)
    of_a, of_b = (_share(own.sum(axis=2)) for own in sums)
    both = np.isfinite(of_a) & np.isfinite(of_b)
    p = signed_rank_p(of_a[both], of_b[both])
    trainings = int(rows[rows.method.isin((a, b))].groupby("method").seed.nunique().min())
    ruled = verdict(p, low, high, trainings, "higher")
    words = {"a beats b": f"{a} invents more", "b beats a": f"{b} invents more"}.get(ruled, ruled)
    return f"{said} [{100 * low:+.1f}, {100 * high:+.1f}], p = {p:.2g}: {words}"


def most_invented(rows: pd.DataFrame, methods: list[str], count: int) -> list[str]:
    """Return the places where methods together invent most above what is invented on HR, one of a region."""
    own = rows.assign(invented=rows.counted - rows.found)
    of_hr = own[own.method == HR].set_index("tile").invented
    others = own[own.method.isin(methods)].groupby(["tile", "region"], sort=True).invented.mean().reset_index()
    others["above"] = others.invented - others.tile.map(of_hr)
    ranked = others.sort_values(["above", "tile"], ascending=[False, True]).drop_duplicates("region")
    return ranked.tile.head(count).tolist()


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its shares in per cent."""
    cells = {
        "method": table.method,
        "invented": [_text(*row) for row in zip(table.share, table.low, table.high, strict=True)],
        "above HR": [
            "" if name == HR else _text(value, low, high, sign="+")
            for name, value, low, high in zip(
                table.method, table.above_hr, table.above_low, table.above_high, strict=True
            )
        ],
        "counted": table.counted.round(0).astype(int),
        "seeds": table.seeds,
    }
    return pd.DataFrame(cells)


def _text(value: float, low: float, high: float, sign: str = "") -> str:
    if not np.isfinite(value):
        return "none counted"
    return f"{100 * value:{sign}.1f} %" + (f" [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite(low) else "")


def _sums(own: pd.DataFrame) -> np.ndarray:
    """Return invented and counted buildings, (2, regions, seeds)."""
    both = own.assign(invented=own.counted - own.found)
    parts = [both.pivot_table(index="region", columns="seed", values=n, aggfunc="sum") for n in ("invented", "counted")]
    return np.stack([part.to_numpy(float) for part in parts])


def _share(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[0] / sums[1])


def _drawn(sums: np.ndarray, bootstrap: TableSettings) -> np.ndarray:
    """Return the share in every resample of regions and seeds; equal for equal numbers of regions."""
    rng, (_, regions, seeds) = np.random.default_rng(bootstrap.seed), sums.shape
    region_draws, seed_draws = (draw_counts(count, bootstrap.resamples, rng) for count in (regions, seeds))
    return _share(np.stack([drawn_sums(part, region_draws, seed_draws) for part in sums]))


def _interval(drawn: np.ndarray, level: float, regions: int) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    return percentile_interval(known, level) if regions > 1 and len(known) else (np.nan, np.nan)
