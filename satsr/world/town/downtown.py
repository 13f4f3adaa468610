"""Dense town: buildings wall to wall, and blocks of flats."""

import numpy as np

from satsr.world.blocks import Block
from satsr.world.land.climates import Climate
from satsr.world.scene import Grove, Patch, Plan, Structure, Wing
from satsr.world.town.commerce import FLAT_ROOFS, around, flat_building, lawn, parking, pave
from satsr.world.town.housing import pick, pick_epochs, roof

_TOWN_ROOFS = (*FLAT_ROOFS, "shingle_dark", "roof_rust")


def shops(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Buildings of different heights along both long sides, courts and car parks between them."""
    pave(block, "concrete", rng.uniform(0.6, 0.85), plan, inset=0.0)
    rows = 2 if block.depth > 20 else 1
    tallest = 42.0 if rng.random() < 0.35 else 14.0
    for row in range(rows):
        s = 1.0
        while s < block.length - 6:
            width = min(rng.uniform(6, 19), block.length - 1 - s)
            deep = block.depth / rows * rng.uniform(0.55, 0.95) - 1
            t = 1 + deep / 2 if row == 0 else block.depth - 1 - deep / 2
            _front(Patch(*block.at(s + width / 2, t), width, deep, ""), tallest, climate, plan, rng)
            s += width
    rim = block.polygon(-0.8).difference(block.polygon(0.8))
    plan.groves.append(Grove(rim, 0.18 * (climate.cover > 0.2)))


def _front(land: Patch, tallest: float, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """One property: a shop, a tower, or a small car park."""
    if land.length > 10 and rng.random() < 0.2:
        parking(land, climate, plan, rng, (0.4, 0.8))
        return
    height = rng.uniform(15, tallest) if tallest > 15 and rng.random() < 0.4 else rng.uniform(5, 14)
    size = (land.length - 0.3, land.width)
    top = roof((land.x, land.y, land.angle), size, pick(_TOWN_ROOFS, rng), around(0.9, 0.2, rng))
    flat_building(top, height, "tower" if height > 15 else "shop", plan, rng, kept=0.96)


def apartments(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Long gabled or flat blocks of flats on a lawn, with parking strips between."""
    lawn(block, climate, plan, rng, 0.08 + 0.12 * climate.forest)
    material = pick((*climate.roofs, "roof_white"), rng)
    for s in np.arange(5.0, block.length - 12, 20.0):
        long = block.depth - rng.uniform(7, 10)
        x, y, angle = block.at(s + 3.5, block.depth / 2)
        top = roof((x, y, angle + np.pi / 2), (long, rng.uniform(5.5, 7)), material, rng.uniform(0.85, 1.1))
        wing = Wing(top, rng.uniform(7, 12), rng.choice([0.0, 0.7]))
        plan.structures.append(Structure((wing,), "apartments", pick_epochs(rng, 0.95)))
        if s + 16 < block.length:
            x, y, angle = block.at(s + 11.5, block.depth / 2)
            parking(Patch(x, y, angle + np.pi / 2, long, 6.6, ""), climate, plan, rng, (0.5, 0.7))
