"""Land of a town without houses: schools with sports fields, parks, building sites."""

import numpy as np
from shapely.geometry import LineString, Point

from satsr.world.blocks import Block
from satsr.world.land.climates import Climate
from satsr.world.scene import Area, Grove, Patch, Plan
from satsr.world.town.commerce import FLAT_ROOFS, flat_building, lawn, parking
from satsr.world.town.housing import NEW_ONLY, pick, roof


def _path(block: Block, points: np.ndarray) -> LineString:
    """Line through (k, 2) points given as shares of a block's length and depth."""
    return LineString([block.at(s * block.length, t * block.depth)[:2] for s, t in points])


def school(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """A school: building, car park, running track with a football field, a ball diamond where there is room."""
    lawn(block, climate, plan, rng, 0.01)
    third, depth = block.length / 3, block.depth
    size = (min(third * 0.75, 38), min(depth * 0.4, 22))
    main = roof(block.at(third * 0.55, depth * 0.6), size, pick(FLAT_ROOFS, rng), 1.0)
    flat_building(main, 7, "school", plan, rng, kept=1.0)
    lot = Patch(*block.at(third * 0.55, depth * 0.18), third * 0.8, min(depth * 0.25, 15), "")
    parking(lot, climate, plan, rng, (0.3, 0.7))
    _track(*block.at(third * 1.75, depth / 2), plan, rng)
    if block.length > 120:
        home = Point(*block.at(block.length - 24, depth / 2)[:2])
        plan.areas.append(Area(home.buffer(13), "soil_tan", "sport"))
        plan.areas.append(Area(home.buffer(8), climate.dead, "sport", "turf", 0.9))


def _track(x: float, y: float, angle: float, plan: Plan, rng: np.random.Generator) -> None:
    """A 400 m track round a mown field (World Athletics: radius 36.5 m, straights 84.4 m)."""
    east, south = np.cos(angle), np.sin(angle)
    spine = LineString([(x - 17.6 * east, y - 17.6 * south), (x + 17.6 * east, y + 17.6 * south)])
    surface = pick(("track_red", "track_red", "asphalt_old"), rng)
    plan.groves.append(Grove(spine.buffer(20), 0.0))
    plan.areas.append(Area(spine.buffer(19), surface, "sport"))
    plan.areas.append(Area(spine.buffer(15.2), "thatch", "sport", "turf", 0.9))
    plan.patches.append(Patch(x, y, angle, 46, 20.5, "thatch", "sport", "turf", rng.uniform(0.7, 1), 1.1))
    for along in np.linspace(-19, 19, 5):
        spot = (x + along * east, y + along * south, angle)
        plan.patches.append(Patch(*spot, 2.4, 20, "thatch", "sport", "turf", 0.95, 1.22))


def park(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Grass, groups of trees, a path, courts and sometimes a pond."""
    lawn(block, climate, plan, rng, 0.12 + 0.25 * climate.forest)
    path = _path(block, np.stack([[0.03, 0.5, 0.97], rng.uniform(0.15, 0.85, 3)], -1))
    plan.areas.append(Area(path.buffer(0.8), "concrete", "paved", tone=0.85))
    if block.depth < 30:
        return
    court = block.at(block.length * 0.75, block.depth * 0.5)
    material = pick(("court_green", "court_blue", "soil_tan"), rng)
    plan.patches.append(Patch(*court, 15, 15.6, material, "sport"))
    plan.patches.append(Patch(*court, 0.5, 15.6, material, "sport", tone=1.6))
    if rng.random() < 0.4:
        middle = Point(*block.at(block.length * 0.3, block.depth * 0.5)[:2])
        pond = middle.buffer(rng.uniform(4, 9))
        plan.areas.append(Area(pond, climate.clear, "water"))
        plan.groves.append(Grove(pond, 0.0))


def construction(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Graded earth with dirt tracks and a first slab; the old epoch still shows what grew there."""
    area = block.polygon(0.6)
    plan.groves.append(Grove(area, 0.0, NEW_ONLY))
    plan.areas.append(Area(area, climate.bare, "bare", "grass", 0.12, rng.uniform(0.9, 1.1), NEW_ONLY))
    for _ in range(4):
        track = _path(block, rng.uniform(0.1, 0.9, (3, 2))).buffer(rng.uniform(0.6, 1.6))
        tone = rng.uniform(0.85, 1.2)
        plan.areas.append(Area(track, climate.bare, "bare", tone=tone, epochs=NEW_ONLY))
    slab = block.at(block.length * 0.6, block.depth * 0.5)
    plan.patches.append(Patch(*slab, 14, 9, "concrete", "paved", epochs=NEW_ONLY))
