"""Settings of the page on intervals."""

from __future__ import annotations

from pydantic import Field, field_validator

from satsr.common.settings import Settings
from satsr.models.methods import find_method


class UncertaintySettings(Settings):
    """How intervals are fitted and tested.

    Attributes:
        methods: names of methods that are trained.
        views: outputs of one input whose spread is told.
        val_chips: of the validation split, spread evenly over its regions; 0 takes all.
        test_chips: of the test split, likewise.
        samples: pixels that the regression sees.
    """

    methods: tuple[str, ...] = ("highresnet", "esrgan", "satdiffmoe")
    views: int = Field(4, ge=2, le=8)
    val_chips: int = Field(0, ge=0)
    test_chips: int = Field(0, ge=0)
    samples: int = Field(1500, ge=100)

    @field_validator("methods")
    @classmethod
    def _trained(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        if without := [name for name in methods if not find_method(name).learns]:
            raise ValueError(f"got {', '.join(without)}, expected methods that are trained")
        return methods
