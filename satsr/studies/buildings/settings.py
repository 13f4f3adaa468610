"""Settings of the study of buildings: what counts as found."""

from __future__ import annotations

from pydantic import field_validator

from satsr.common.settings import Settings, Share
from satsr.training.counting.settings import rule_of


class BuildingSettings(Settings):
    """When a building counts as found: `centre`, or `iou 0.5`, an intersection over union of so much or more."""

    rules: tuple[str, ...] = ("centre", "iou 0.25", "iou 0.5")  # the first decides, the others stand beside it
    least: Share = 0.5  # recall and precision on HR below which a counter cannot judge

    @field_validator("rules")
    @classmethod
    def _known(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for rule in rules:
            if rule_of(rule).within_px is not None:
                raise ValueError(f"got rule {rule!r}, which is one of pixels, expected centre or such as iou 0.5")
        if not rules:
            raise ValueError("got no rule, expected at least the one that decides")
        return rules
