"""A region's plan: which land is farm, town or wild, its roads, and what is built on every block."""

from collections.abc import Callable

import numpy as np
import shapely
from shapely.geometry import LineString, MultiPoint

from satsr.world.blocks import ROAD_WIDTH_PX, Block, Cut, Rule, StreetGrid, subdivide
from satsr.world.land.climates import Climate
from satsr.world.land.farmland import Seasons, till
from satsr.world.land.terrain import Terrain
from satsr.world.scene import EPOCHS, HR_GSD_M, MARGIN_PX, Area, Grove, Plan, Road
from satsr.world.town import civic, commerce, downtown, housing
from satsr.world.town.conflicts import clear_buildings, clear_movers
from satsr.world.town.harbor import build_marina
from satsr.world.town.traffic import drive

Builder = Callable[[Block, Climate, Plan, np.random.Generator], None]


def _farm_road(side: float, rng: np.random.Generator) -> str:
    if side > 460:
        return "section"
    return "track" if rng.random() < 0.35 else "edge"


def _town_road(side: float, rng: np.random.Generator) -> str:
    return "arterial" if side > 420 or (side > 250 and rng.random() < 0.3) else "street"


def _trade_road(side: float, rng: np.random.Generator) -> str:
    if side > 640:
        return "highway"
    return "arterial" if side > 250 else "street"


_RULES = {
    "wild": Rule("wild", 1e9, 1e9, _farm_road, 0.0),
    "sections": Rule("farm", 165, 330, _farm_road, 0.03),
    "farm": Rule("farm", 78, 150, _farm_road, 0.14),
    "homes": Rule("homes", 38, 120, _town_road, 0.05),
    "downtown": Rule("downtown", 42, 60, _town_road, 0.03),
    "trade": Rule("trade", 84, 132, _trade_road, 0.06),
}
_TOWN_RULE = {
    "suburb": "homes",
    "village": "homes",
    "waterfront": "homes",
    "urban": "downtown",
    "commercial": "trade",
}

# What stands on a block of a zone, with its share.
_USES: dict[str, dict[Builder, float]] = {
    "homes": {
        housing.residential: 0.86,
        civic.park: 0.06,
        civic.construction: 0.025,
        downtown.apartments: 0.055,
    },
    "downtown": {
        downtown.shops: 0.6,
        downtown.apartments: 0.14,
        civic.park: 0.07,
        housing.residential: 0.19,
    },
    "trade": {
        commerce.store: 0.42,
        commerce.warehouse: 0.32,
        downtown.apartments: 0.08,
        civic.park: 0.12,
        civic.construction: 0.06,
    },
}


def _frame(size_px: int, climate: Climate, settlement: str, rng: np.random.Generator) -> StreetGrid:
    straight = climate.plains or settlement in ("urban", "commercial")
    angle = rng.normal(0, 0.02) if climate.plains else rng.uniform(-0.7, 0.7)
    bend = rng.uniform(0, 1.5) if straight else rng.uniform(7, 15)
    return StreetGrid(size_px / 2, float(angle), float(bend), rng.uniform(330, 440), tuple(rng.uniform(0, 6.28, 2)))


def _rule_at(size_px: int, climate: Climate, settlement: str) -> Callable[[float, float, float], Rule]:
    """Choose rules by place: a village is a disc of town in farmland, a town with a shore covers its land."""
    country = _RULES["sections" if climate.plains else "farm"]

    def rule(x: float, y: float, side: float) -> Rule:
        if settlement == "wild":
            return _RULES["wild"]
        far = np.hypot(x - size_px / 2, y - size_px / 2) > max(0.34 * size_px, 60)
        if settlement == "rural" or (settlement == "village" and (far or side > 330)):
            return country
        return _RULES[_TOWN_RULE[settlement]]

    return rule


def _dry_runs(cut: Cut, terrain: Terrain, bridged: bool) -> list[LineString]:
    """Parts of a cut that stay on land; main roads cross streams on bridges."""
    points = shapely.get_coordinates(cut.line.segmentize(3))
    if bridged:
        return [LineString(points)]
    dry = terrain.shore_at(*points.T) > ROAD_WIDTH_PX[cut.kind] / 2 + 2
    starts = np.flatnonzero(np.diff(np.concatenate([[0], dry.astype(int), [0]])))
    return [LineString(points[a:b]) for a, b in starts.reshape(-1, 2) if b - a > 5]


def _add_roads(cuts: list[Cut], terrain: Terrain, plan: Plan) -> None:
    for cut in cuts:
        if cut.kind == "edge":
            continue
        bridged = terrain.kind in ("creek", "river", "wash") and cut.kind in (
            "highway",
            "arterial",
            "section",
        )
        for line in _dry_runs(cut, terrain, bridged):
            plan.roads.append(Road(line, ROAD_WIDTH_PX[cut.kind] * HR_GSD_M, cut.kind))


