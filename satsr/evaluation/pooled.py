"""Scores of sums over chips, such as a share of what was counted, with the bootstrap of the study's other intervals.

A mean of shares would count a chip with one building as much as one with fifty, and could say nothing of one without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from satsr.evaluation.intervals import draw_counts, drawn_sums, percentile_interval
from satsr.evaluation.paired import signed_rank_p
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.evaluation.verdicts import holm, verdict
from satsr.metrics.facts import Better

Score = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # of sums (K, ...) to scores (...)


def ratio(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first sum by the second; NaN where nothing was counted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(sums[0] / sums[1])


@dataclass(frozen=True)
class Pooled:
    """A score of sums over chips.

    Attributes:
        sums: what was counted, K numbers of every region and training seed: (K, regions, seeds).
        score: of sums (K, ...), NaN where they say nothing.
    """

    sums: NDArray[np.float64]
    score: Score = ratio

    @classmethod
    def of(cls, rows: pd.DataFrame, columns: Sequence[str], score: Score = ratio) -> Pooled:
        """Sum counts over chips; rows have the columns region, seed, and those that are named."""
        parts = [
            rows.pivot_table(index="region", columns="seed", values=name, aggfunc="sum").to_numpy(float)
            for name in columns
        ]
        return cls(np.stack(parts), score)

    @property
    def value(self) -> float:
        """The score over all regions and seeds; NaN where nothing was counted."""
        return float(self.score(self.sums.sum(axis=(1, 2))))

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
        """The score of every region, (regions,); NaN where nothing was counted."""
        return self.score(self.sums.sum(axis=2))

    def drawn(self, bootstrap: TableSettings) -> NDArray[np.float64]:
        """Return the score in every resample of regions, then seeds; the same draws for equal numbers of them."""
        rng = np.random.default_rng(bootstrap.seed)
        draws = [draw_counts(count, bootstrap.resamples, rng) for count in (self.regions, self.seeds)]
        return self.score(np.stack([drawn_sums(part, *draws) for part in self.sums]))

    def interval(self, bootstrap: TableSettings) -> tuple[float, float]:
        """Return the percentile interval; NaN with one region."""
        return _interval(self.drawn(bootstrap), bootstrap.level, self.regions)


class PooledDifference(NamedTuple):
    """One score minus another of the same regions.

    Attributes:
        value: the difference.
        low: lower end of its interval; NaN with one region, as `high` and `p`.
        high: upper end.
        p: of Wilcoxon's signed-rank test over the regions where both have something to say.
    """

    value: float
    low: float
    high: float
    p: float


def pooled_difference(a: Pooled, b: Pooled, bootstrap: TableSettings) -> PooledDifference:
    """Return score a minus score b, both drawn from the same regions."""
    value = a.value - b.value
    if a.regions < 2:
        return PooledDifference(value, np.nan, np.nan, np.nan)
    low, high = _interval(a.drawn(bootstrap) - b.drawn(bootstrap), bootstrap.level, a.regions)
    both = np.isfinite(a.of_regions) & np.isfinite(b.of_regions)
    return PooledDifference(value, low, high, signed_rank_p(a.of_regions[both], b.of_regions[both]))


@dataclass(frozen=True)
class Asked:
    """One claim to test.

    Attributes:
        names: what it is about, as columns of a table.
        better: score of what is claimed to be better; None where it was not run.
        worse: of the other.
        direction: which direction is better.
    """

    names: Mapping[str, object]
    better: Pooled | None
    worse: Pooled | None
    direction: Better = "higher"


def claims_tested(claims: Sequence[Asked], columns: Sequence[str], bootstrap: TableSettings) -> pd.DataFrame:
    """Test claims together, by the rule of the main table.

    Args:
        claims: what to test.
        columns: of the table, in order: names, difference, low, high, p, p_holm (adjusted over all that were tested),
            regions, seeds and verdict.
        bootstrap: of the intervals.

    Returns:
        One row per claim; the verdict of one that was not run says so.
    """
    rows: list[dict[str, object]] = []
    for claim in claims:
        found: dict[str, object] = {"difference": np.nan, "p": np.nan}
        if claim.better is not None and claim.worse is not None:
            found = pooled_difference(claim.better, claim.worse, bootstrap)._asdict()
            found = {**found, "difference": found.pop("value")}
            found |= {"regions": claim.better.regions, "seeds": claim.better.seeds}
        rows.append({**claim.names, **found})
    table = pd.DataFrame(rows, columns=list(columns))
    table["p_holm"] = holm(table.p.astype(float).to_numpy())
    directions = [claim.direction for claim in claims]
    table["verdict"] = [_verdict(row, better) for row, better in zip(table.itertuples(), directions, strict=True)]
    return table


def _verdict(row: Any, better: Better) -> str:
    return verdict(row.p_holm, row.low, row.high, row.seeds, better) if np.isfinite(row.difference) else NOT_RUN


def _interval(drawn: NDArray[np.float64], level: float, regions: int) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    return percentile_interval(known, level) if regions > 1 and len(known) else (np.nan, np.nan)
