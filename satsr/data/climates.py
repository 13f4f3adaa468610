"""Which climate of the embedded world a place lies in."""

from __future__ import annotations

from satsr.data.pairs import Pairs
from satsr.world.land.climates import CLIMATES


def climate_of(pairs: Pairs, tile: str) -> str:
    """Return the climate of a place, which the name of its HR image tells.

    Raises:
        ValueError: the name tells none: the data are not of the embedded world.
    """
    name = pairs.chips.uuid(tile)
    for climate in CLIMATES:
        if climate.name in name:
            return climate.name
    raise ValueError(f"{tile}: its image {name} tells no climate, expected data of the embedded world")
