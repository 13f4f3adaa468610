"""Fields: crops with their seasons, pivots, orchards, and the trees along the edges."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Point

from satsr.world.blocks import Block
from satsr.world.land.climates import Climate
from satsr.world.land.phenology import BARE, EVERGREEN, Season
from satsr.world.scene import Area, Crop, Epoch, Grove, Parcel, Plan

_ALWAYS = Season(1, 1, 120, 240)
_HEADLAND_PX = 6.0  # about 15 m: the width in which machines turn


@dataclass(frozen=True)
class _Kind:
    """Facts of a crop: materials, season (start, end, spread of both, in days), vigor and stripe strength."""

    green: str
    ground: str
    start: float
    end: float
    spread: float
    vigor: tuple[float, float]
    stripes: float


_KINDS = {
    "corn": _Kind("corn", "", 162, 262, 7, (0.8, 0.98), 0.5),
    "soybean": _Kind("soybean", "", 172, 258, 8, (0.75, 0.97), 0.5),
    "cotton": _Kind("soybean", "", 170, 285, 8, (0.55, 0.85), 0.8),
    "wheat": _Kind("wheat", "straw", 75, 158, 8, (0.7, 0.95), 0.8),
    "alfalfa": _Kind("alfalfa", "thatch", 95, 300, 12, (0.6, 0.98), 0.7),
    "pasture": _Kind("grass", "thatch", 100, 290, 15, (0.5, 0.9), 0.12),
    "fallow": _Kind("grass", "", 120, 150, 10, (0.02, 0.12), 1.0),
    "stubble": _Kind("grass", "straw", 110, 150, 10, (0.1, 0.3), 0.9),
    "vineyard": _Kind("broadleaf", "straw", 98, 310, 6, (0.35, 0.55), 0.0),
    "almond": _Kind("grass", "straw", 20, 150, 12, (0.1, 0.5), 0.3),
}


class Seasons:
    """The seasons of a region; plants refer to them by index."""

    EVERGREEN, GRASS, LAWN, LEAVES, ALWAYS = 1, 2, 3, 4, 5

    def __init__(self, climate: Climate) -> None:
        """Start with bare ground, evergreens, natural grass, lawns and leaves of this climate."""
        self.table: list[Season] = [BARE, EVERGREEN, climate.grassland, climate.lawn, climate.leaves, _ALWAYS]

    def add(self, season: Season) -> int:
        """Store a season and return its index; a full table gives the nearest one that it has."""
        if len(self.table) < 256:
            self.table.append(season)
            return len(self.table) - 1
        starts = np.array([s.start_day for s in self.table[6:]])
        return 6 + int(np.abs(starts - season.start_day).argmin())


def _sow(name: str, climate: Climate, seasons: Seasons, rng: np.random.Generator) -> Crop:
    """Draw a field's crop: dates, vigor and tone differ from neighbor to neighbor."""
    kind = _KINDS[name]
    if name == "pasture":
        season = Seasons.GRASS
    else:
        start, end = np.array([kind.start, kind.end]) + rng.normal(0, kind.spread, 2)
        season = seasons.add(Season(0.0, 1.0, start, max(end, start + 25), rng.uniform(6, 11)))
    ground = kind.ground or climate.soil
    stripes = kind.stripes * rng.uniform(0.3, 1.5)
    return Crop(
        name,
        kind.green,
        ground,
        season,
        rng.uniform(*kind.vigor),
        stripes,
        float(np.exp(rng.normal(0, 0.18))),
    )


def _two_years(climate: Climate, seasons: Seasons, rng: np.random.Generator) -> dict[Epoch, Crop]:
    """Crop of both epochs: permanent cultures stay, one field in three is in another part of its rotation."""
    name, other = (climate.crops[i] for i in rng.integers(len(climate.crops), size=2))
    permanent = {"almond", "vineyard", "pasture"}
    rotates = rng.random() < 0.35 and name not in permanent
    new = _sow(name, climate, seasons, rng)
    old = _sow("fallow" if other in permanent else other, climate, seasons, rng)
    return {"new": new, "old": old if rotates else new}


