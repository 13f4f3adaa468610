"""The embedded world: procedural landscapes with reflectance, labels, captions and two epochs.

Nothing is downloaded. `World(seed, n).region(i).surface("new").reflectance(day, sun)` is a scene that a sensor
model can turn into Sentinel-2 and NAIP images; the same seed and index give the same bytes.
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from satsr.common.tile_grid import HR_PX, REGION_TILES
from satsr.world import captions
from satsr.world.land.climates import Climate, Place, climate_of, place_of
from satsr.world.land.farmland import Seasons
from satsr.world.land.phenology import Season, greenness
from satsr.world.land.terrain import Terrain, grow_terrain
from satsr.world.light import DIFFUSE, Sun, shading, sunlit
from satsr.world.paint.canvas import FINE, Canvas, to_hr
from satsr.world.paint.crowns import plant
from satsr.world.paint.materials import BANDS, SPECTRA
from satsr.world.paint.painting import Stamps, paint_scene
from satsr.world.paint.texture import Texture
from satsr.world.random_fields import upsample
from satsr.world.scene import (
    EPOCHS,
    HR_GSD_M,
    LAND_COVER,
    MARGIN_PX,
    Box,
    Building,
    Epoch,
    Mover,
    Plan,
    Road,
    corners,
)
from satsr.world.town.layout import draw_plan

__all__ = [
    "BANDS", "HR_GSD_M", "LAND_COVER", "MARGIN_PX",
    "Box", "Building", "Place", "Region", "Road", "Sun", "Surface", "World",
]  # fmt: skip

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Surface:
    """A region as it is in one epoch. Arrays include the margin; coordinates do not (see `satsr.world.scene`).

    Attributes:
        land_cover: (H, W) indices into `LAND_COVER`.
        buildings, roads, vehicles, boats: What stands there.
        trees: (n, 3) x, y and crown radius in HR pixels.
    """

    land_cover: NDArray[np.uint8]
    buildings: tuple[Building, ...]
    roads: tuple[Road, ...]
    trees: Floats
    vehicles: tuple[Box, ...]
    boats: tuple[Box, ...]
    _canvas: Canvas
    _elevation_m: Floats
    _seasons: tuple[Season, ...]
    _climate: str

    def reflectance(self, day_of_year: float, sun: Sun, fine: bool = False, bands: tuple[str, ...] = BANDS) -> Floats:
        """Surface reflectance on a day under a sun, relative to level sunlit ground.

        Args:
            day_of_year: Decides what is green.
            sun: Casts the shadows and shades the slopes.
            fine: Light computed on the fine grid, then averaged (for the HR camera), instead of on the HR grid.
            bands: Names of those that are wanted, in this order.

        Returns:
            (C, H, W) in [0, 1].
        """
        green = greenness(list(self._seasons), day_of_year)
        numbers = [BANDS.index(band) for band in bands]
        if fine:
            return self._fine_reflectance(green, sun, numbers)
        static, living, season, height_m = self._hr_layers
        light = self._light(height_m, self._elevation_m, HR_GSD_M, sun)
        share = _take(green, season)
        image = np.empty((len(numbers), *static.shape[1:]), np.float32)
        for value, band in zip(image, numbers, strict=True):
            np.multiply(living[band], share, out=value)
            value += static[band]
            value *= light * (1 - DIFFUSE[band]) + DIFFUSE[band]
        return np.clip(image, 0, 1, out=image)

    def _fine_reflectance(self, green: Floats, sun: Sun, numbers: list[int]) -> Floats:
        canvas = self._canvas
        light = self._light(canvas.height_m, upsample(self._elevation_m, FINE), HR_GSD_M / FINE, sun)
        share, direct = canvas.vigor * _take(green, canvas.season), light * canvas.tone
        image = np.empty((len(numbers), *self.land_cover.shape), np.float32)
        for place, band in enumerate(numbers):
            value = _take(SPECTRA[band], canvas.green)
            ground = _take(SPECTRA[band], canvas.ground)
            value -= ground
            value *= share
            value += ground
            value *= direct * (1 - DIFFUSE[band]) + canvas.tone * DIFFUSE[band]
            image[place] = to_hr(value)
        return np.clip(image, 0, 1, out=image)

    @staticmethod
    def _light(height_m: Floats, elevation_m: Floats, pixel_m: float, sun: Sun) -> Floats:
        return sunlit(height_m, pixel_m, sun) * shading(height_m + elevation_m, pixel_m, sun)

    @cached_property
    def _hr_layers(self) -> tuple[Floats, Floats, NDArray[np.uint8], Floats]:
        """Part without seasons (13, H, W), living part (13, H, W), season and height (H, W), averaged to HR pixels."""
        canvas = self._canvas
        static = np.empty((len(BANDS), *self.land_cover.shape), np.float32)
        living, share = np.empty_like(static), canvas.vigor * canvas.tone
        for band, spectrum in enumerate(SPECTRA):
            ground = _take(spectrum, canvas.ground)
            static[band] = to_hr(ground * canvas.tone)
            living[band] = to_hr((_take(spectrum, canvas.green) - ground) * share)
        season = canvas.season.reshape(self.land_cover.shape[0], FINE, -1, FINE).max((1, 3))
        return static, living, season, to_hr(canvas.height_m)

    def caption(self, x: int, y: int, size: int = HR_PX) -> str:
        """One sentence about the chip whose north-west corner is (x, y), true to the labels."""
        chip = self._window(x, y, size)
        inside = {name: ((c >= (x, y)) & (c < (x + size, y + size))).all(axis=1) for name, c in self._centers.items()}
        kinds: dict[str, int] = {}
        for number in np.flatnonzero(inside["buildings"]):
            kind = self.buildings[number].kind
            kinds[kind] = kinds.get(kind, 0) + 1
        vehicles, boats = (int(inside[name].sum()) for name in ("vehicles", "boats"))
        return captions.describe(chip, kinds, vehicles, boats, self._climate)

    @cached_property
    def _centers(self) -> dict[str, NDArray[np.float64]]:
        """Centroids (n, 2) of all buildings, vehicles and boats, which every chip of the region asks for."""
        things: dict[str, tuple[Building | Box, ...]]
        things = {"buildings": self.buildings, "vehicles": self.vehicles, "boats": self.boats}
        return {
            name: shapely.get_coordinates(shapely.centroid([thing.polygon for thing in found])).reshape(-1, 2)
            for name, found in things.items()
        }

    def objects(self, x: int, y: int, size: int = HR_PX) -> dict[str, list[tuple[int, int, int, int]]]:
        """Boxes (x1, y1, x2, y2) of what lies in a chip, by category, clipped to it, as in S2-NAIP's OSM labels."""
        chip = self._window(x, y, size)
        outlines = {"building": [b.polygon for b in self.buildings], "boat": [b.polygon for b in self.boats]}
        found = captions.regions(chip)
        for category, polygons in outlines.items():
            found[category] = captions.clipped(polygons, x, y, size)
        return {category: boxes for category, boxes in found.items() if boxes}

    def _window(self, x: int, y: int, size: int) -> NDArray[np.uint8]:
        return self.land_cover[y + MARGIN_PX : y + MARGIN_PX + size, x + MARGIN_PX : x + MARGIN_PX + size]


