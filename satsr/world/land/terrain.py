"""The land before people: elevation, moisture, water, washes and where trees grow."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from satsr.world.land.climates import Climate
from satsr.world.land.drainage import channels
from satsr.world.random_fields import Field, fractal, profile, step, upsample
from satsr.world.scene import MARGIN_PX

_DRY = 1000.0  # shore distance where there is no water at all


@dataclass(frozen=True)
class Terrain:
    """Fields of (H, W) HR pixels, margin included.

    Attributes:
        elevation_m: Above the region's mean.
        moisture: Zero-mean, unit-deviation pattern of soils and of plants' vigor.
        patchy: Another such pattern, rougher.
        wash: Nearness to a drainage line, in [0, 1].
        shore_px: Distance from the water's edge, positive on land.
        forest: Density of natural trees in [0, 1].
        kind: Kind of water.
    """

    elevation_m: Field
    moisture: Field
    patchy: Field
    wash: Field
    shore_px: Field
    forest: Field
    kind: str
    _fine: dict[str, Field] = field(default_factory=dict, repr=False)

    def on_fine(self, name: str) -> Field:
        """A field by name, repeated on the canvas's fine grid."""
        if name not in self._fine:
            self._fine[name] = upsample(getattr(self, name), 2)
        return self._fine[name]

    def shore_at(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> Field:
        """Shore distance at points in region coordinates (nearest pixel, clamped to the map)."""
        last = self.shore_px.shape[0] - 1
        column = np.clip(np.asarray(x) + MARGIN_PX, 0, last).astype(int)
        row = np.clip(np.asarray(y) + MARGIN_PX, 0, last).astype(int)
        return self.shore_px[row, column]


def _axes(size: int, angle: float) -> tuple[Field, Field]:
    """Coordinates (along, across) of every pixel, from the center, turned by `angle`."""
    x = np.arange(size, dtype=np.float32)[None] - size / 2
    y = x.T
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _stream(size: int, rng: np.random.Generator, half_width: float, sway: float) -> Field:
    """Distance from the bank of a meandering stream that crosses the region."""
    along, across = _axes(size, rng.uniform(0, np.pi))
    length = 2 * size
    line = profile(length, rng, 55) * sway + profile(length, rng, 14) * sway * 0.22
    width = half_width * (1 + 0.25 * profile(length, rng, 20))
    station = np.clip(along + size, 0, length - 1).astype(int)
    lean = np.hypot(1, np.gradient(line))
    offset = rng.uniform(-0.22, 0.22) * size
    return np.abs(across - offset - line[station]) / lean[station] - width[station]


def _coast(size: int, rng: np.random.Generator, rough: float) -> Field:
    """Distance from a coast that leaves about two thirds of the region dry."""
    _, across = _axes(size, rng.uniform(0, 2 * np.pi))
    return across + 0.17 * size + rough * fractal(size, rng, 3.4, 300)


def _lake(size: int, rng: np.random.Generator) -> Field:
    """Shore distance of irregular lakes that fill about a fifth of the region."""
    basin = fractal(size, rng, 3.8, 350)
    return (basin - np.quantile(basin, 0.2)) * 45


def _shore(kind: str, size: int, rng: np.random.Generator) -> Field:
    if kind == "coast":
        return _coast(size, rng, 11)
    if kind == "reservoir":
        return _coast(size, rng, 20)
    if kind == "lake":
        return _lake(size, rng)
    if kind == "river":
        return _stream(size, rng, rng.uniform(9, 20), 38)
    if kind == "creek":
        return _stream(size, rng, 1.4, 46)
    return np.full((size, size), _DRY, np.float32)


def _water_kind(climate: Climate, settlement: str, rng: np.random.Generator) -> str:
    if settlement == "waterfront":
        salty = climate.name in ("atlantic-coast", "humid-subtropical", "pacific-northwest", "mediterranean")
        return "coast" if salty else "reservoir"
    kind = climate.water[rng.integers(len(climate.water))]
    # Large waters stay out of towns, where they would leave little to build on.
    if settlement in ("urban", "commercial", "suburb") and kind in ("lake", "river"):
        return "creek" if settlement == "suburb" else "none"
    return kind


def grow_terrain(size_px: int, climate: Climate, settlement: str, rng: np.random.Generator) -> Terrain:
    """Make the land of a region of `size_px` HR pixels (margin excluded)."""
    size = size_px + 2 * MARGIN_PX
    kind = _water_kind(climate, settlement, rng)
    elevation = fractal(size, rng, 3.3, 500) * climate.relief_m
    moisture, patchy = fractal(size, rng, 2.8, 300), fractal(size, rng, 1.9, 120)
    wash = channels(size, rng)
    shore = _shore(kind, size, rng).astype(np.float32)
    stand = fractal(size, rng, 2.6, 260) + 0.5 * moisture
    dry = climate.cover < 0.2
    stand += (3.5 if dry else 0.4) * wash
    threshold = np.quantile(stand, 1 - np.clip(climate.forest, 0.01, 0.99))
    riparian = np.exp(-((np.maximum(shore, 0) / 14) ** 2)) * (kind in ("creek", "river"))
    forest = step(stand + 0.9 * riparian * (not dry), threshold, 0.3)
    return Terrain(elevation, moisture, patchy, wash, shore, forest.astype(np.float32), kind)
