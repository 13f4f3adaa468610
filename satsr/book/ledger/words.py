"""One word for each claim, by one rule for all studies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Word = Literal["reproduced", "shown", "trend", "cannot be decided", "not reproduced", "not shown", "not run"]
Kind = Literal["more", "no more", "no worse", "exact"]

MEANS: dict[Word, str] = {
    "reproduced": "the interval leaves out zero on the claimed side and reaches the published size; where no size is "
    "known, the side is all that is asked",
    "shown": "a question of this study: the interval leaves out zero",
    "trend": "the same sign as published, the interval leaves out zero, but it does not reach the published size",
    "cannot be decided": "the interval holds both zero and the published size, or one seed was trained, or the control "
    "failed, or a number is only a limit: this run is too small to tell",
    "not reproduced": "the interval leaves out the published size, and zero is in it or beyond it",
    "not shown": "a question of this study: the interval holds zero",
    "not run": "this run has no numbers on it",
}
OF_PARTS: tuple[Word, ...] = (  # of several parts, the first of these that one has
    "not reproduced", "cannot be decided", "not shown", "trend", "reproduced", "shown",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One number that a claim hangs on, with the sign turned so that more is what is claimed.

    Attributes:
        of: what it is about, such as `against srcnn`.
        estimate: NaN where this run has none.
        low: lower end of its interval; NaN is no interval.
        high: upper end.
        unit: `%` (differences of shares), `share` (a share itself), `x` (a ratio, of which 1 is nothing), or nothing.
        published: size in the same unit; NaN where none is known.
        kind: `more` is claimed to be above nothing; `no more`, not above it; `no worse`, above -`published`, a margin;
            `exact` has no interval because nothing was drawn.
        wanting: why it cannot be judged, such as `one seed`; empty where it can.
        own: whether only this study asks.
        least: of a share, what it has to be above.
    """

    of: str
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    unit: str = ""
    published: float = math.nan
    kind: Kind = "more"
    wanting: str = ""
    own: bool = False
    least: float = 0.0

    @property
    def nothing(self) -> float:
        """The value that says that there is no effect."""
        return 1.0 if self.unit == "x" else self.least

    def text(self) -> str:
        """Return the number with its interval."""
        if math.isnan(self.estimate):
            return ""
        signed = "" if self.unit in ("x", "share") else "+"
        shown = _number(self.estimate, self.unit, signed)
        if not math.isnan(self.low):
            shown += f" [{_number(self.low, self.unit, signed)}, {_number(self.high, self.unit, signed)}]"
        unit = {"%": "points", "x": "times", "share": "%"}.get(self.unit, self.unit)
        return " ".join(text for text in (shown, unit, self.of) if text)


def word(part: Part) -> Word:
    """Return the word of one part."""
    if math.isnan(part.estimate):
        return "not run"
    if part.kind == "exact":
        return _of_exact(part)
    if part.wanting or math.isnan(part.low):
        return "cannot be decided"
    if part.kind == "no more":
        return "not reproduced" if part.low > part.nothing else _reproduced_if(part.high <= part.nothing)
    if part.kind == "no worse":
        return "not reproduced" if part.high < -part.published else _reproduced_if(part.low > -part.published)
    if part.low > part.nothing:
        if part.own:
            return "shown"
        return "trend" if part.high < part.published else "reproduced"
    if part.own:
        return "not shown"
    # A published size of which nothing is known cannot be left out.
    return "not reproduced" if part.high < part.nothing or part.high < part.published else "cannot be decided"


def word_of_all(parts: Sequence[Part]) -> Word:
    """Return the word of a claim: of the weakest of its parts that were run."""
    found = {word(part) for part in parts}
    return next((one for one in OF_PARTS if one in found), "not run")


def _reproduced_if(yes: bool) -> Word:
    return "reproduced" if yes else "cannot be decided"


def _of_exact(part: Part) -> Word:
    if part.estimate <= part.nothing:
        return "not reproduced"
    if math.isnan(part.published) or part.estimate >= part.published:
        return "reproduced"
    return "trend"


def _number(value: float, unit: str, sign: str) -> str:
    if unit in ("%", "share"):
        return f"{100 * value:{sign}.1f}"
    return f"{value:{sign},.0f}" if abs(value) >= 1000 else f"{value:{sign}.3g}"
