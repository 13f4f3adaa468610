"""Settings of the counter of buildings, and of what counts as found."""

from __future__ import annotations

from pydantic import Field, field_validator

from satsr.common.settings import Settings


class CounterSettings(Settings):
    """The counter of buildings, trained on HR images."""

    widths: tuple[int, ...] = (24, 48, 96)
    steps: int = Field(200, ge=1)
    batch: int = Field(16, ge=1)
    crop: int = Field(64, ge=0, multiple_of=8)  # HR px; 0 takes whole chips
    near: float = Field(0.8, ge=0, le=1)  # share of the crops that lie about a building: most chips have none or few
    learning_rate: float = Field(4e-3, gt=0)
    seed: int = 31


class BuildingSettings(Settings):
    """When a building counts as found: `centre`, or `iou 0.5`, an intersection over union of so much or more."""

    rules: tuple[str, ...] = ("centre", "iou 0.25", "iou 0.5")  # the first decides, the others stand beside it
    least: float = Field(0.5, ge=0, le=1)  # recall and precision on HR below which a counter cannot judge

    @field_validator("rules")
    @classmethod
    def _known(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            least_iou(rule)
        if not rules:
            raise ValueError("got no rule, expected at least the one that decides")
        return rules


def least_iou(rule: str) -> float | None:
    """Return the intersection over union that a rule asks for, None for `centre`.

    Raises:
        ValueError: neither `centre` nor `iou` and a number above 0 and up to 1.
    """
    if rule == "centre":
        return None
    kind, _, number = rule.partition(" ")
    try:
        found = float(number)
    except ValueError:
        found = 0.0
    if kind != "iou" or not 0 < found <= 1:
        raise ValueError(f"got rule {rule!r}, expected centre, or iou and a number up to 1, such as iou 0.5")
    return found
