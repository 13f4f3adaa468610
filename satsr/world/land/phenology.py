"""Greenness through the year: when leaves, crops and lawns are green."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Season:
    """A double-logistic season (Beck et al. 2006, Remote Sensing of Environment 100, equation 3).

    Attributes:
        low: Greenness outside the season, in [0, 1].
        high: Greenness at its peak, in [0, 1].
        start_day: Day of the year at which half of the rise is done; may be negative for a winter crop.
        end_day: Day at which half of the fall is done; later than `start_day`.
        pace_days: Time constant of rise and fall.
    """

    low: float
    high: float
    start_day: float
    end_day: float
    pace_days: float = 9.0


BARE = Season(0, 0, 120, 240)
EVERGREEN = Season(0.93, 1.0, 110, 290, 20)


def greenness(seasons: list[Season], day_of_year: float) -> NDArray[np.float32]:
    """Greenness in [0, 1] of every season on one day, shape (len(seasons),)."""
    table = np.array([(s.low, s.high, s.start_day, s.end_day, s.pace_days) for s in seasons])
    low, high, start, end, pace = table.T
    share = np.zeros(len(seasons))
    for shift in (-_YEAR_DAYS, 0.0, _YEAR_DAYS):
        rise = 1 / (1 + np.exp(np.clip((start - day_of_year - shift) / pace, -50, 50)))
        fall = 1 / (1 + np.exp(np.clip((end - day_of_year - shift) / pace, -50, 50)))
        share += rise - fall
    return np.clip(low + (high - low) * share, 0, 1).astype(np.float32)
