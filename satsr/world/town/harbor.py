"""Marinas: piers out from the shore, fingers along them, boats in the slips and at anchor."""

import numpy as np
from scipy import ndimage

from satsr.world.land.terrain import Terrain
from satsr.world.scene import MARGIN_PX, Mover, Patch, Plan
from satsr.world.town.housing import pick

_HULLS = ("paint_white", "paint_white", "car_white", "car_blue", "roof_white", "car_red")


def _boat(place: tuple[float, float, float], length: float, rng: np.random.Generator) -> Mover:
    base = Patch(*place, length, max(0.9, 0.34 * length), pick(_HULLS, rng), tone=rng.uniform(0.75, 1.05))
    return Mover(base, "boat", 1.5)


def _pier(x: float, y: float, angle: float, length: float, plan: Plan, rng: np.random.Generator) -> None:
    """One pier whose axis starts on land at (x, y), with boats in most slips on both sides."""
    pier = Patch(
        x + np.cos(angle) * length / 2,
        y + np.sin(angle) * length / 2,
        angle,
        length,
        1.1,
        "concrete",
        "pier",
        tone=0.8,
    )
    plan.patches.append(pier)
    reach = rng.uniform(3.2, 5.2)
    slip = 0.34 * reach + rng.uniform(1.1, 1.6)
    for along in np.arange(-length / 2 + 7, length / 2, slip):
        for side in (-1, 1):
            finger = pier.moved(along + slip / 2, side * (reach / 2 + 0.5), np.pi / 2)
            plan.patches.append(Patch(*finger, reach, 0.5, "concrete", "pier", tone=0.7))
            if rng.random() < 0.72:
                length_px = reach * rng.uniform(0.6, 0.95)
                spot = pier.moved(along, side * (0.8 + length_px / 2), np.pi / 2)
                plan.boats.append(_boat(spot, length_px, rng))


def build_marina(terrain: Terrain, plan: Plan, rng: np.random.Generator) -> None:
    """Build two marinas of several piers where the shore allows it, and anchor boats off it."""
    # The coast as seen from afar, so that neighboring piers lie side by side.
    gy, gx = np.gradient(ndimage.gaussian_filter(terrain.shore_px, 18))
    inner = slice(MARGIN_PX, -MARGIN_PX)
    rows, columns = np.nonzero(np.abs(terrain.shore_px[inner, inner] - 1) < 0.8)
    if not len(rows):
        return
    for anchor in rng.integers(len(rows), size=2):
        near = np.hypot(rows - rows[anchor], columns - columns[anchor])
        taken: list[float] = []
        for i in np.argsort(near):
            if near[i] > 75 or len(taken) >= 5:
                break
            row, column = rows[i] + MARGIN_PX, columns[i] + MARGIN_PX
            angle = float(np.arctan2(-gy[row, column], -gx[row, column]))
            station = float(columns[i] * -np.sin(angle) + rows[i] * np.cos(angle))
            if all(abs(station - other) > 17 for other in taken):
                taken.append(station)
                _pier(float(columns[i]), float(rows[i]), angle, rng.uniform(22, 46), plan, rng)
    _anchored(terrain, plan, rng)
    wet = [terrain.shore_at(np.array(m.base.x), np.array(m.base.y)) < -2 for m in plan.boats]
    plan.boats = [boat for boat, floats in zip(plan.boats, wet, strict=True) if floats]


def _anchored(terrain: Terrain, plan: Plan, rng: np.random.Generator) -> None:
    """Boats at their moorings, all turned into one wind."""
    size = terrain.shore_px.shape[0] - 2 * MARGIN_PX
    wind = rng.uniform(0, np.pi)
    for x, y in rng.uniform(0, size, (int(60 * (size / 512) ** 2) + 4, 2)):
        if -60 < terrain.shore_at(np.array(x), np.array(y)) < -12:
            plan.boats.append(_boat((x, y, wind + rng.normal(0, 0.15)), rng.uniform(2.5, 5), rng))
