"""Bring a series to the number of dates that a model was built for."""

from __future__ import annotations

import torch
from torch import Tensor


def fit_dates(lr: Tensor, dt_days: Tensor, dates: int) -> tuple[Tensor, Tensor]:
    """Choose or repeat dates, for each image on its own.

    Too many: those with the fewest black pixels are kept, in their order. Too few: the good ones, which have no black
    pixel, follow once more in their order, again and again, as the paper's author advises (reference code, issue 11);
    without a good one, those with the fewest black pixels.

    Args:
        lr: (N, T, C, h, w); a pixel that is 0 in all bands is black.
        dt_days: (N, T).
        dates: wanted number of dates.

    Returns:
        The same with T = dates.

    Raises:
        ValueError: an image is black on every date.
    """
    black = (lr == 0).all(dim=2).float().mean(dim=(2, 3))  # (N, T)
    chosen = torch.tensor([_chosen(image, row, dates) for image, row in enumerate(black.tolist())], device=lr.device)
    images = torch.arange(len(lr), device=lr.device)[:, None]
    return lr[images, chosen], dt_days[images, chosen]


def _chosen(image: int, black: list[float], dates: int) -> list[int]:
    if min(black, default=1.0) == 1:
        raise ValueError(f"image {image}: no date has a valid pixel: leave this place out")
    if len(black) >= dates:
        least = sorted(range(len(black)), key=lambda date: black[date])[:dates]
        return sorted(least)
    good = [date for date, share in enumerate(black) if share == min(black)]
    repeated = good * dates
    return [*range(len(black)), *repeated[: dates - len(black)]]


def median_of_valid(lr: Tensor) -> Tensor:
    """Return the median over the dates that are not black at a pixel: (N, T, C, h, w) -> (N, C, h, w).

    The lower of the two middle values for an even number of dates; 0 where every date is black.
    """
    invalid = (lr == 0).all(dim=2, keepdim=True)
    return lr.masked_fill(invalid, float("nan")).nanmedian(dim=1).values.nan_to_num(0.0)
