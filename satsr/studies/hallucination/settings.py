"""Settings of the study of what outputs invent."""

from __future__ import annotations

from pydantic import field_validator

from satsr.common.settings import Settings
from satsr.metrics.facts import find_metric


class HallucinationSettings(Settings):
    """What is asked of outputs beside the buildings that they invent."""

    metrics: tuple[str, ...] = ("hallucination", "omission")  # of opensr-test; none leaves them out, for time
    variants: bool = True  # count in the variants of the studies of the CLIP loss and of the number of images too

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            find_metric(name)
        return names
