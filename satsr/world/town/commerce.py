"""Where people shop and ship: flat-roofed stores behind car parks, warehouses with loading docks."""

import numpy as np

from satsr.world.blocks import Block
from satsr.world.land.climates import Climate
from satsr.world.scene import Area, Epoch, Grove, Mover, Patch, Plan, Structure, Wing
from satsr.world.town.housing import car_at, pick, pick_epochs, roof

FLAT_ROOFS = tuple(
    ["roof_white", "roof_gravel", "roof_gravel", "roof_metal", "roof_white", "shingle_gray", "shingle_tan"]
)
_SHED_ROOFS = tuple(["roof_white", "roof_metal", "roof_metal", "roof_gravel", "roof_blue", "roof_rust", "roof_green"])
_UNITS = ("roof_metal", "shingle_dark", "concrete")
_TRAILERS = ("car_white", "car_white", "car_silver", "car_blue")
_AISLE_PX = 7.4  # two rows of stalls and the lane between them: 17.7 m
_STALL_PX = 1.15  # 2.75 m


def around(mean: float, spread: float, rng: np.random.Generator) -> float:
    """Draw a positive factor: log-normal with a median of `mean`."""
    return float(mean * np.exp(rng.normal(0, spread)))


def pave(block: Block, material: str, tone: float, plan: Plan, inset: float = 0.6) -> None:
    """Cover a whole block with one material, without trees."""
    plan.areas.append(Area(block.polygon(inset), material, "paved", tone=tone))
    plan.groves.append(Grove(block.polygon(inset), 0.0))


def lawn(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator, trees: float) -> None:
    """Cover a whole block with grass and some trees."""
    area = block.polygon(0.6)
    vigor = float(np.clip(rng.normal(0.75, 0.15), 0.3, 1))
    plan.areas.append(Area(area, climate.dead, "grass", "turf", vigor, around(1, 0.07, rng)))
    plan.groves.append(Grove(area, trees))


def flat_building(
    base: Patch, height_m: float, kind: str, plan: Plan, rng: np.random.Generator, kept: float = 0.93
) -> None:
    """A building with a flat roof: a share of another tone or level, and air handlers."""
    epochs = pick_epochs(rng, kept)
    plan.structures.append(Structure((Wing(base, height_m),), kind, epochs))
    area = base.length * base.width
    if area > 150 and rng.random() < 0.6:
        _other_part(base, height_m, epochs, plan, rng)
    for _ in range(rng.poisson(area / 110)):
        spot = base.moved(*(rng.uniform(-0.42, 0.42, 2) * (base.length, base.width)))
        size = rng.uniform(0.8, 2.4), rng.uniform(0.8, 1.6)
        unit = Patch(*spot, *size, pick(_UNITS, rng), epochs=epochs)
        plan.roof_things.append(Wing(unit, height_m + rng.uniform(1, 2.2)))


def _other_part(base: Patch, height_m: float, epochs: tuple[Epoch, ...], plan: Plan, rng: np.random.Generator) -> None:
    share = rng.uniform(0.2, 0.6)
    spot = base.moved(rng.choice([-1, 1]) * base.length * (1 - share) / 2, 0)
    tone = base.tone * rng.uniform(0.75, 1.2)
    part = Patch(*spot, base.length * share, base.width, base.material, tone=tone, epochs=epochs)
    plan.roof_things.append(Wing(part, height_m + rng.choice([0.0, 1.5])))


def parking(lot: Patch, climate: Climate, plan: Plan, rng: np.random.Generator, fill: tuple[float, float]) -> None:
    """A car park: rows of stalls along its length, planted islands.

    Args:
        lot: Its outline.
        climate: Decides whether islands are planted.
        plan: Receives it.
        rng: Source of randomness.
        fill: Share of taken stalls in the first and in the last row; the last one is nearest to the door.
    """
    material = pick(("asphalt_old", "asphalt_new", "asphalt_old"), rng)
    plan.patches.append(Patch(*lot.box, material, "parking", tone=rng.uniform(0.85, 1.15)))
    lanes = max(1, int(lot.width / _AISLE_PX))
    module = lot.width / lanes
    planted = climate.cover > 0.2 or rng.random() < 0.5
    for lane, share in enumerate(np.linspace(*fill, lanes)):
        middle = (lane + 0.5) * module - lot.width / 2
        for side in (-1, 1):
            _stall_row(lot, middle + side * (module / 2 - 1.25), share, plan, rng)
        if planted:
            _islands(lot, middle + module / 2, plan, rng)


