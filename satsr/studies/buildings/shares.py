"""Are the buildings there? A counter that learned on HR images counts them in the outputs.

Wolters et al., 2023, section 5: people counted the buildings of 256 outputs of ESRGAN and SR3. Here a network counts,
and every building is compared with its known outline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from satsr.data.making.footprints import Labels
from satsr.evaluation.intervals import draw_counts, drawn_sums, percentile_interval
from satsr.evaluation.paired import signed_rank_p
from satsr.evaluation.verdicts import verdict
from satsr.studies.buildings.settings import least_iou

# What `scores` returns where no building is known.
NOTHING = pd.DataFrame(
    columns=["method", "seed", "tile", "region", "rule", "known", "counted", "miscounted", "found", "seen", "kept"]
)


@dataclass(frozen=True)
class Matches:
    """Which known buildings were found.

    Attributes:
        known: number of known buildings.
        counted: number of buildings that the counter sees.
        found: numbers of the known buildings that have a counted one of their own.
    """

    known: int
    counted: int
    found: frozenset[int]


def match(known: Labels, counted: Labels, rule: str) -> Matches:
    """Compare two label maps of one chip; no building of either is the partner of two.

    Args:
        known: outlines drawn in, numbered from 1 on.
        counted: what the counter sees.
        rule: `centre`, where the centre of a counted building lies in a known one, or `iou 0.5`, where their
            intersection over union is at least so much.
    """
    least = least_iou(rule)
    good = _centre_in(known, counted) if least is None else _overlap(known, counted) >= least
    pairs = linear_sum_assignment(good, maximize=True)
    found = pairs[0][good[pairs]] + 1
    return Matches(int(known.max()), int(counted.max()), frozenset(found.tolist()))


def _overlap(known: Labels, counted: Labels) -> NDArray[np.float64]:
    """Return the intersection over union of every known and counted building, (n, m)."""
    n, m = int(known.max()), int(counted.max())
    pairs = np.bincount(known.ravel() * (m + 1) + counted.ravel(), minlength=(n + 1) * (m + 1))
    both = pairs.reshape(n + 1, m + 1)  # pixels of a known and a counted building, 0 being ground
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return (both / np.maximum(union, 1))[1:, 1:]


def _centre_in(known: Labels, counted: Labels) -> NDArray[np.bool_]:
    """Return whether the centre of each counted building lies in each known one, (n, m)."""
    n, m = int(known.max()), int(counted.max())
    centres = np.array(ndimage.center_of_mass(counted > 0, counted, range(1, m + 1))).reshape(m, 2)
    rows, columns = np.rint(centres).astype(int).T
    return known[rows, columns][None] == np.arange(1, n + 1)[:, None]


def scores(
    tiles: Sequence[str],
    regions: Sequence[str],
    known: Sequence[Labels],
    counted: Mapping[str, Sequence[Sequence[Labels]]],
    rules: Sequence[str],
    reference: str = "HR",
) -> pd.DataFrame:
    """Count for every image and every kind of it.

    Args:
        tiles: names of the chips.
        regions: of the chips.
        known: the true label maps.
        counted: kind of image -> for each training of the method, what the counter sees in each chip; one kind is the
            reference, once.
        rules: when a building counts as found; the first decides.
        reference: name of the HR images among the kinds.

    Returns:
        One row per rule, kind, training and chip: method, seed (its number), tile, region, rule, known, counted,
        miscounted (by how many the two differ), found, seen (known buildings that the counter finds in HR), kept (of
        these, those that it finds here too).
    """
    rows = []
    for rule, (chip, tile) in product(rules, enumerate(tiles)):
        seen = match(known[chip], counted[reference][0][chip], rule).found
        for method, seed, maps in ((m, s, maps) for m, runs in counted.items() for s, maps in enumerate(runs)):
            own = match(known[chip], maps[chip], rule)
            numbers = (own.known, own.counted, abs(own.counted - own.known), len(own.found), len(seen))
            rows.append((method, seed, tile, regions[chip], rule, *numbers, len(own.found & seen)))
    return pd.DataFrame(rows, columns=NOTHING.columns)


COLUMNS = ["method", "rule", "decides", "judges", "share", "value", "low", "high"]
COLUMNS += ["buildings", "images", "regions", "seeds"]
# Shares of sums over chips: name -> (numerator, denominator).
SHARES = {
    "recall": ("found", "known"),
    "precision": ("found", "counted"),
    "count": ("counted", "known"),
    "miscount": ("miscounted", "known"),
    "kept": ("kept", "seen"),
}


def share_table(rows: pd.DataFrame, level: float, resamples: int, seed: int, least: float) -> pd.DataFrame:
    """Return shares of buildings with bootstrap intervals over regions, then seeds; the same regions for every method.

    Args:
        rows: from `scores`.
        level: of the intervals.
        resamples: of the intervals.
        seed: of the intervals.
        least: recall and precision on HR below which the counter cannot judge.

    Returns:
        One row per rule, method and share: method, rule, decides (whether it is the rule of the verdict), judges
        (whether the counter can, by that rule), share, value, low, high, buildings (denominator, of one training),
        images, regions, seeds.
    """
    found, judges = [], not rows.empty and can_judge(rows, least)
    for (rule, method), own in rows.groupby(["rule", "method"], sort=False):
        for share in SHARES:
            sums = _sums(own, share)
            value, drawn = _share(sums.sum(axis=(1, 2))), _drawn(sums, resamples, seed)
            low, high = _interval(drawn, level) if sums.shape[2] > 1 else (np.nan, np.nan)
            line = {"method": method, "rule": rule, "decides": rule == rows.rule.iloc[0], "judges": judges}
            line |= {"share": share, "value": float(value), "low": low, "high": high}
            line |= {"buildings": round(sums[1].sum() / sums.shape[1]), "images": own.tile.nunique()}
            found.append({**line, "regions": sums.shape[2], "seeds": sums.shape[1]})
    return pd.DataFrame(found, columns=COLUMNS)


def _sums(own: pd.DataFrame, share: str) -> NDArray[np.float64]:
    """Return numerator and denominator of a method's share, (2, seeds, regions)."""
    parts = [own.pivot_table(index="seed", columns="region", values=part, aggfunc="sum") for part in SHARES[share]]
    return np.stack([part.to_numpy(float) for part in parts])


