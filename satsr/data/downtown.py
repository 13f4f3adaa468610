"""Where people work and shop: stores behind car parks, warehouses, towers, schools, parks and marinas."""

import numpy as np
from shapely.geometry import LineString, Point

from satsr.data.blocks import Block
from satsr.data.climates import Climate
from satsr.data.housing import NEW_ONLY, car_at, pick, pick_epochs
from satsr.data.scene import Area, Grove, Mover, Patch, Plan, Structure, Wing

_FLAT_ROOFS = ("roof_white", "roof_gravel", "roof_gravel", "roof_metal", "roof_white", "shingle_gray", "shingle_tan")
_AISLE_PX = 7.4  # two rows of stalls and the lane between them: 17.7 m
_STALL_PX = 1.15  # 2.75 m


def ground(block: Block, material: str, cover: str, plan: Plan, tone: float = 1.0, inset: float = 0.6) -> None:
    """Pave a whole block with one material."""
    plan.areas.append(Area(block.polygon(inset), material, cover, tone=tone))
    plan.groves.append(Grove(block.polygon(inset), 0.0))


def lawn(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator, trees: float) -> None:
    """Cover a block with grass and some trees."""
    area = block.polygon(0.6)
    vigor = float(np.clip(rng.normal(0.75, 0.15), 0.3, 1))
    plan.areas.append(Area(area, climate.dead, "grass", "turf", vigor, float(np.exp(rng.normal(0, 0.07)))))
    plan.groves.append(Grove(area, trees))


def flat_building(base: Patch, height_m: float, kind: str, plan: Plan, rng: np.random.Generator, kept: float = 0.93) -> None:
    """A flat roof with a parapet shade, patches of other tones and rows of air handlers."""
    epochs = pick_epochs(rng, kept)
    plan.structures.append(Structure((Wing(base, height_m),), kind, epochs))
    area = base.length * base.width
    for _ in range(rng.poisson(area / 110)):
        spot = base.moved(*(rng.uniform(-0.42, 0.42, 2) * (base.length, base.width)))
        unit = Patch(*spot, rng.uniform(0.9, 2.6), rng.uniform(0.8, 1.6), pick(("roof_metal", "shingle_dark", "concrete"), rng), epochs=epochs)
        plan.roof_things.append(Wing(unit, height_m + rng.uniform(1, 2.2)))
    if area > 150 and rng.random() < 0.6:
        share = rng.uniform(0.2, 0.6)
        spot = base.moved(rng.choice([-1, 1]) * base.length * (1 - share) / 2, 0)
        other = Patch(*spot, base.length * share, base.width, base.material, tone=base.tone * rng.uniform(0.75, 1.2), epochs=epochs)
        plan.roof_things.insert(0, Wing(other, height_m + rng.choice([0.0, 1.5])))


def parking(lot: Patch, climate: Climate, plan: Plan, rng: np.random.Generator, fill: tuple[float, float]) -> None:
    """A car park: rows of stalls along its length, islands with trees, more cars toward positive `across`."""
    plan.patches.append(Patch(*lot.box, pick(("asphalt_old", "asphalt_new", "asphalt_old"), rng), "parking", tone=rng.uniform(0.85, 1.15)))
    lanes = max(1, int(lot.width / _AISLE_PX))
    module = lot.width / lanes
    stalls = int((lot.length - 3) / _STALL_PX)
    for lane in range(lanes):
        share = fill[0] + (fill[1] - fill[0]) * (lane + 0.5) / lanes
        for side in (-1, 1):
            across = -lot.width / 2 + (lane + 0.5) * module + side * (module / 2 - 1.25)
            _stall_row(lot, across, stalls, share, plan, rng)
        if climate.cover > 0.2 or rng.random() < 0.5:
            _islands(lot, -lot.width / 2 + (lane + 1) * module, plan, rng)


def _stall_row(lot: Patch, across: float, stalls: int, share: float, plan: Plan, rng: np.random.Generator) -> None:
    """Cars in one row, in clusters: people park beside each other."""
    crowd = share + 0.35 * np.sin(np.arange(stalls) * rng.uniform(0.1, 0.3) + rng.uniform(0, 6))
    line = lot.moved(0, across)
    for i in np.flatnonzero(rng.random(stalls) < crowd):
        along = (i - stalls / 2 + 0.5) * _STALL_PX
        plan.vehicles.append(car_at(lot.moved(along, across, np.pi / 2), rng))


def _islands(lot: Patch, across: float, plan: Plan, rng: np.random.Generator) -> None:
    """Planted strips between the rows."""
    for along in np.arange(-lot.length / 2 + 6, lot.length / 2 - 4, rng.uniform(13, 20)):
        spot = lot.moved(along, across - 0.4)
        plan.patches.append(Patch(*spot, 4.0, 1.3, "thatch", "grass", "turf", 0.7))
        if rng.random() < 0.75:
            plan.orchard.append((spot[0], spot[1], rng.uniform(0.8, 1.5)))


