"""Where people live: lots with houses, driveways, lawns, pools and cars; farmyards; apartment blocks."""

import numpy as np

from satsr.world.blocks import Block
from satsr.world.land.climates import Climate
from satsr.world.scene import EPOCHS, Epoch, Grove, Mover, Patch, Plan, Structure, Wing

NEW_ONLY: tuple[Epoch, ...] = ("new",)
_CARS = (
    "car_white",
    "car_silver",
    "car_black",
    "car_silver",
    "car_white",
    "car_red",
    "car_blue",
    "car_black",
)
_CAR_PX = (1.95, 0.8)  # 4.7 m x 1.9 m


def pick(options: tuple[str, ...], rng: np.random.Generator) -> str:
    """Draw one of several names."""
    return options[rng.integers(len(options))]


def car_at(place: tuple[float, float, float], rng: np.random.Generator) -> Mover:
    """A parked or driving car of a common color."""
    x, y, angle = place
    length = _CAR_PX[0] * rng.uniform(0.9, 1.15)
    base = Patch(x, y, angle + rng.normal(0, 0.04), length, _CAR_PX[1], pick(_CARS, rng), tone=rng.uniform(0.7, 1.15))
    return Mover(base, "car", 1.6)


def roof(place: tuple[float, float, float], size: tuple[float, float], material: str, tone: float) -> Patch:
    """A roof of a given size centered at (x, y, angle)."""
    return Patch(*place, *size, material, "building", tone=tone)


def house(
    place: tuple[float, float, float],
    size: tuple[float, float],
    climate: Climate,
    rng: np.random.Generator,
) -> tuple[Wing, ...]:
    """Wings of a house: a gabled body and, for half of the houses, a gabled wing to the front or back."""
    material, tone = pick(climate.roofs, rng), float(np.exp(rng.normal(0, 0.16)))
    body = roof(place, size, material, tone)
    height, pitch = rng.uniform(3.0, 5.5), rng.uniform(0.7, 1.3)
    wings = [Wing(body, height, pitch)]
    if rng.random() < 0.55:
        length, width = size[1] * rng.uniform(1.1, 1.5), size[0] * rng.uniform(0.35, 0.5)
        side, front = rng.choice([-1, 1], 2)
        spot = body.moved(side * (size[0] - width) / 2, front * length * 0.25, np.pi / 2)
        wings.append(Wing(roof(spot, (length, width), material, tone), height, pitch))
    return tuple(wings)


