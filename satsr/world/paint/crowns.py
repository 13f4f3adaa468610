"""Trees and shrubs: crowns as bumps on the canvas, placed by density, shared by both epochs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satsr.world.land.climates import Climate
from satsr.world.land.farmland import Seasons
from satsr.world.land.terrain import Terrain
from satsr.world.paint.canvas import FINE, Canvas, cover, covers, to_fine
from satsr.world.paint.materials import material
from satsr.world.paint.rasterize import discs
from satsr.world.random_fields import Field
from satsr.world.scene import HR_GSD_M, MARGIN_PX, Epoch, Plan

_PLANTABLE = covers("forest", "shrub", "grass", "bare", "crop", "wetland", "paved")
_NATURAL = covers("forest", "shrub", "grass", "bare")
_RENAMED = covers("forest", "shrub", "grass", "bare", "crop")
# Height over crown radius, in meters per HR pixel.
_TREE, _ORCHARD, _SHRUB = 2.2 * HR_GSD_M, 1.5 * HR_GSD_M, 0.9 * HR_GSD_M


@dataclass(frozen=True)
class Crowns:
    """Places where a plant may stand, one array entry each.

    Attributes:
        x, y, radius: Region coordinates and crown radius in HR pixels.
        luck: Uniform number in [0, 1]; the plant grows where density exceeds it.
        green: Material of its leaves. season: When it has them.
        tone: Its brightness.
    """

    x: Field
    y: Field
    radius: Field
    luck: Field
    green: NDArray[np.uint8]
    season: NDArray[np.uint8]
    tone: NDArray[np.float32]

    def take(self, keep: NDArray[np.bool_]) -> "Crowns":
        """Select some of them."""
        return Crowns(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def _jittered(size_px: int, spacing: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Points of a jittered grid over the region and its margin."""
    grid = np.arange(-MARGIN_PX - 2, size_px + MARGIN_PX + 2, spacing)
    x, y = np.meshgrid(grid, grid)
    jitter = rng.uniform(-0.55, 0.55, (2, x.size)) * spacing
    return x.ravel() + jitter[0], y.ravel() + jitter[1]


def _sampled(field: NDArray, x: Field, y: Field) -> NDArray:
    """Nearest values of a field on the fine grid."""
    last = field.shape[0] - 1
    return field[tuple(np.clip(to_fine(v), 0, last).astype(int) for v in (y, x))]


def _trees(size_px: int, climate: Climate, terrain: Terrain, rng: np.random.Generator) -> Crowns:
    """Candidates for trees; species, size and tone come in stands, with single trees that differ."""
    x, y = _jittered(size_px, 2.8, rng)
    # Stands: old growth here, young there; conifers on some soils, others elsewhere.
    age, soil = (_sampled(terrain.on_fine(name), x, y) for name in ("patchy", "moisture"))
    noise = rng.normal(0, 1, (2, x.size))
    needles = rng.random(x.size) < np.clip(climate.conifer + 0.45 * soil * (0.1 < climate.conifer < 0.95), 0, 1)
    radius = np.clip(1.8 + 0.28 * age + 0.33 * noise[0], 0.9, 3.0) * np.where(needles, 0.78, 1.0)
    second = rng.random(x.size) < np.clip(0.3 - 0.3 * soil, 0, 0.8)
    leaf = np.where(second, material("oak"), material(climate.leaf))
    return Crowns(
        x, y, radius, rng.random(x.size),
        np.where(needles, material("conifer"), leaf).astype(np.uint8),
        np.where(needles, Seasons.EVERGREEN, Seasons.LEAVES).astype(np.uint8),
        np.exp(0.04 + 0.15 * noise[1] - 0.08 * age).astype(np.float32),
    )  # fmt: skip


def _shrubs(size_px: int, climate: Climate, rng: np.random.Generator) -> Crowns:
    x, y = _jittered(size_px, 1.9, rng)
    n = x.size
    tone = np.exp(rng.normal(-0.05, 0.15, n)).astype(np.float32)
    radius = 0.35 + 0.6 * rng.random(n) ** 2
    return Crowns(x, y, radius, rng.random(n), *_all_of(climate.shrub, Seasons.EVERGREEN, n), tone)


def _rows(spots: list[tuple[float, float, float]], rng: np.random.Generator) -> Crowns:
    """Trees that people planted at given (x, y, radius)."""
    x, y, radius = np.array(spots, np.float64).reshape(-1, 3).T
    tone = np.exp(rng.normal(0, 0.07, x.size)).astype(np.float32)
    return Crowns(x, y, radius, np.zeros(x.size), *_all_of("broadleaf", Seasons.LEAVES, x.size), tone)