def _take(table: Floats, index: NDArray[np.uint8]) -> Floats:
    # With mode="clip" numpy skips the bounds check, which here costs as much as the look-up.
    return np.take(table, index, mode="clip")


def _boxes(movers: list[Mover]) -> tuple[Box, ...]:
    outlines = shapely.polygons(corners(np.array([m.base.box for m in movers])))
    return tuple(Box(outline, mover.kind) for outline, mover in zip(outlines, movers, strict=True))


@cache
def _free_place(seed: int, index: int, chips_per_side: int) -> Place:
    """Choose where a region lies: east of the lower regions near it, if they would touch where it first came to lie."""
    place = place_of(index, _stream(seed, index, "place"))
    lower = [_free_place(seed, number, chips_per_side) for number in range(index)]
    apart = chips_per_side + REGION_TILES // 4
    while any(abs(other.col - place.col) < apart and abs(other.row - place.row) < apart for other in lower):
        place = replace(place, col=place.col + REGION_TILES)
    return place


def _stream(seed: int, index: int, purpose: str) -> np.random.Generator:
    """A stream of its own for every purpose, so that one does not disturb another."""
    return np.random.default_rng([seed, index, *purpose.encode()])


class Region:
    """One coherent landscape.

    Attributes:
        place: Name and position.
        chips_per_side: Side in chips. size_px: Side in HR pixels, margin excluded.
    """

    def __init__(self, seed: int, index: int, chips_per_side: int) -> None:
        self.chips_per_side = chips_per_side
        self.size_px = chips_per_side * HR_PX
        self._key = (seed, index)
        self._climate: Climate = climate_of(index)
        self.place: Place = _free_place(seed, index, chips_per_side)

    def _rng(self, purpose: str) -> np.random.Generator:
        return _stream(*self._key, purpose)

    @cached_property
    def _terrain(self) -> Terrain:
        return grow_terrain(self.size_px, self._climate, self.place.settlement, self._rng("terrain"))

    @cached_property
    def _planned(self) -> tuple[Plan, Seasons]:
        seasons = Seasons(self._climate)
        rng = self._rng("plan")
        plan = draw_plan(self.size_px, self._terrain, self._climate, self.place.settlement, seasons, rng)
        return plan, seasons

    @cached_property
    def _stamps(self) -> Stamps:
        return Stamps.of(self._planned[0], Canvas(self.size_px))

    @cached_property
    def _texture(self) -> Texture:
        return Texture(FINE * (self.size_px + 2 * MARGIN_PX), self._rng("texture"))

    def surface(self, epoch: Epoch) -> Surface:
        """The region "new" (today) or "old" (two to three years before).

        Raises:
            ValueError: If the epoch is neither.
        """
        if epoch not in EPOCHS:
            raise ValueError(f"epoch: got {epoch!r}, expected 'new' or 'old'; use one of them")
        plan, seasons = self._planned
        canvas, tones = Canvas(self.size_px), self._rng("roads").uniform(0.75, 1.2, len(plan.roads))
        paint_scene(canvas, plan, self._stamps, self._terrain, self._climate, epoch, self._texture, tones)
        trees = plant(canvas, plan, self._terrain, self._climate, epoch, self._rng)
        standing = zip(plan.structures, plan.buildings, strict=True)
        return Surface(
            land_cover=canvas.cover[1::FINE, 1::FINE].copy(),
            buildings=tuple(building for structure, building in standing if epoch in structure.epochs),
            roads=tuple(plan.roads),
            trees=trees,
            vehicles=_boxes(plan.vehicles),
            boats=_boxes(plan.boats),
            _canvas=canvas,
            _elevation_m=self._terrain.elevation_m,
            _seasons=tuple(seasons.table),
            _climate=self._climate.phrase,
        )


class World:
    """Regions made from a seed; a region depends on the seed, its index and its size, not on later ones."""

    def __init__(self, seed: int, regions: int, chips_per_side: int = 4) -> None:
        """Declare a world of `regions` regions of `chips_per_side` ** 2 chips each.

        Raises:
            ValueError: If a count is not positive.
        """
        if regions < 1 or not 1 <= chips_per_side <= 16:
            raise ValueError(
                f"world: got {regions} regions of {chips_per_side} chips per side, expected >= 1 and 1 to 16; "
                "use several regions for more land"
            )
        self.seed, self.regions, self.chips_per_side = seed, regions, chips_per_side

    def region(self, index: int) -> Region:
        """The region with an index in [0, regions).

        Raises:
            IndexError: If there is no such region.
        """
        if not 0 <= index < self.regions:
            raise IndexError(f"region: got {index}, expected 0 to {self.regions - 1}; declare a larger world")
        return Region(self.seed, index, self.chips_per_side)
