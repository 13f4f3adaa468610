"""Shares of counts: ratios of sums, the same draws for what is paired, and regions without anything to count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from satsr.evaluation.pooled import Asked, Pooled, claims_tested, pooled_difference
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN

BOOTSTRAP = TableSettings(resamples=500)


def rows(counts: list[tuple[int, int]], seeds: int = 1) -> pd.DataFrame:
    """Return two chips a region, which share its (part, whole) unevenly, for every seed."""
    return pd.DataFrame(
        {"region": f"r{n}", "seed": seed, "part": part - 1 + chip * (2 - part), "whole": whole // 2}
        for n, (part, whole) in enumerate(counts)
        for seed in range(seeds)
        for chip in range(2)
    )


def test_a_share_is_a_ratio_of_sums_not_a_mean_of_ratios() -> None:
    ratio = Pooled.of(rows([(1, 2), (8, 10)], seeds=2), ("part", "whole"))
    assert (ratio.regions, ratio.seeds) == (2, 2)
    assert ratio.value == pytest.approx(9 / 12)
    np.testing.assert_allclose(ratio.of_regions, [1 / 2, 8 / 10])


def test_shares_of_the_same_regions_are_drawn_together() -> None:
    """A difference that every region has alike has an interval without width, however much regions differ."""
    whole = [(n + 2, 100) for n in range(0, 60, 6)]
    a, b = (
        Pooled.of(rows([(part + 10, n) for part, n in whole]), ("part", "whole")),
        Pooled.of(rows(whole), ("part", "whole")),
    )
    value, low, high, p = pooled_difference(a, b, BOOTSTRAP)
    assert (value, low, high) == pytest.approx((0.1, 0.1, 0.1))
    assert p == pytest.approx(2 / 2**10)
    assert np.ptp(b.interval(BOOTSTRAP)) > 0.1


def test_regions_with_nothing_to_count_take_no_part_in_the_test() -> None:
    a, b = (Pooled.of(rows([(part, 10)] * 6 + [(0, 0)]), ("part", "whole")) for part in (8, 4))
    assert np.isnan(a.of_regions[-1])
    assert pooled_difference(a, b, BOOTSTRAP).p == pytest.approx(2 / 2**6)


def test_one_region_has_no_interval() -> None:
    one = Pooled.of(rows([(1, 2)]), ("part", "whole"))
    assert np.isnan(one.interval(BOOTSTRAP)).all()
    found = pooled_difference(one, one, BOOTSTRAP)
    assert found.value == 0
    assert np.isnan(found[1:]).all()
    assert np.isnan(Pooled.of(rows([(0, 0)]), ("part", "whole")).value)


def test_claims_are_tested_together_each_in_its_own_direction() -> None:
    many, few = (Pooled.of(rows([(part, 10)] * 8, seeds=2), ("part", "whole")) for part in (8, 4))
    asked = [
        Asked({"claim": "more is better"}, many, few),
        Asked({"claim": "fewer is better"}, few, many, "lower"),
        Asked({"claim": "fewer is better, and is not fewer"}, many, few, "lower"),
        Asked({"claim": "half of it"}, many, None),
    ]
    columns = ["claim", "difference", "low", "high", "p", "p_holm", "regions", "seeds", "verdict"]
    table = claims_tested(asked, columns, BOOTSTRAP)
    assert list(table) == columns
    assert table.verdict.tolist() == ["a beats b", "a beats b", "b beats a", NOT_RUN]
    np.testing.assert_allclose(table.p_holm[:3], 3 * 2 / 2**8)  # of three that were tested
    assert claims_tested([], columns, BOOTSTRAP).empty
