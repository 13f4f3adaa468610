"""What a network is told of time and place: signs, units, and what cannot be told apart."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from satsr.common.tile_grid import HR_GSD_M, LR_PX, ZOOM_TILES
from satsr.models.diffusion.when import When, absolute, feature_count, features, relative

EPOCH = date(1970, 1, 1)
NOWHERE = torch.zeros(1, 2, dtype=torch.int64)


def days(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def at(row: int, column: int) -> Tensor:
    return torch.tensor([[row, column]])


def told(kind: When, dt: float = 0.0, place: Tensor = NOWHERE, day: float = 18000.0) -> Tensor:
    return features(kind, days(dt).float(), place, days(day))[0]


# SatDiffMoE


def test_a_year_is_a_thousand_and_has_a_sign() -> None:
    found = relative(days(0, 365.25, -365.25, 36.525), NOWHERE.expand(4, 2), days(0, 0, 0, 0))
    assert found.tolist() == [[0], [1000], [-1000], [pytest.approx(100)]]


def test_relative_features_are_cosines_and_sines_of_falling_frequency() -> None:
    number = 1000 * 50 / 365.25
    angles = number * 10_000 ** (-np.arange(32) / 31)
    np.testing.assert_allclose(told("relative", 50), [*np.cos(angles), *np.sin(angles)], atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.5, 2000))
def test_before_and_after_differ_in_the_sines_only(dt: float) -> None:
    after, before = told("relative", dt), told("relative", -dt)
    torch.testing.assert_close(after[:32], before[:32])
    torch.testing.assert_close(after[32:], -before[32:])
    assert not torch.allclose(after, before, atol=1e-3)


def test_relative_time_knows_neither_place_nor_day() -> None:
    assert torch.equal(told("relative", 30), told("relative", 30, at(10**6, 5), float("nan")))


# DiffusionSat


def test_absolute_numbers_are_thousandths_of_the_globe_and_of_the_calendar() -> None:
    side = ZOOM_TILES * LR_PX
    place = torch.tensor([[side // 2, side // 4], [side // 5, 0]])
    found = absolute(days(-18424, 31), place, days(18424, 0))
    assert found.shape == (2, 9)
    np.testing.assert_allclose(found[:, :2], [[250, 500], [0, 200]], atol=1e-3)  # column before row
    np.testing.assert_allclose(found[:, 2], HR_GSD_M, rtol=1e-6)
    june_2020 = [1000 * 50 / 130, 1000 * 5 / 12]
    np.testing.assert_allclose(found[0, 3:5], june_2020, rtol=1e-5)
    assert found[0, 6:].tolist() == found[1, 3:6].tolist() == [0, 0, 0]  # January 1st, 1970
    np.testing.assert_allclose(found[1, 6:8], [0, 1000 / 12], rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 130 * 365 - 1))
def test_year_month_and_day_make_up_the_date(day: int) -> None:
    year, month, rest = absolute(days(0), NOWHERE, days(day))[0, 3:6].double()
    assert all(-1e-3 <= part <= 1000 for part in (year, month, rest))
    spent = 365.25 * 130 * year / 1000 + 30.4375 * 12 * month / 1000 + 31 * rest / 1000
    assert spent.item() == pytest.approx(day, abs=0.02)
    true = EPOCH + timedelta(days=day)
    near = [EPOCH + timedelta(days=max(0, day + shift)) for shift in (-2, 2)]  # months have equal length here
    assert near[0].year <= 1970 + round(130 * year.item() / 1000) <= near[1].year
    if near[0].year == near[1].year:
        assert abs(1 + round(12 * month.item() / 1000) - true.month) <= 1


def test_the_date_of_the_input_is_told_by_itself() -> None:
    """Its part does not know how far from the wanted date it is."""
    first, second = absolute(days(10, 0), NOWHERE.expand(2, 2), days(18000, 18010))
    assert torch.equal(first[6:], second[6:])
    assert not torch.equal(first[3:6], second[3:6])
    before, after = absolute(days(-40, 40), NOWHERE.expand(2, 2), days(18040, 18000))
    assert torch.equal(before[3:6], after[6:])
    assert torch.equal(before[6:], after[3:6])


@pytest.mark.parametrize(
    "other",
    [
        {"place": at(40 * LR_PX, 70 * LR_PX)},
        {"place": at(41 * LR_PX, 69 * LR_PX)},
        {"day": 18001.0, "dt": -1.0},
        {"day": 18400.0, "dt": -400.0},
        {"dt": 3.0},
        {"dt": -3.0},
    ],
)
def test_absolute_features_tell_neighbouring_places_and_days_apart(other: dict[str, Tensor]) -> None:
    here = {"dt": 0.0, "place": at(40 * LR_PX, 69 * LR_PX), "day": 18000.0}
    assert (told("absolute", **here) - told("absolute", **{**here, **other})).abs().max() > 1e-3  # type: ignore[arg-type]


# Both


@pytest.mark.parametrize("kind", ["relative", "absolute"])
def test_the_number_of_features_is_as_promised(kind: When) -> None:
    assert told(kind).shape == (feature_count(kind),)
    assert told(kind).dtype == torch.float32
    assert feature_count("none") == 0


@pytest.mark.parametrize("kind", ["relative", "absolute"])
def test_features_of_an_image_do_not_depend_on_its_batch(kind: When) -> None:
    together = features(kind, days(1, -9), torch.cat((NOWHERE, at(64, 5))), days(18000, 15000))
    torch.testing.assert_close(together[1], features(kind, days(-9), at(64, 5), days(15000))[0])


@pytest.mark.parametrize(
    ("kind", "dt", "day"), [("relative", "nan", 18000), ("absolute", "nan", 18000), ("absolute", 0, "nan")]
)
def test_an_unknown_date_is_refused_with_the_remedy(kind: When, dt: float, day: float) -> None:
    with pytest.raises(ValueError, match=f"a method with {kind} time got images without dates: give dates.csv"):
        told(kind, float(dt), day=float(day))
