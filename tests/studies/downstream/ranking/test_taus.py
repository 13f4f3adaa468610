"""Kendall's tau: the library's value, draws that are lists, and orders of known agreement."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from satsr.evaluation.settings import TableSettings
from satsr.studies.downstream.ranking.taus import Ranks, tau_b, tau_of

BOOTSTRAP = TableSettings(resamples=500)
NINE = np.repeat(np.arange(3), 3)  # families of nine systems


def ranks(values: np.ndarray, noise: float = 0.0, seed: int = 0) -> Ranks:
    rng = np.random.default_rng(seed)
    drawn = values + noise * rng.normal(size=(BOOTSTRAP.resamples, len(values)))
    return Ranks(values.astype(float), drawn)


def test_tau_of_systems_that_are_drawn_twice_is_that_of_the_list() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y = rng.integers(0, 6, 10).astype(float), rng.integers(0, 6, 10).astype(float)  # with ties
        often = rng.integers(0, 4, 10)
        listed = [np.repeat(values, often) for values in (x, y)]
        assert tau_b(x, y, np.outer(often, often).astype(float)) == pytest.approx(kendalltau(*listed).statistic)


@pytest.mark.parametrize(("sign", "said"), [(1, 1.0), (-1, -1.0)])
def test_equal_orders_have_tau_one_and_reversed_ones_minus_one(sign: int, said: float) -> None:
    found = tau_of(ranks(np.arange(9)), ranks(sign * np.arange(9)), NINE, BOOTSTRAP)
    assert (found.value, found.low, found.high) == (said, said, said)


def test_pairs_of_one_family_can_be_left_out() -> None:
    """Within each family the orders are opposite; families themselves stand in the same order."""
    x = np.arange(9)
    y = np.array([2, 1, 0, 5, 4, 3, 8, 7, 6])
    assert tau_of(ranks(x), ranks(y), NINE, BOOTSTRAP, across=True).value == 1
    assert tau_of(ranks(x), ranks(y), NINE, BOOTSTRAP).value == pytest.approx(kendalltau(x, y).statistic)


def test_families_are_drawn_whole() -> None:
    """One family that disagrees makes the interval wide; the same systems in families of one give a narrower one."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=24)
    y = x.copy()
    y[:6] = -x[:6]
    few, many = np.repeat(np.arange(4), 6), np.arange(24)
    wide, narrow = (tau_of(ranks(x), ranks(y), families, BOOTSTRAP) for families in (few, many))
    assert wide.high - wide.low > narrow.high - narrow.low
    assert wide.low < wide.value < wide.high


def test_draws_of_regions_are_in_the_interval() -> None:
    sure, unsure = (tau_of(ranks(np.arange(9), n), ranks(np.arange(9)), np.arange(9), BOOTSTRAP) for n in (0.0, 5.0))
    assert unsure.low < sure.low == 1


def test_one_family_has_no_interval_and_ties_have_no_tau() -> None:
    found = tau_of(ranks(np.arange(4)), ranks(np.arange(4)), np.zeros(4, np.int64), BOOTSTRAP)
    assert found.value == 1
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(tau_of(ranks(np.ones(4)), ranks(np.arange(4)), np.arange(4), BOOTSTRAP).value)