def _trail(size_px: int, terrain: Terrain, plan: Plan, rng: np.random.Generator) -> None:
    """A dirt road that winds across wild land."""
    t = np.linspace(-0.2, 1.2, 60) * size_px
    sway = size_px * (0.12 * np.sin(t / 90 + rng.uniform(0, 6)) + 0.04 * np.sin(t / 31 + rng.uniform(0, 6)))
    angle, offset = rng.uniform(0, np.pi), rng.uniform(0.3, 0.7) * size_px
    a, b = t - size_px / 2, sway + offset - size_px / 2
    xy = np.stack([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], -1) + size_px / 2
    for line in _dry_runs(Cut(LineString(xy), "track"), terrain, bridged=False):
        plan.roads.append(Road(line, ROAD_WIDTH_PX["track"] * HR_GSD_M, "track"))


def _clearings(size_px: int, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Cut woods: one stand still stood in the old epoch, another was bare then and has grown back."""
    for epoch in EPOCHS:
        middle = rng.uniform(0.1, 0.9, 2) * size_px
        stand = MultiPoint(middle + rng.normal(0, 30, (7, 2))).convex_hull
        plan.areas.append(Area(stand, climate.dead, "grass", "grass", 0.5 * climate.cover, epochs=(epoch,)))
        plan.groves.append(Grove(stand, 0.02, (epoch,)))


def _on_land(block: Block, terrain: Terrain, clearance: float) -> bool:
    return bool((terrain.shore_at(*shapely.get_coordinates(block.polygon()).T) > clearance).all())


def _visible(block: Block, size_px: int) -> bool:
    x0, y0, x1, y1 = block.polygon().bounds
    reach = size_px + MARGIN_PX
    return x1 > -MARGIN_PX and y1 > -MARGIN_PX and x0 < reach and y0 < reach


def _build(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator, first: bool) -> None:
    """Choose a use for a town block; the first one large enough becomes the school."""
    if first and block.zone != "downtown":
        civic.school(block, climate, plan, rng)
        return
    uses = _USES[block.zone]
    use = list(uses)[int(rng.choice(len(uses), p=list(uses.values())))]
    if use is housing.residential and climate.cover > 0.2:
        # Older neighborhoods have more and larger trees.
        plan.groves.append(Grove(block.polygon(), 0.02 + 0.3 * climate.forest * rng.random() ** 1.5))
    use(block, climate, plan, rng)


def _merge_for_school(blocks: list[Block], plan: Plan) -> list[Block]:
    """Join two neighboring blocks of homes into land for a school; the street between them goes."""
    for a in blocks:
        for b in blocks:
            aligned = abs(a.u0 - b.u0) < 2 and abs(a.u1 - b.u1) < 2 and 0 < b.v0 - a.v1 < 8
            if aligned and a.zone == b.zone == "homes" and a.along_u and a.length > 95:
                joined = Block(a.frame, a.u0, a.v0, a.u1, b.v1, a.zone)
                _close_streets(joined.polygon(-0.5), plan)
                return [joined, *(c for c in blocks if c is not a and c is not b)]
    return blocks


def _close_streets(land: shapely.Polygon, plan: Plan) -> None:
    """Remove the parts of streets that cross a piece of land."""
    roads: list[Road] = []
    for road in plan.roads:
        rest = road.line.difference(land)
        parts = [rest] if isinstance(rest, LineString) else list(rest.geoms)
        roads.extend(Road(part, road.width_m, road.kind) for part in parts if part.length > 3)
    plan.roads = roads


def _settle_blocks(
    blocks: list[Block],
    terrain: Terrain,
    climate: Climate,
    seasons: Seasons,
    plan: Plan,
    rng: np.random.Generator,
) -> None:
    for block, child in zip(blocks, rng.spawn(len(blocks)), strict=True):
        if block.zone == "farm":
            wooded = child.random() < climate.forest * 0.7 or terrain.forest.mean() > 0.9
            if wooded or not _on_land(block, terrain, -30):
                continue
            till(block, climate, seasons, plan, child)
            if child.random() < 0.3 and min(block.depth, block.length) > 50 and _on_land(block, terrain, 3):
                housing.farmyard(block, climate, plan, child)
        elif block.zone != "wild" and _on_land(block, terrain, 2) and block.depth > 9:
            _build(block, climate, plan, child, first=block.depth > 50 and block.zone == "homes")


def draw_plan(
    size_px: int,
    terrain: Terrain,
    climate: Climate,
    settlement: str,
    seasons: Seasons,
    rng: np.random.Generator,
) -> Plan:
    """Plan a region of `size_px` HR pixels; crops' seasons are added to `seasons`."""
    plan = Plan()
    frame = _frame(size_px, climate, settlement, rng)
    half = (size_px / 2 + MARGIN_PX) * (abs(np.cos(frame.angle)) + abs(np.sin(frame.angle))) + frame.bend_px
    blocks, cuts = subdivide(frame, half, _rule_at(size_px, climate, settlement), rng)
    _add_roads(cuts, terrain, plan)
    blocks = _merge_for_school([b for b in blocks if _visible(b, size_px)], plan)
    if settlement in ("wild", "rural") and climate.forest > 0.3:
        _clearings(size_px, climate, plan, rng)
    if settlement == "wild":
        _trail(size_px, terrain, plan, rng)
    _settle_blocks(blocks, terrain, climate, seasons, plan, rng)
    if settlement == "waterfront":
        build_marina(terrain, plan, rng)
    drive(plan, rng)
    clear_buildings(plan, terrain)
    clear_movers(plan, terrain)
    return plan
