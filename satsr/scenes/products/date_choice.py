"""Which dates of a place to use, by one rule.

A date counts by the share of the window that it does not show: no data, or cloud. The least share comes first. Shares
are compared in whole percent; of equal ones the date nearest to the wanted one comes first, without a wanted one the
latest. Where a product does not say where clouds are, only no data counts, and the reason says so. A date that shows
nothing is always left out. What one date is, `passes` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class DateInfo:
    """What is known of one date in the window.

    Attributes:
        name: of the product.
        day: when it was taken.
        empty: share of the window without data, 0 to 1.
        cloudy: share of the window that has data but lies under cloud; None where nothing says.
    """

    name: str
    day: date
    empty: float
    cloudy: float | None = None

    @property
    def hidden(self) -> float:
        """Share of the window that the date does not show."""
        return self.empty + (self.cloudy or 0.0)

    @property
    def in_words(self) -> str:
        """The shares in words."""
        cloud = "cloud not known" if self.cloudy is None else f"{self.cloudy:.0%} cloud"
        return f"{self.empty:.0%} no data, {cloud}"


@dataclass(frozen=True)
class Choice:
    """Which dates are used.

    Attributes:
        used: numbers of the chosen dates, the best first.
        reasons: why each date, chosen or not, is where it is.
    """

    used: tuple[int, ...]
    reasons: tuple[str, ...]


def choose_dates(infos: Sequence[DateInfo], count: int, wanted: date | None = None) -> Choice:
    """Choose at most `count` dates by this module's rule.

    Raises:
        ValueError: a count below 1.
    """
    if count < 1:
        raise ValueError(f"got {count} dates, expected at least 1")
    reasons = [_unusable(info) for info in infos]
    usable = [n for n, reason in enumerate(reasons) if not reason]
    ranked = sorted(usable, key=lambda n: _rank(infos[n], wanted))
    for place, number in enumerate(ranked):
        chosen = "used" if place < count else f"not among the best {count}"
        reasons[number] = f"{chosen}: {infos[number].in_words}{_distance(infos[number], wanted)}"
    return Choice(tuple(ranked[:count]), tuple(reasons))


def _rank(info: DateInfo, wanted: date | None) -> tuple[int, int, int, str]:
    far = abs((info.day - wanted).days) if wanted else 0
    return round(100 * info.hidden), far, -info.day.toordinal(), info.name


def _unusable(info: DateInfo) -> str:
    if info.hidden > 1 - 1e-9:
        return f"shows nothing of the window: {info.in_words}"
    return ""


def _distance(info: DateInfo, wanted: date | None) -> str:
    return f", {abs((info.day - wanted).days)} days from {wanted}" if wanted else ""
