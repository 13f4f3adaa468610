"""Order after building: nothing stands on a road, in the water or in another thing."""

import numpy as np
import shapely
from numpy.typing import NDArray

from satsr.world.land.terrain import Terrain
from satsr.world.scene import HR_GSD_M, Plan, mapped


def clear_buildings(plan: Plan, terrain: Terrain) -> None:
    """Drop buildings that stand on a road, in the water or in each other, with what stood on their roofs."""
    buildings = mapped(plan.structures)
    outlines = np.array([b.polygon for b in buildings], dtype=object)
    bad = _on_roads(outlines, plan) | _wet(outlines, terrain) | _doubled(outlines)
    plan.structures = [s for s, drop in zip(plan.structures, bad, strict=True) if not drop]
    plan.buildings = [b for b, drop in zip(buildings, bad, strict=True) if not drop]
    gone = shapely.STRtree(outlines[bad])
    spots = shapely.points(np.array([(w.base.x, w.base.y) for w in plan.roof_things]).reshape(-1, 2))
    orphans = set(gone.query(spots, predicate="intersects")[0].tolist())
    plan.roof_things = [wing for i, wing in enumerate(plan.roof_things) if i not in orphans]


def _on_roads(outlines: NDArray, plan: Plan) -> NDArray[np.bool_]:
    lines = [road.line.buffer(road.width_m / HR_GSD_M / 2 + 0.3) for road in plan.roads]
    return _flags(len(outlines), shapely.STRtree(lines).query(outlines, predicate="intersects")[0])


def _wet(outlines: NDArray, terrain: Terrain) -> NDArray[np.bool_]:
    points, owner = shapely.get_coordinates(outlines, return_index=True)
    return _flags(len(outlines), owner[terrain.shore_at(*points.T) < 1.5])


def _doubled(outlines: NDArray) -> NDArray[np.bool_]:
    """The later one of every pair of overlapping outlines."""
    first, second = shapely.STRtree(outlines).query(outlines, predicate="intersects")
    return _flags(len(outlines), np.maximum(first, second)[first != second])


def _flags(count: int, chosen: NDArray[np.integer]) -> NDArray[np.bool_]:
    flags = np.zeros(count, bool)
    flags[chosen] = True
    return flags


def clear_movers(plan: Plan, terrain: Terrain) -> None:
    """Drop cars in the water or under a roof, and planted trees in the water."""
    tree = shapely.STRtree([b.polygon for b in plan.buildings])
    spots = np.array([(m.base.x, m.base.y) for m in plan.vehicles]).reshape(-1, 2)
    blocked = _flags(len(spots), tree.query(shapely.points(spots), predicate="dwithin", distance=0.9)[0])
    keep = ~blocked & (terrain.shore_at(*spots.T) > 2)
    plan.vehicles = [mover for mover, stays in zip(plan.vehicles, keep, strict=True) if stays]
    trunks = np.array(plan.orchard).reshape(-1, 3)
    plan.orchard = [
        spot for spot, dry in zip(plan.orchard, terrain.shore_at(*trunks[:, :2].T) > 1.5, strict=True) if dry
    ]
