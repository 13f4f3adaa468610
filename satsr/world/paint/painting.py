"""From plan to canvas: land, fields, paved and planted ground, water, roads, vehicles and buildings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from satsr.world.land.climates import Climate
from satsr.world.land.farmland import Seasons
from satsr.world.land.terrain import Terrain
from satsr.world.paint.canvas import FINE, Canvas, cover, covers, octets
from satsr.world.paint.landscape import paint_fields, paint_land, paint_water
from satsr.world.paint.materials import material
from satsr.world.paint.rasterize import Stamp
from satsr.world.paint.texture import Texture
from satsr.world.scene import HR_GSD_M, Area, Epoch, Mover, Patch, Plan, Wing

_ROAD_MATERIAL = {
    "highway": "concrete", "arterial": "asphalt_old", "street": "asphalt_old", "section": "asphalt_old",
}  # fmt: skip
_STILL = covers("water")


@dataclass(frozen=True)
class Stamps:
    """A plan's rectangles rasterized once for both epochs, each list beside its stamp."""

    ground: tuple[list[Patch], Stamp]
    piers: tuple[list[Patch], Stamp]
    movers: tuple[list[Mover], Stamp]
    wings: tuple[list[Wing], Stamp]
    roof_things: tuple[list[Wing], Stamp]
    standing: dict[Epoch, NDArray[np.bool_]]

    @classmethod
    def of(cls, plan: Plan, canvas: Canvas) -> "Stamps":
        """Rasterize a plan on the grid of a canvas."""
        ground = [p for p in plan.patches if p.cover != "pier"]
        piers = [p for p in plan.patches if p.cover == "pier"]
        movers = plan.vehicles + plan.boats
        wings = [wing for s in plan.structures for wing in s.wings]
        owners = [s.epochs for s in plan.structures for _ in s.wings]
        return cls(
            (ground, canvas.stamp(ground)),
            (piers, canvas.stamp(piers)),
            (movers, canvas.stamp(m.base for m in movers)),
            (wings, canvas.stamp(w.base for w in wings)),
            (plan.roof_things, canvas.stamp(w.base for w in plan.roof_things)),
            {epoch: np.array([epoch in epochs for epochs in owners], bool) for epoch in ("new", "old")},
        )


def paint_areas(canvas: Canvas, areas: list[Area]) -> None:
    """Paint polygons of one material, later ones on top."""
    number = canvas.burn([a.polygon for a in areas])
    inside = np.flatnonzero(number)
    which = number.ravel()[inside] - 1
    canvas.put_flat(
        inside,
        ground=octets(material(a.material) for a in areas)[which],
        green=octets(material(a.green or a.material) for a in areas)[which],
        season=octets(Seasons.LAWN if a.green else 0 for a in areas)[which],
        cover=octets(cover(a.cover) for a in areas)[which],
        vigor=np.array([a.vigor for a in areas], np.float32)[which],
        tone=np.array([a.tone for a in areas], np.float32)[which],
    )


def paint_roads(canvas: Canvas, plan: Plan, climate: Climate, tones: NDArray[np.floating]) -> None:
    """Paint verges, then carriageways from narrow to wide, then medians; `tones` has one factor per road."""
    verges, ways, medians = [], [], []
    for road, tone in sorted(zip(plan.roads, tones, strict=True), key=lambda pair: pair[0].width_m):
        half = road.width_m / HR_GSD_M / 2
        if road.kind in ("section", "highway"):
            verges.append(_strip(road.line.buffer(half + 2.5, cap_style="flat"), climate))
        if road.kind == "highway":
            medians.append(_strip(road.line.buffer(half * 0.2), climate))
        gravel = road.kind == "section" and climate.plains
        surface = climate.bare if road.kind == "track" else "gravel" if gravel else _ROAD_MATERIAL[road.kind]
        kind = "track" if road.kind == "track" else "road"
        ways.append(Area(road.line.buffer(half), surface, kind, tone=float(tone)))
    paint_areas(canvas, verges + ways + medians)


def _strip(polygon: object, climate: Climate) -> Area:
    return Area(polygon, climate.dead, "grass", "grass", climate.cover)


def _paint_movers(canvas: Canvas, movers: list[Mover], stamp: Stamp) -> None:
    canvas.paint(stamp, [m.base for m in movers], 0)
    heights = np.array([m.height_m for m in movers], np.float32)
    canvas.put_flat(stamp.pixel, height_m=heights[stamp.owner])


def _raise_roofs(canvas: Canvas, wings: list[Wing], stamp: Stamp) -> None:
    """Gabled roofs rise from the eaves to the ridge along the long axis; flat ones have no pitch."""
    canvas.paint(stamp, [w.base for w in wings], 0)
    rise = np.array([w.pitch for w in wings], np.float32)[stamp.owner] / FINE
    half = np.array([w.base.width for w in wings], np.float32)[stamp.owner] * (FINE / 2)
    eave = np.array([w.height_m for w in wings], np.float32)[stamp.owner]
    height = eave + rise * (half - np.abs(stamp.radial))
    # Where wings overlap the higher roof is seen.
    np.maximum.at(canvas.height_m.ravel(), stamp.pixel, height)


def _weather(canvas: Canvas, texture: Texture, terrain: Terrain) -> None:
    """Stain and patch everything but water: nothing that lies outside keeps one tone."""
    worn = np.float32(0.04) * texture.fine + np.float32(0.045) * terrain.on_fine("patchy")
    worn[_STILL[canvas.cover]] = 0
    canvas.tone *= 1 + worn


def paint_scene(
    canvas: Canvas, plan: Plan, stamps: Stamps, terrain: Terrain, climate: Climate, epoch: Epoch,
    texture: Texture, road_tones: NDArray[np.floating],
) -> None:  # fmt: skip
    """Paint everything but trees and shrubs, as it is in one epoch."""
    paint_land(canvas, terrain, climate, texture)
    paint_fields(canvas, plan.parcels, epoch, texture, terrain)
    paint_areas(canvas, [a for a in plan.areas if epoch in a.epochs])
    patches, stamp = stamps.ground
    canvas.paint(stamp.take(np.array([epoch in p.epochs for p in patches], bool)), patches, Seasons.LAWN)
    paint_water(canvas, terrain, climate, texture)
    paint_roads(canvas, plan, climate, road_tones)
    canvas.paint(stamps.piers[1], stamps.piers[0], 0)
    _weather(canvas, texture, terrain)
    _paint_movers(canvas, *stamps.movers)
    _raise_roofs(canvas, stamps.wings[0], stamps.wings[1].take(stamps.standing[epoch]))
    things, stamp = stamps.roof_things
    _raise_roofs(canvas, things, stamp.take(np.array([epoch in w.base.epochs for w in things], bool)))
    roofs = canvas.cover == cover("building")
    canvas.tone[roofs] *= 1 + 0.05 * texture.fine[roofs]
