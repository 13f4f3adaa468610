"""Painting the open land: natural ground, fields and water."""

import numpy as np
from numpy.typing import NDArray

from satsr.world.land.climates import Climate
from satsr.world.land.farmland import Seasons
from satsr.world.land.terrain import Terrain
from satsr.world.paint.canvas import Canvas, cover, octets
from satsr.world.paint.materials import material
from satsr.world.paint.texture import Texture
from satsr.world.random_fields import Field
from satsr.world.scene import Crop, Epoch, Parcel

_CROP_COVER = {"pasture": "grass", "almond": "orchard", "vineyard": "orchard"}


def paint_land(canvas: Canvas, terrain: Terrain, climate: Climate, texture: Texture) -> None:
    """Paint natural ground: grass and bare soil in patches, forest floor, washes, beaches and marshes."""
    moisture, patchy, wash = (terrain.on_fine(name) for name in ("moisture", "patchy", "wash"))
    grain = texture.fine
    covered = 0.55 * moisture + 0.6 * patchy + 0.8 * grain + wash > np.float32(1.3 - 2.8 * climate.cover)
    canvas.ground[:] = np.where(covered, np.uint8(material(climate.dead)), np.uint8(material(climate.bare)))
    canvas.green[:] = material(climate.grass)
    canvas.season[:] = Seasons.GRASS
    vigor = climate.cover * (0.70 + 0.2 * moisture + 0.12 * patchy + 0.06 * grain + 0.35 * wash)
    canvas.vigor[:] = np.clip(vigor * np.where(covered, np.float32(1), np.float32(0.35)), 0, 1)
    canvas.tone[:] = np.exp(0.07 * patchy - 0.08 * moisture + 0.05 * grain - 0.12 * wash)
    canvas.cover[:] = cover("grass" if climate.cover > 0.2 else "bare")
    if climate.cover < 0.2:
        _paint_washes(canvas, wash, patchy)
    woods = terrain.on_fine("forest") > 0.5
    canvas.put(woods, ground=material("litter"), vigor=0.35, cover=cover("forest"))
    _paint_shores(canvas, terrain, grain)


def _paint_washes(canvas: Canvas, wash: Field, patchy: Field) -> None:
    """Dry beds: desert pavement darkens the land between them, sand brightens the largest ones."""
    canvas.tone *= np.exp(-0.06 * patchy - 0.38 * wash)
    canvas.put(wash > 0.97, ground=material("sand"), vigor=0.02, tone=0.8)


def _paint_shores(canvas: Canvas, terrain: Terrain, grain: Field) -> None:
    shore = terrain.on_fine("shore_px")
    if terrain.kind in ("coast", "reservoir", "river"):
        salty = terrain.kind == "coast"
        beach = shore + grain < (5.0 if salty else 2.2)
        ground = material("sand" if salty else "soil_tan")
        canvas.put(beach, ground=ground, vigor=0.04, cover=cover("sand"))
    if terrain.kind == "lake":
        reeds = shore + 2 * grain < 6
        canvas.put(reeds, green=material("marsh"), vigor=0.85, cover=cover("wetland"))


def paint_water(canvas: Canvas, terrain: Terrain, climate: Climate, texture: Texture) -> None:
    """Paint water where the shore distance is negative, lighter over shallows, with surf on a coast."""
    shore = terrain.on_fine("shore_px") + 0.35 * texture.fine
    wet = shore < 0
    if not wet.any():
        return
    salty = terrain.kind == "coast"
    depth = -shore[wet]
    tone = 1 + 0.03 * texture.fine[wet] + 0.07 * terrain.on_fine("moisture")[wet]
    canvas.put(
        wet, ground=material(climate.clear), green=material("sand" if salty else "water_turbid"),
        vigor=0.3 * np.exp(-depth / (7 if salty else 3)), season=Seasons.ALWAYS, tone=tone, cover=cover("water"),
    )  # fmt: skip
    if salty:
        surf = np.zeros_like(wet)
        surf[wet] = (depth < 2.5) & (texture.fine[wet] > 0.3)
        canvas.put(surf, ground=material("foam"), vigor=0, tone=0.7)


def paint_fields(canvas: Canvas, parcels: list[Parcel], epoch: Epoch, texture: Texture, terrain: Terrain) -> None:
    """Paint fields with their crops and rows; on headlands the rows run across those of the field."""
    if not parcels:
        return
    outer, inner = (canvas.burn([getattr(p, part) for p in parcels]).ravel() for part in ("polygon", "inner"))
    inside = np.flatnonzero(outer)
    which = outer[inside] - 1
    crops = [p.crops[epoch] for p in parcels]
    rows = _rows(inside, which, inner[inside] != outer[inside], parcels, texture, canvas.size)
    rows *= np.array([c.stripes for c in crops], np.float32)[which]
    vigor, tone = _growth(inside, which, crops, rows, terrain)
    canvas.put_flat(
        inside,
        ground=octets(material(c.ground) for c in crops)[which],
        green=octets(material(c.green) for c in crops)[which],
        season=octets(c.season for c in crops)[which],
        cover=octets(cover(_CROP_COVER.get(c.name, "crop")) for c in crops)[which],
        vigor=np.clip(vigor, 0, 1),
        tone=np.clip(tone, 0.4, 1.8),
    )


def _rows(inside: NDArray, which: NDArray, turned: NDArray, parcels: list[Parcel], texture: Texture, n: int) -> Field:
    """Tillage profile at the flat pixels `inside` of the fields `which`, unit deviation."""
    angles = np.array([p.angle for p in parcels], np.float32)
    # One column for the field and one for its headland, whose rows are turned by a right angle.
    cos = np.stack([np.cos(angles), -np.sin(angles)], -1)
    sin = np.stack([np.sin(angles), np.cos(angles)], -1)
    offset = np.array([p.offset for p in parcels], np.float32)[which]
    side = turned.astype(np.intp)
    y, x = np.divmod(inside, n)
    across = y * cos[which, side] - x * sin[which, side] + offset
    return texture.lines.take(across.astype(np.int32), mode="wrap")


def _growth(inside: NDArray, which: NDArray, crops: list[Crop], rows: Field, terrain: Terrain) -> tuple[Field, Field]:
    """Vigor and tone within fields: wet spots drown plants, damp soil is darker, ridges are thin and light."""
    wet, rough, wash = (terrain.on_fine(name).ravel()[inside] for name in ("moisture", "patchy", "wash"))
    mean = np.array([c.vigor for c in crops], np.float32)[which]
    tones = np.array([c.tone for c in crops], np.float32)[which]
    drowned = np.clip((wet - 1.4) * 2, 0, 1)
    vigor = mean * (1 + 0.10 * rough + 0.09 * wet - 0.45 * drowned + 0.16 * wash + 0.09 * rows)
    tone = tones * (1 - 0.08 * wet - 0.16 * wash + 0.03 * rough + 0.06 * rows)
    return vigor, tone
