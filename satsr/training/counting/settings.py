"""Settings of the counters, and rules for what counts as found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from satsr.common.settings import Size
from satsr.training.dense_settings import DenseSettings


class CounterSettings(DenseSettings):
    """The counters, trained on HR images, one for every kind of objects."""

    kinds: tuple[Literal["buildings", "boats", "roads"], ...] = ("buildings",)
    widths: tuple[Size, ...] = (24, 48, 96)


@dataclass(frozen=True)
class Rule:
    """When an object counts as found.

    Attributes:
        least_iou: of the known and the counted one, an intersection over union of so much or more; None where another
            rule holds.
        within_px: pixels are counted, and a pixel is found when one lies so near; None where objects are counted.
    """

    least_iou: float | None = None
    within_px: int | None = None


def rule_of(text: str) -> Rule:
    """Return the rule that a text names.

    `centre`: the centre of a counted object lies in the known one. `iou 0.5`: their intersection over union is so much
    or more. `within 1 px`: of pixels, one of the other map lies so near.

    Raises:
        ValueError: none of them.
    """
    if text == "centre":
        return Rule()
    kind, _, number = text.partition(" ")
    if kind == "iou" and 0 < (least := _number(number)) <= 1:
        return Rule(least_iou=least)
    if kind == "within" and number.endswith(" px") and number[:-3].isdigit():
        return Rule(within_px=int(number[:-3]))
    raise ValueError(
        f"got rule {text!r}, expected centre, or iou and a number up to 1, such as iou 0.5, or within 1 px (of pixels)"
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
