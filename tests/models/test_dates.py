"""Dates that a model does not take are left out, dates that it lacks are repeated."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from satsr.data.dates import fit_dates
from satsr.models.superresolver import ModelCard, SuperResolver

RGB = ("red", "green", "blue")


def series(*black_px: int) -> Tensor:
    """(1, T, 3, 4, 4): date number t + 1 everywhere, but for so many black pixels."""
    lr = torch.ones(1, len(black_px), 3, 4, 4) * torch.arange(1, len(black_px) + 1).view(1, -1, 1, 1, 1)
    for date, count in enumerate(black_px):
        lr[0, date].flatten(1)[:, :count] = 0
    return lr


def dates_of(lr: Tensor) -> list[int]:
    return lr[0, :, 0].amax(dim=(1, 2)).int().tolist()


@pytest.mark.parametrize(
    ("black_px", "wanted", "expected"),
    [
        ((0, 0, 0), 3, [1, 2, 3]),
        ((0, 0, 0), 2, [1, 2]),
        ((5, 0, 16, 2), 3, [1, 2, 4]),
        ((0, 3, 0), 8, [1, 2, 3, 1, 3, 1, 3, 1]),
        ((4, 3), 4, [1, 2, 2, 2]),
        ((0,), 4, [1, 1, 1, 1]),
        ((16, 0), 3, [0, 2, 2]),
    ],
)
def test_known_answers(black_px: tuple[int, ...], wanted: int, expected: list[int]) -> None:
    lr = series(*black_px)
    days = torch.arange(1.0, len(black_px) + 1)[None]
    fitted, dt_days = fit_dates(lr, days, wanted)
    assert dates_of(fitted) == expected
    assert dt_days.shape == (1, wanted)
    assert all(day == date for day, date in zip(dt_days[0].tolist(), expected, strict=True) if date)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**31))
def test_every_image_is_fitted_on_its_own(dates: int, wanted: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    lr = torch.rand(3, dates, 2, 4, 4, generator=generator)
    lr[torch.rand(3, dates, generator=generator) < 0.3] *= (torch.rand(4, 4, generator=generator) < 0.8).float()
    days = torch.rand(3, dates, generator=generator)
    together, days_together = fit_dates(lr, days, wanted)
    for image in range(3):
        alone, days_alone = fit_dates(lr[image : image + 1], days[image : image + 1], wanted)
        assert torch.equal(together[image], alone[0])
        assert torch.equal(days_together[image], days_alone[0])


def test_a_place_without_a_valid_pixel_is_named() -> None:
    lr = torch.cat((series(0, 0), torch.zeros(1, 2, 3, 4, 4)))
    with pytest.raises(ValueError, match="image 1: no date has a valid pixel: leave this place out"):
        fit_dates(lr, torch.zeros(2, 2), 4)


def test_a_model_of_eight_dates_takes_one_by_repeating_it() -> None:
    model = SuperResolver(ModelCard("srcnn", {"hidden_channels": 16}, 8, RGB, RGB, 4)).eval()
    lr = torch.rand(2, 1, 3, 8, 8)
    assert torch.equal(model(lr), model(lr.expand(2, 8, 3, 8, 8)))