def _yard(lot: Patch, front: float, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Pool, shed and backyard trees, behind the house."""
    back = -front
    if rng.random() < climate.pools:
        spot = lot.moved(rng.uniform(-0.2, 0.2) * lot.length, back * lot.width * 0.3)
        size = (rng.uniform(2.6, 4.2), rng.uniform(1.6, 2.2))
        plan.patches.append(Patch(*spot, size[0] + 1.6, size[1] + 1.6, "concrete", "paved"))
        plan.patches.append(Patch(*spot, *size, "pool", "pool", tone=rng.uniform(0.85, 1.1)))
    elif rng.random() < 0.22:
        spot = lot.moved(rng.uniform(-0.3, 0.3) * lot.length, back * lot.width * 0.36)
        shed = roof(spot, (rng.uniform(1.2, 2), rng.uniform(1, 1.6)), "roof_metal", rng.uniform(0.5, 1))
        plan.structures.append(Structure((Wing(shed, 2.5, 0.5),), "shed"))
    if climate.cover > 0.2:
        area = Patch(*lot.moved(0, back * lot.width * 0.3), lot.length * 0.9, lot.width * 0.35, "soil_brown")
        plan.yards.append((area, rng.uniform(0, 0.5) * (0.3 + climate.forest)))


def _lawn(lot: Patch, climate: Climate, rng: np.random.Generator) -> Patch:
    """The lot's ground: a lawn of its own vigor, or gravel and desert plants."""
    dry = climate.cover < 0.2 and rng.random() < 0.75
    vigor = rng.uniform(0, 0.15) if dry else np.clip(rng.normal(0.75, 0.2), 0.2, 1)
    ground = "gravel" if dry else climate.dead
    return Patch(*lot.box, ground, "bare" if dry else "grass", "turf", float(vigor), float(np.exp(rng.normal(0, 0.09))))


def lot(land: Patch, front: float, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Build on one lot.

    Args:
        land: The lot; its length runs along the street.
        front: +1 if the street lies on the side of positive `across`, else -1.
        climate: Decides on roofs, lawns and pools.
        plan: Receives what is built.
        rng: Source of randomness.
    """
    epochs = EPOCHS if rng.random() < 0.93 else NEW_ONLY
    plan.patches.append(_lawn(land, climate, rng))
    size = (min(land.length - 2.0, rng.uniform(5.2, 8.2)), rng.uniform(3.6, 5.4))
    setback = rng.uniform(2.4, 4.2)
    shift = rng.uniform(-0.5, 0.5) * max(land.length - size[0] - 2, 0)
    center = front * (land.width / 2 - setback - size[1] / 2 - 0.8)
    place = land.moved(shift, center, rng.normal(0, 0.03))
    plan.structures.append(Structure(house(place, size, climate, rng), "house", epochs))
    if epochs == NEW_ONLY:
        plan.patches.append(Patch(*land.box, climate.bare, "bare", tone=rng.uniform(0.9, 1.15), epochs=("old",)))
    side = rng.choice([-1, 1]) * (size[0] / 2 - 1.0)
    run = setback + 1.4
    drive = land.moved(shift + side, front * (land.width / 2 - run / 2 + 0.4))
    plan.patches.append(Patch(*drive, 1.7, run, pick(("concrete", "concrete", "asphalt_old"), rng), "paved"))
    if rng.random() < 0.4:
        plan.vehicles.append(car_at((drive[0], drive[1], drive[2] + np.pi / 2), rng))
    _yard(land, front, climate, plan, rng)


def residential(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Fill a block with one or two rows of lots that face its long sides."""
    rows = 2 if block.depth > 22 else 1
    depth = block.depth / rows
    wanted = rng.uniform(9.0, 13.5)
    count = max(1, int(block.length / wanted))
    width = block.length / count
    for row in range(rows):
        front = -1.0 if row == 0 else 1.0
        for i in range(count):
            x, y, angle = block.at((i + 0.5) * width, (row + 0.5) * depth)
            land = Patch(x, y, angle, width * 0.97, depth, climate.soil)
            lot(land, front, climate, plan, rng)


def farmyard(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """A farm in a corner of a field: house, barns round a gravel yard, silos and a ring of trees."""
    corner = rng.choice([22.0, block.length - 22.0]), rng.choice([17.0, block.depth - 17.0])
    yard = Patch(*block.at(*corner), 34, 26, climate.dead, "grass", "turf", 0.75)
    plan.groves.append(Grove(yard.polygon.buffer(7), 0.10 + 0.25 * climate.forest))
    plan.patches.append(yard)
    plan.patches.append(Patch(*yard.moved(4, 0), 17, 11, "gravel", "bare", tone=rng.uniform(0.85, 1.1)))
    home = yard.moved(-11, rng.uniform(-4, 4), rng.choice([0, np.pi / 2]))
    plan.structures.append(Structure(house(home, (7, 4.5), climate, rng), "house"))
    _barns(yard, plan, rng)
    for _ in range(rng.integers(0, 5)):
        spot = yard.moved(rng.uniform(-4, 11), rng.uniform(-4, 4), rng.uniform(0, 3))
        plan.vehicles.append(car_at(spot, rng))


def _barns(yard: Patch, plan: Plan, rng: np.random.Generator) -> None:
    """A barn on both sides of the yard and up to three silos at its end."""
    for across in (-8.5, 8.5):
        size = (rng.uniform(8, 15), rng.uniform(5, 7.5))
        material = pick(("roof_metal", "roof_rust", "roof_white"), rng)
        barn = roof(yard.moved(rng.uniform(3, 9), across), size, material, rng.uniform(0.8, 1.1))
        plan.structures.append(Structure((Wing(barn, 5.5, 0.8),), "barn", pick_epochs(rng, 0.85)))
    for i in range(rng.integers(0, 4)):
        silo = roof(yard.moved(14, 3.2 * i - 3, np.pi / 4), (2.6, 2.6), "roof_metal", 1.2)
        plan.structures.append(Structure((Wing(silo, 9.0, 0.9),), "silo"))


def pick_epochs(rng: np.random.Generator, kept: float) -> tuple[Epoch, ...]:
    """Both epochs with probability `kept`, else the new one only."""
    return EPOCHS if rng.random() < kept else NEW_ONLY