def _stall_row(lot: Patch, across: float, share: float, plan: Plan, rng: np.random.Generator) -> None:
    """Cars in one row, in clusters: people park beside each other."""
    stalls = np.arange(int((lot.length - 3) / _STALL_PX))
    crowd = share + 0.35 * np.sin(stalls * rng.uniform(0.1, 0.3) + rng.uniform(0, 6))
    for i in np.flatnonzero(rng.random(stalls.size) < crowd):
        along = (i - stalls.size / 2 + 0.5) * _STALL_PX
        plan.vehicles.append(car_at(lot.moved(along, across, np.pi / 2), rng))


def _islands(lot: Patch, across: float, plan: Plan, rng: np.random.Generator) -> None:
    """Planted strips between the rows."""
    for along in np.arange(6 - lot.length / 2, lot.length / 2 - 4, rng.uniform(13, 20)):
        spot = lot.moved(along, across - 0.4)
        plan.patches.append(Patch(*spot, 4.0, 1.3, "thatch", "grass", "turf", 0.7))
        if rng.random() < 0.75:
            plan.street_trees.append((spot[0], spot[1], rng.uniform(0.8, 1.5)))


def store(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """A large store or a strip of shops at the back of a car park."""
    pave(block, "asphalt_old", rng.uniform(0.85, 1.1), plan)
    deep = min(block.depth * rng.uniform(0.32, 0.45), 42)
    size = (block.length * rng.uniform(0.6, 0.9), deep)
    place = block.at(block.length * rng.uniform(0.45, 0.55), block.depth - deep / 2 - 5)
    flat_building(
        roof(place, size, pick(FLAT_ROOFS, rng), around(0.95, 0.14, rng)),
        rng.uniform(6, 10), "store", plan, rng,
    )  # fmt: skip
    front = block.depth - deep - 13
    if front > 6:
        lot = Patch(*block.at(block.length / 2, 3.5 + front / 2), block.length - 7, front, "")
        parking(lot, climate, plan, rng, (0.0, rng.uniform(0.2, 0.7)))
    rim = block.polygon(0.6).difference(block.polygon(3.0))
    plan.groves.append(Grove(rim, 0.12 * (climate.cover > 0.2)))


def warehouse(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Warehouses with loading docks and trailers, on a yard of concrete, asphalt or gravel."""
    pave(block, pick(("concrete", "asphalt_old", "gravel"), rng), rng.uniform(0.6, 0.95), plan)
    count = max(1, int(block.length / rng.uniform(45, 80)))
    width = block.length / count
    for i in range(count):
        size = (width - rng.uniform(8, 14), block.depth * rng.uniform(0.45, 0.65))
        place = block.at((i + 0.5) * width, block.depth - size[1] / 2 - 4)
        shed = roof(place, size, pick(_SHED_ROOFS, rng), rng.uniform(0.7, 1.1))
        flat_building(shed, rng.uniform(8, 13), "warehouse", plan, rng)
        _docks(shed, plan, rng)
    depth = block.depth * 0.15
    if depth > 6:
        lot = Patch(*block.at(block.length * 0.3, 3 + depth / 2), block.length * 0.45, depth, "")
        parking(lot, climate, plan, rng, (0.2, 0.7))


def _docks(shed: Patch, plan: Plan, rng: np.random.Generator) -> None:
    """Trailers backed up to the long side of a warehouse."""
    for along in np.arange(1 - shed.length / 2, shed.length / 2 - 1, 1.7):
        if rng.random() < 0.45:
            spot = shed.moved(along, -shed.width / 2 - 4.2, np.pi / 2)
            trailer = Patch(*spot, 6.2, 1.1, pick(_TRAILERS, rng), tone=rng.uniform(0.8, 1.1))
            plan.vehicles.append(Mover(trailer, "truck", 4.0))
