"""Known and counted objects compared, chip by chip."""

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
from satsr.training.counting.settings import rule_of

COLUMNS = ["method", "seed", "tile", "region", "rule"]
COLUMNS += ["known", "counted", "miscounted", "found", "right", "seen", "kept"]
NOTHING = pd.DataFrame(columns=COLUMNS)  # of `scores` where nothing is known


@dataclass(frozen=True)
class Matches:
    """Which known objects were found, and how many of the counted ones are known.

    Attributes:
        known: number of known objects, or pixels.
        counted: number of objects, or pixels, that the counter sees.
        found: numbers of the known objects that have a counted one of their own, or of pixels with a counted one near.
        right: how many of the counted ones are known.
    """

    known: int
    counted: int
    found: frozenset[int]
    right: int


def match(known: Labels, counted: Labels, rule: str) -> Matches:
    """Compare two label maps of one chip; no object of either is the partner of two.

    Args:
        known: objects drawn in, numbered from 1 on.
        counted: what the counter sees.
        rule: `centre`, where the centre of a counted object lies in a known one, `iou 0.5`, where their intersection
            over union is at least so much, or `within 1 px`, for pixels that have one of the other map so near: the
            completeness and correctness of extracted roads (Heipke et al., 1997).
    """
    asked = rule_of(rule)
    if asked.within_px is not None:
        return _near(known > 0, counted > 0, asked.within_px)
    good = _centre_in(known, counted) if asked.least_iou is None else _overlap(known, counted) >= asked.least_iou
    pairs = linear_sum_assignment(good, maximize=True)
    found = pairs[0][good[pairs]] + 1
    return Matches(int(known.max()), int(counted.max()), frozenset(found.tolist()), len(found))


def _near(known: NDArray[np.bool_], counted: NDArray[np.bool_], within_px: int) -> Matches:
    """Compare the pixels of two maps; one is found when one of the other map lies so near, in rows and in columns."""
    beside_known, beside_counted = (ndimage.maximum_filter(part, 2 * within_px + 1) for part in (known, counted))
    found = np.flatnonzero(known & beside_counted)
    return Matches(int(known.sum()), int(counted.sum()), frozenset(found.tolist()), int((counted & beside_known).sum()))


def _overlap(known: Labels, counted: Labels) -> NDArray[np.float64]:
    """Return the intersection over union of every known and counted object, (n, m)."""
    n, m = int(known.max()), int(counted.max())
    pairs = np.bincount(known.ravel() * (m + 1) + counted.ravel(), minlength=(n + 1) * (m + 1))
    both = pairs.reshape(n + 1, m + 1)  # pixels of a known and a counted object, 0 being ground
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return (both / np.maximum(union, 1))[1:, 1:]


def _centre_in(known: Labels, counted: Labels) -> NDArray[np.bool_]:
    """Return whether the centre of each counted object lies in each known one, (n, m)."""
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
        rules: when an object counts as found; the first decides.
        reference: name of the HR images among the kinds.

    Returns:
        One row per rule, kind, training and chip: method, seed (its number), tile, region, rule, known, counted,
        miscounted (by how many the two differ), found (of the known), right (of the counted), seen (known ones that
        the counter finds in HR), kept (of these, those that it finds here too).
    """
    rows = []
    for rule, (chip, tile) in product(rules, enumerate(tiles)):
        seen = match(known[chip], counted[reference][0][chip], rule).found
        for method, seed, maps in ((m, s, maps) for m, runs in counted.items() for s, maps in enumerate(runs)):
            own = match(known[chip], maps[chip], rule)
            numbers = (own.known, own.counted, abs(own.counted - own.known), len(own.found), own.right)
            kept = len(seen), len(own.found & seen)
            rows.append((method, seed, tile, regions[chip], rule, *numbers, *kept))
    return pd.DataFrame(rows, columns=NOTHING.columns)