def _orchard(polygon: shapely.Polygon, angle: float, plan: Plan, rng: np.random.Generator) -> None:
    """Plant trees in rows; some are missing."""
    spacing = rng.uniform(2.6, 3.3)
    x0, y0, x1, y1 = polygon.bounds
    half = np.hypot(x1 - x0, y1 - y0) / 2
    a, b = np.meshgrid(*[np.arange(-half, half, spacing)] * 2)
    x = (x0 + x1) / 2 + a * np.cos(angle) - b * np.sin(angle) + rng.normal(0, 0.1, a.shape)
    y = (y0 + y1) / 2 + a * np.sin(angle) + b * np.cos(angle) + rng.normal(0, 0.1, a.shape)
    keep = shapely.contains_xy(polygon, x, y) & (rng.random(a.shape) < 0.96)
    radius = spacing * rng.uniform(0.33, 0.47) * rng.normal(1, 0.08, a.shape)
    plan.orchard.extend(zip(x[keep].tolist(), y[keep].tolist(), radius[keep].tolist(), strict=True))


def _pivot(block: Block, plan: Plan, crops: dict[Epoch, Crop], rng: np.random.Generator) -> None:
    """A center pivot: rows run round the circle's middle only in our imagination, so they stay straight."""
    x, y = block.center
    circle = Point(x, y).buffer(block.depth / 2 - 2, 32)
    plan.parcels.append(
        Parcel(circle, circle.buffer(-_HEADLAND_PX / 2), rng.uniform(0, np.pi), rng.uniform(0, 4000), crops)
    )


def till(block: Block, climate: Climate, seasons: Seasons, plan: Plan, rng: np.random.Generator) -> None:
    """Turn a block into a field, with a hedge, tree line or bare track along some of its edges."""
    outline = block.polygon(rng.uniform(0.3, 1.2))
    crops = _two_years(climate, seasons, rng)
    angle = block.at(block.length / 2, block.depth / 2)[2] + (np.pi / 2 if rng.random() < 0.25 else 0.0)
    round_field = climate.name in ("great-plains", "southwest-desert") and block.depth > 0.7 * block.length
    if round_field and block.depth > 110 and rng.random() < 0.75:
        dry = {epoch: _sow("stubble", climate, seasons, np.random.default_rng(7)) for epoch in crops}
        plan.parcels.append(Parcel(outline, outline, angle, rng.uniform(0, 4000), dry))
        _pivot(block, plan, crops, rng)
    else:
        plan.parcels.append(Parcel(outline, outline.buffer(-_HEADLAND_PX), angle, rng.uniform(0, 4000), crops))
    plan.groves.append(Grove(outline, 0.015 if crops["new"].name == "pasture" else 0.0))
    if crops["new"].name == "almond":
        _orchard(outline.buffer(-2.5), angle, plan, rng)
    _edges(block, climate, plan, rng)


def _edges(block: Block, climate: Climate, plan: Plan, rng: np.random.Generator) -> None:
    """Tree lines or a grass strip along the long sides."""
    for t in (0.0, block.depth):
        start, end = rng.uniform(0, 0.3) * block.length, rng.uniform(0.5, 1) * block.length
        line = shapely.LineString([block.at(s, t)[:2] for s in np.linspace(start, end, 5)])
        draw = rng.random()
        if draw < 0.12 + 0.6 * climate.forest:
            plan.groves.append(Grove(line.buffer(rng.uniform(1.2, 3.0)), rng.uniform(0.35, 0.95)))
        elif draw < 0.75:
            strip = line.buffer(rng.uniform(0.5, 1.2), cap_style="flat")
            plan.areas.append(Area(strip, climate.dead, "grass", "grass", rng.uniform(0.3, 0.9), rng.uniform(0.9, 1.1)))
