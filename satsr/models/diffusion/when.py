"""What a latent diffusion network is told of time and place, beside the time of the sampling step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from satsr.common.tile_grid import HR_GSD_M, LR_PX, ZOOM_TILES

When = Literal["relative", "absolute", "none"]

CHANNELS = 64  # of the sine and cosine features of one number
YEAR_DAYS, MONTH_DAYS = 365.25, 30.4375
FIRST_YEAR, YEARS = 1970, 130


def relative(dt_days: Tensor, place: Tensor, day: Tensor) -> Tensor:
    """SatDiffMoE: the date of the input minus the wanted date, signed; a year is 1000. Returns (N, 1)."""
    return 1000 * dt_days[:, None] / YEAR_DAYS


def absolute(dt_days: Tensor, place: Tensor, day: Tensor) -> Tensor:
    """DiffusionSat (Khanna et al., 2024, section 3.1): where and when, each number in about 0 .. 1000.

    Column and row on the globe, ground sampling distance (1000 is 1 km), and year, month and day of the wanted date
    and of the input; nothing says which of the two came first but the dates themselves.

    Returns:
        (N, 9).
    """
    where = 1000 * place.flip(1).double() / (ZOOM_TILES * LR_PX)
    gsd = torch.full_like(where[:, :1], HR_GSD_M)
    dates = [part for days in (day.double(), day.double() + dt_days.double()) for part in _date(days)]
    return torch.cat((where, gsd, torch.stack(dates, dim=1)), dim=1).float()


def _date(days: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return year, month and day of days since 1970, each scaled to 0 .. 1000, with months of equal length."""
    years = (days / YEAR_DAYS).floor()
    rest = days - years * YEAR_DAYS
    months = (rest / MONTH_DAYS).floor()
    return 1000 * years / YEARS, 1000 * months / 12, 1000 * (rest - months * MONTH_DAYS) / 31


KINDS: dict[str, tuple[int, Callable[[Tensor, Tensor, Tensor], Tensor]]] = {
    "relative": (1, relative),
    "absolute": (9, absolute),
}


def features(kind: When, dt_days: Tensor, place: Tensor, day: Tensor) -> Tensor:
    """Return sines and cosines of what the network is told.

    Args:
        kind: `relative` or `absolute`.
        dt_days: (N,), date of the input minus the wanted one.
        place: int64 (N, 2), row and column of the first LR pixel.
        day: (N,), the wanted date in days since 1970.

    Returns:
        (N, feature_count(kind)).

    Raises:
        ValueError: a date that is not known.
    """
    from diffusers.models.embeddings import get_timestep_embedding

    numbers = KINDS[kind][1](dt_days, place, day)
    if not torch.isfinite(numbers).all():
        raise ValueError(
            f"a method with {kind} time got images without dates: give dates.csv beside the images, or dt_days of 0 "
            "to leave time out"
        )
    # The sign survives in the sines.
    return (
        get_timestep_embedding(numbers.flatten(), CHANNELS, flip_sin_to_cos=True).unflatten(0, numbers.shape).flatten(1)
    )


def feature_count(kind: When) -> int:
    """Return the number of features of an image, 0 for `none`."""
    return 0 if kind == "none" else KINDS[kind][0] * CHANNELS