def _all_of(green: str, season: int, n: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return np.full(n, material(green), np.uint8), np.full(n, season, np.uint8)


def _tree_density(canvas: Canvas, terrain: Terrain, plan: Plan, epoch: Epoch) -> Field:
    """Density of trees on the fine grid: natural, or what people made of it; zero on anything built or wet."""
    density = terrain.on_fine("forest").copy()
    groves = [g for g in plan.groves if epoch in g.epochs]
    number = canvas.burn([g.polygon for g in groves])
    made = number > 0
    density[made] = np.array([g.density for g in groves], np.float32)[number[made] - 1]
    yards = canvas.stamp(patch for patch, _ in plan.yards)
    density.ravel()[yards.pixel] = np.array([d for _, d in plan.yards], np.float32)[yards.owner]
    return density * _PLANTABLE[canvas.cover]


def _shrub_density(canvas: Canvas, terrain: Terrain, climate: Climate, plan: Plan) -> Field:
    """Density of shrubs on natural ground, denser along washes."""
    wild = _NATURAL[canvas.cover] & (canvas.burn([g.polygon for g in plan.groves]) == 0)
    patchy, wash = terrain.on_fine("patchy"), terrain.on_fine("wash")
    return climate.shrubs * (0.45 + 0.25 * patchy + 3.5 * wash**1.5 * (wash < 0.97)) * wild


def _growing(crowns: Crowns, density: NDArray) -> Crowns:
    return crowns.take(crowns.luck < _sampled(density, crowns.x, crowns.y))


def _grow(canvas: Canvas, crowns: Crowns, height_per_px: float, cover_name: str) -> None:
    """Raise crowns on the canvas: domes for broadleaves, cones for conifers; the highest one is seen."""
    stamp = discs(to_fine(crowns.x), to_fine(crowns.y), crowns.radius * FINE, canvas.size)
    cone = crowns.green == material("conifer")
    top = (crowns.radius * height_per_px * np.where(cone, 1.5, 1)).astype(np.float32)[stamp.owner]
    dome = 0.45 + 0.55 * np.sqrt(1 - stamp.radial**2)
    height = top * np.where(cone[stamp.owner], 1 - 0.75 * stamp.radial, dome)
    surface = canvas.height_m.ravel()
    np.maximum.at(surface, stamp.pixel, height)
    seen = height >= surface[stamp.pixel]
    pixel, owner = stamp.pixel[seen], stamp.owner[seen]
    layers = {name: getattr(crowns, name)[owner] for name in ("green", "season", "tone")}
    canvas.put_flat(pixel, ground=material("litter"), vigor=np.float32(0.95), **layers)
    canvas.put_flat(pixel[_RENAMED[canvas.cover.ravel()[pixel]]], cover=cover(cover_name))


def plant(
    canvas: Canvas, plan: Plan, terrain: Terrain, climate: Climate, epoch: Epoch,
    rng: Callable[[str], np.random.Generator],
) -> NDArray[np.float32]:  # fmt: skip
    """Grow shrubs, orchards and trees on a painted canvas.

    Args:
        canvas: Painted with everything else.
        plan: Says where people planted or cleared.
        terrain: Says where woods and washes are.
        climate: Says which plants grow.
        epoch: Which groves there are.
        rng: Gives a stream by its purpose, so that both epochs draw the same plants.

    Returns:
        (n, 3) x, y and crown radius in HR pixels of trees, shrubs left out.
    """
    size_px = canvas.size // FINE - 2 * MARGIN_PX
    bushes = _growing(_shrubs(size_px, climate, rng("shrubs")), _shrub_density(canvas, terrain, climate, plan))
    woods = _growing(_trees(size_px, climate, terrain, rng("trees")), _tree_density(canvas, terrain, plan, epoch))
    free = ~covers("water", "building", "road", "pool")[canvas.cover]
    orchard = _growing(_rows(plan.orchard, rng("orchard")), free)
    street = _growing(_rows(plan.street_trees, rng("street")), free)
    _grow(canvas, bushes, _SHRUB, "shrub")
    _grow(canvas, orchard, _ORCHARD, "orchard")
    _grow(canvas, street, _TREE, "forest")
    _grow(canvas, woods, _TREE, "forest")
    return np.concatenate([np.stack([c.x, c.y, c.radius], -1) for c in (orchard, street, woods)]).astype(np.float32)
