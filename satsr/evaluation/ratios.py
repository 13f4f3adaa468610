"""Shares of counts: sums over chips whose ratio is the share, with the bootstrap of the study's other intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satsr.evaluation.intervals import draw_counts, drawn_sums, percentile_interval
from satsr.evaluation.paired import signed_rank_p
from satsr.evaluation.settings import TableSettings


@dataclass(frozen=True)
class Ratio:
    """A share of counts.

    Attributes:
        sums: numerator and denominator of every region and training seed, (2, regions, seeds).
    """

    sums: NDArray[np.float64]

    @classmethod
    def of(cls, rows: pd.DataFrame, numerator: str, denominator: str) -> Ratio:
        """Sum counts over chips; rows have the columns region, seed, and the two that are named."""
        parts = [
            rows.pivot_table(index="region", columns="seed", values=name, aggfunc="sum").to_numpy(float)
            for name in (numerator, denominator)
        ]
        return cls(np.stack(parts))

    @property
    def value(self) -> float:
        """The share over all regions and seeds; NaN where nothing was counted."""
        return float(_share(self.sums.sum(axis=(1, 2))))

    @property
    def regions(self) -> int:
        """Number of regions."""
        return self.sums.shape[1]

    @property
    def seeds(self) -> int:
        """Number of training seeds."""
        return self.sums.shape[2]

    @property
    def of_regions(self) -> NDArray[np.float64]:
        """The share of every region, (regions,); NaN where nothing was counted."""
        return _share(self.sums.sum(axis=2))

    def drawn(self, bootstrap: TableSettings) -> NDArray[np.float64]:
        """Return the share in every resample of regions, then seeds; the same draws for equal numbers of them."""
        rng = np.random.default_rng(bootstrap.seed)
        draws = [draw_counts(count, bootstrap.resamples, rng) for count in (self.regions, self.seeds)]
        return _share(np.stack([drawn_sums(part, *draws) for part in self.sums]))

    def interval(self, bootstrap: TableSettings) -> tuple[float, float]:
        """Return the percentile interval; NaN with one region."""
        return _interval(self.drawn(bootstrap), bootstrap.level, self.regions)


class RatioDifference(NamedTuple):
    """One share minus another of the same regions.

    Attributes:
        value: the difference.
        low: lower end of its interval; NaN with one region, as `high` and `p`.
        high: upper end.
        p: of Wilcoxon's signed-rank test over the regions where both have something to count.
    """

    value: float
    low: float
    high: float
    p: float


def ratio_difference(a: Ratio, b: Ratio, bootstrap: TableSettings) -> RatioDifference:
    """Return share a minus share b, both drawn from the same regions."""
    value = a.value - b.value
    if a.regions < 2:
        return RatioDifference(value, np.nan, np.nan, np.nan)
    low, high = _interval(a.drawn(bootstrap) - b.drawn(bootstrap), bootstrap.level, a.regions)
    both = np.isfinite(a.of_regions) & np.isfinite(b.of_regions)
    return RatioDifference(value, low, high, signed_rank_p(a.of_regions[both], b.of_regions[both]))


def _share(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[0] / sums[1])


def _interval(drawn: NDArray[np.float64], level: float, regions: int) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    return percentile_interval(known, level) if regions > 1 and len(known) else (np.nan, np.nan)