def _share(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(sums[0], sums[1])


def _drawn(sums: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the share in every resample of regions and seeds; equal for equal numbers of regions."""
    rng, (_, seeds, regions) = np.random.default_rng(seed), sums.shape
    region_draws, seed_draws = draw_counts(regions, resamples, rng), draw_counts(seeds, resamples, rng)
    return _share(np.stack([drawn_sums(part.T, region_draws, seed_draws) for part in sums]))


def _interval(drawn: NDArray[np.float64], level: float) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    return percentile_interval(known, level) if len(known) else (np.nan, np.nan)


def difference(
    rows: pd.DataFrame, a: str, b: str, share: str, level: float, resamples: int, seed: int
) -> tuple[float, float, float, float]:
    """Return the share of method a minus that of b, its paired interval, and p of Wilcoxon's test over regions.

    By the rule that decides.

    Interval and p are NaN with one region. Regions without anything to count have no share and take no part in the
    test.
    """
    judged = deciding(rows)
    sums = [_sums(judged[judged.method == method], share) for method in (a, b)]
    value = float(np.subtract(*(_share(part.sum(axis=(1, 2))) for part in sums)))
    if sums[0].shape[2] < 2:
        return value, np.nan, np.nan, np.nan
    low, high = _interval(np.subtract(*(_drawn(part, resamples, seed) for part in sums)), level)
    of_a, of_b = (_share(part.sum(axis=1)) for part in sums)
    both = np.isfinite(of_a) & np.isfinite(of_b)
    return value, low, high, signed_rank_p(of_a[both], of_b[both])


def can_judge(rows: pd.DataFrame, least: float) -> bool:
    """Return whether the counter finds enough on HR, and little else, by the rule that decides."""
    return bool(min(_on_hr(rows)) >= least)


def quality_sentence(rows: pd.DataFrame, least: float) -> str:
    """Say how well the counter counts on HR, and whether it can judge."""
    recall, precision = _on_hr(rows)
    said = (
        f"On HR images the counter finds {100 * recall:.1f} % of the known buildings, and {100 * precision:.1f} % of "
        f"what it counts is one (rule: {rows.rule.iloc[0]})."
    )
    return said if can_judge(rows, least) else f"{said} Below {100 * least:.0f} % of either it cannot judge."


def _on_hr(rows: pd.DataFrame) -> tuple[float, float]:
    """Return recall and precision on HR by the rule that decides."""
    reference = deciding(rows).query("method == 'HR'")
    found = int(reference.found.sum())
    return found / max(1, int(reference.known.sum())), found / max(1, int(reference.counted.sum()))


PAPER = ("esrgan", "sr3")  # the two methods that the paper counts


def shares_as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a row per rule and method, a cell per share: value and interval, in per cent."""
    if "rule" not in table:  # a reference run of old
        table = table.assign(rule="iou 0.5")
    cells = table.assign(cell=[share_text(*row) for row in zip(table.value, table.low, table.high, strict=True)])
    wide = cells.pivot_table(index=["rule", "method"], columns="share", values="cell", aggfunc="first", sort=False)
    return wide.reset_index().rename_axis(columns=None)


def deciding(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `scores` by the rule that decides, the first."""
    return rows if rows.empty else rows[rows.rule == rows.rule.iloc[0]]


def share_text(value: float, low: float, high: float) -> str:
    """Return a share and its interval, where there are any, in per cent."""
    if not np.isfinite(value):
        return "none to count"
    return f"{100 * value:.1f} %" + (f" [{100 * low:.1f}, {100 * high:.1f}]" if np.isfinite(low) else "")


def buildings_sentence(rows: pd.DataFrame, level: float, resamples: int, seed: int, least: float) -> str:
    """Say which of the paper's two methods keeps more buildings, and how well the counter counts at all.

    Args:
        rows: from `scores`.
        level: of the interval.
        resamples: of the interval.
        seed: of the interval.
        least: recall and precision on HR below which the counter cannot judge.
    """
    if rows.empty:
        return "No building is known in these data."
    own = quality_sentence(rows, least)
    if not can_judge(rows, least):
        return own
    if not set(PAPER) <= set(rows.method):
        return f"{own} ESRGAN and SR3 are not both in this profile."
    value, low, high, p = difference(rows, *PAPER, "kept", level, resamples, seed)
    said = f"{own} Kept, ESRGAN minus SR3: {100 * value:+.1f}"
    if not np.isfinite(low):
        return f"{said} points (one region: no interval)."
    trainings = int(rows[rows.method.isin(PAPER)].groupby("method").seed.nunique().min())
    found = verdict(p, low, high, trainings, "higher")
    keeps = {"a beats b": "ESRGAN keeps more", "b beats a": "SR3 keeps more"}.get(found, found)
    return f"{said} [{100 * low:+.1f}, {100 * high:+.1f}] points, p = {p:.2g}: {keeps}."
