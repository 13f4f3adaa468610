"""Cars on the roads."""

import numpy as np

from satsr.world.scene import HR_GSD_M, Plan, Road
from satsr.world.town.housing import car_at

# Mean distance between cars of one direction, in HR pixels.
_GAP_PX = {"highway": 14.0, "arterial": 20.0, "street": 55.0, "section": 160.0}
# Middle of the lanes, as a share of the road's width from its center line.
_LANES = {"highway": (0.18, 0.34)}


def drive(plan: Plan, rng: np.random.Generator) -> None:
    """Put cars on the roads, on the right-hand side; busier roads carry more."""
    for road in plan.roads:
        if road.kind in _GAP_PX:
            for side in (-1, 1):
                _fill_lane(road, side, plan, rng)


def _fill_lane(road: Road, side: int, plan: Plan, rng: np.random.Generator) -> None:
    gap = _GAP_PX[road.kind]
    station = rng.exponential(gap)
    while station < road.line.length - 2:
        here, ahead = road.line.interpolate(station), road.line.interpolate(station + 1)
        angle = np.arctan2(ahead.y - here.y, ahead.x - here.x)
        offset = side * road.width_m / HR_GSD_M * rng.choice(_LANES.get(road.kind, (0.22,)))
        plan.vehicles.append(car_at((here.x - offset * np.sin(angle), here.y + offset * np.cos(angle), angle), rng))
        station += 4 + rng.exponential(gap)