def store(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """A large store or a strip of shops at the back of a car park."""
    ground(block, "asphalt_old", "paved", plan, rng.uniform(0.85, 1.1))
    deep = min(block.depth * rng.uniform(0.32, 0.45), 42)
    long = block.length * rng.uniform(0.6, 0.9)
    x, y, angle = block.at(block.length / 2 + rng.uniform(-0.05, 0.05) * block.length, block.depth - deep / 2 - 5)
    roof = Patch(x, y, angle, long, deep, pick(_FLAT_ROOFS, rng), "building", tone=float(np.exp(rng.normal(-0.05, 0.14))))
    flat_building(roof, rng.uniform(6, 10), "store", plan, rng)
    lot_depth = block.depth - deep - 13
    if lot_depth > 6:
        x, y, angle = block.at(block.length / 2, 3.5 + lot_depth / 2)
        parking(Patch(x, y, angle, block.length - 7, lot_depth, ""), climate, plan, rng, (0.0, rng.uniform(0.2, 0.7)))
    plan.groves.append(Grove(block.polygon(0.6).difference(block.polygon(3.0)), 0.12 * (climate.cover > 0.2)))


def warehouse(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Warehouses with loading docks and trailers, on a yard of concrete or gravel."""
    ground(block, pick(("concrete", "asphalt_old", "gravel"), rng), "paved", plan, rng.uniform(0.6, 0.95))
    count = max(1, int(block.length / rng.uniform(45, 80)))
    width = block.length / count
    for i in range(count):
        long, deep = width - rng.uniform(8, 14), block.depth * rng.uniform(0.45, 0.65)
        x, y, angle = block.at((i + 0.5) * width, block.depth - deep / 2 - 4)
        roof = Patch(x, y, angle, long, deep, pick(("roof_white", "roof_metal", "roof_metal", "roof_gravel", "roof_blue", "roof_rust", "roof_green"), rng), "building", tone=rng.uniform(0.7, 1.1))
        flat_building(roof, rng.uniform(8, 13), "warehouse", plan, rng)
        for along in np.arange(-long / 2 + 1, long / 2 - 1, 1.7):
            if rng.random() < 0.45:
                spot = roof.moved(along, -deep / 2 - 3.6, np.pi / 2)
                plan.vehicles.append(Mover(Patch(*spot, 6.2, 1.1, pick(("car_white", "car_white", "car_silver", "car_blue"), rng), tone=rng.uniform(0.8, 1.1)), "truck", 4.0))
    free = block.depth * 0.3
    if free > 12:
        x, y, angle = block.at(block.length * 0.3, 3 + free / 4)
        parking(Patch(x, y, angle, block.length * 0.45, free / 2, ""), climate, plan, rng, (0.2, 0.7))


def downtown(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Buildings of different heights wall to wall along both sides, courts and car parks between them."""
    ground(block, "concrete", "paved", plan, rng.uniform(0.6, 0.85), 0.0)
    rows = 2 if block.depth > 20 else 1
    depth = block.depth / rows
    tall = rng.random() < 0.35
    for row in range(rows):
        s = 1.0
        while s < block.length - 6:
            width = min(rng.uniform(6, 19), block.length - 1 - s)
            deep = depth * rng.uniform(0.55, 0.95) - 1
            t = 1 + deep / 2 if row == 0 else block.depth - 1 - deep / 2
            x, y, angle = block.at(s + width / 2, t)
            if width > 10 and rng.random() < 0.2:
                parking(Patch(x, y, angle, width - 1, deep, ""), climate, plan, rng, (0.4, 0.8))
            else:
                height = rng.uniform(15, 42) if tall and rng.random() < 0.4 else rng.uniform(5, 14)
                roof = Patch(x, y, angle, width - 0.3, deep, pick((*_FLAT_ROOFS, "shingle_dark", "roof_rust"), rng), "building", tone=float(np.exp(rng.normal(-0.1, 0.2))))
                flat_building(roof, height, "tower" if height > 15 else "shop", plan, rng, 0.96)
            s += width
    rim = LineString([block.at(s, t)[:2] for s, t in ((0, 0), (block.length, 0), (block.length, block.depth), (0, block.depth), (0, 0))])
    plan.groves.append(Grove(rim.buffer(0.8), 0.18 * (climate.cover > 0.2)))


def apartments(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Long gabled or flat blocks of flats on a lawn, with parking strips between."""
    lawn(block, climate, plan, rng, 0.08 + 0.12 * climate.forest)
    s, material = 5.0, pick((*climate.roofs, "roof_white"), rng)
    while s < block.length - 12:
        long = block.depth - rng.uniform(7, 10)
        x, y, angle = block.at(s + 3.5, block.depth / 2)
        roof = Patch(x, y, angle + np.pi / 2, long, rng.uniform(5.5, 7), material, "building", tone=rng.uniform(0.85, 1.1))
        plan.structures.append(Structure((Wing(roof, rng.uniform(7, 12), rng.choice([0.0, 0.7])),), "apartments", pick_epochs(rng, 0.95)))
        x, y, angle = block.at(s + 11.5, block.depth / 2)
        if s + 16 < block.length:
            parking(Patch(x, y, angle + np.pi / 2, long, 6.6, ""), climate, plan, rng, (0.5, 0.7))
        s += 20.0


def school(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """A school: building, car park, running track with a field, a ball diamond and courts."""
    lawn(block, climate, plan, rng, 0.01)
    third = block.length / 3
    x, y, angle = block.at(third * 0.55, block.depth * 0.6)
    main = Patch(x, y, angle, min(third * 0.75, 38), min(block.depth * 0.4, 22), pick(_FLAT_ROOFS, rng), "building")
    flat_building(main, 7, "school", plan, rng, 1.0)
    x, y, angle = block.at(third * 0.55, block.depth * 0.18)
    parking(Patch(x, y, angle, third * 0.8, min(block.depth * 0.25, 15), ""), climate, plan, rng, (0.3, 0.7))
    x, y, angle = block.at(third * 1.75, block.depth / 2)
    track(x, y, angle, plan, rng)
    if block.length > 120:
        x, y, _ = block.at(block.length - 24, block.depth / 2)
        plan.areas.append(Area(Point(x, y).buffer(13), "soil_tan", "sport"))
        plan.areas.append(Area(Point(x, y).buffer(8), climate.dead, "sport", "turf", 0.9))


def track(x: float, y: float, angle: float, plan: Plan, rng: np.random.Generator) -> None:
    """A 400 m running track round a football field (IAAF standard: radius 36.5 m, straights 84.4 m)."""
    cos, sin = np.cos(angle) * 17.6, np.sin(angle) * 17.6
    spine = LineString([(x - cos, y - sin), (x + cos, y + sin)])
    plan.groves.append(Grove(spine.buffer(20), 0.0))
    plan.areas.append(Area(spine.buffer(19), pick(("track_red", "track_red", "asphalt_old"), rng), "sport"))
    plan.areas.append(Area(spine.buffer(15.2), "thatch", "sport", "turf", 0.9))
    plan.patches.append(Patch(x, y, angle, 46, 20.5, "thatch", "sport", "turf", rng.uniform(0.7, 1), 1.1))
    for along in np.linspace(-19, 19, 9)[::2]:
        spot = (x + along * np.cos(angle), y + along * np.sin(angle), angle)
        plan.patches.append(Patch(*spot, 2.4, 20, "thatch", "sport", "turf", 0.95, 1.22))


def park(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Grass, groups of trees, a path, courts and sometimes a pond."""
    lawn(block, climate, plan, rng, 0.12 + 0.25 * climate.forest)
    path = LineString([block.at(s, t)[:2] for s, t in ((2, rng.uniform(3, block.depth - 3)), (block.length / 2, rng.uniform(3, block.depth - 3)), (block.length - 2, rng.uniform(3, block.depth - 3)))])
    plan.areas.append(Area(path.buffer(0.8), "concrete", "paved", tone=0.85))
    if block.depth > 30:
        x, y, angle = block.at(block.length * 0.75, block.depth * 0.5)
        material = pick(("court_green", "court_blue", "soil_tan"), rng)
        plan.patches.append(Patch(x, y, angle, 15, 15.6, material, "sport"))
        plan.patches.append(Patch(x, y, angle, 0.5, 15.6, material, "sport", tone=1.6))
        pond = Point(*block.at(block.length * 0.3, block.depth * 0.5)[:2]).buffer(rng.uniform(4, 9))
        if rng.random() < 0.4:
            plan.areas.append(Area(pond, climate.clear, "water"))
            plan.groves.append(Grove(pond, 0.0))


def construction(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Graded earth with dirt tracks, a first slab and machines; the old epoch still shows a meadow."""
    area = block.polygon(0.6)
    plan.groves.append(Grove(area, 0.0, NEW_ONLY))
    plan.areas.append(Area(area, climate.bare, "bare", "grass", 0.12, rng.uniform(0.9, 1.1), NEW_ONLY))
    for _ in range(4):
        s, t = rng.uniform(0.1, 0.9, (2, 3)) * [[block.length], [block.depth]]
        line = LineString([block.at(*p)[:2] for p in zip(s, t, strict=True)])
        plan.areas.append(Area(line.buffer(rng.uniform(0.6, 1.6)), climate.bare, "bare", tone=rng.uniform(0.85, 1.2), epochs=NEW_ONLY))
    x, y, angle = block.at(block.length * 0.6, block.depth * 0.5)
    plan.patches.append(Patch(x, y, angle, 14, 9, "concrete", "paved", epochs=NEW_ONLY))

