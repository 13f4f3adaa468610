"""Where a region lies and what grows there: eight climates of the United States, seven settlements."""

from dataclasses import dataclass

import numpy as np

from satsr.world.land.phenology import Season


@dataclass(frozen=True)
class Climate:
    """Facts of one climate.

    Attributes:
        name: Short name, used in place names.
        phrase: How a caption says it.
        anchors: Latitude and longitude (degrees) of plausible places.
        soil, bare: Materials of tilled soil and of bare natural ground.
        grass: Living material of natural ground; `dead` is the same out of season.
        cover: Share of natural ground that plants cover in season.
        grassland: Season of natural grass; `lawn` that of lawns; `leaves` that of deciduous trees.
        forest: Share of natural land under trees, in [0, 1].
        conifer: Share of conifers among trees.
        leaf: Living material of the other trees.
        shrubs: Density of shrubs on open ground, in [0, 1]; `shrub` is their material.
        relief_m: Standard deviation of elevation over a region.
        crops: Names of crops, most common first.
        pools: Share of houses with a pool.
        roofs: Materials of house roofs.
        water: Kind of water on land without a shore: creek, river, lake, wash or none, drawn at random.
        clear: Material of open water.
        plains: Whether fields and streets follow the section grid of the Public Land Survey.
    """

    name: str
    phrase: str
    anchors: tuple[tuple[float, float], ...]
    soil: str
    bare: str
    grass: str
    dead: str
    cover: float
    grassland: Season
    lawn: Season
    leaves: Season
    forest: float
    conifer: float
    leaf: str
    shrubs: float
    shrub: str
    relief_m: float
    crops: tuple[str, ...]
    pools: float
    roofs: tuple[str, ...]
    water: tuple[str, ...]
    clear: str
    plains: bool


_GRAY_ROOFS = ("shingle_gray", "shingle_gray", "shingle_brown", "shingle_dark", "shingle_tan")
_WARM_ROOFS = ("roof_tile", "shingle_tan", "roof_tile", "shingle_brown", "roof_gravel")

CLIMATES: tuple[Climate, ...] = (
    Climate(
        "humid-subtropical", "humid subtropical", ((33.65, -84.05), (34.9, -80.6), (32.4, -86.2)),
        "soil_red", "soil_red", "grass", "thatch", 0.85,
        Season(0.3, 0.95, 88, 310, 14), Season(0.45, 1.0, 80, 320, 14), Season(0.0, 1.0, 92, 312, 8),
        0.55, 0.4, "broadleaf", 0.10, "oak", 7, ("pasture", "cotton", "soybean", "pasture", "corn"), 0.14,
        _GRAY_ROOFS, ("creek", "lake", "creek", "river"), "water_turbid", False,
    ),
    Climate(
        "corn-belt", "humid continental", ((41.95, -93.35), (40.4, -88.9), (42.6, -95.1)),
        "soil_dark", "soil_brown", "grass", "thatch", 0.9,
        Season(0.15, 0.95, 112, 292, 12), Season(0.2, 1.0, 105, 300, 10), Season(0.0, 1.0, 122, 288, 7),
        0.12, 0.08, "broadleaf", 0.05, "broadleaf", 3, ("corn", "soybean", "corn", "soybean", "alfalfa"), 0.04,
        _GRAY_ROOFS, ("creek", "none", "river", "creek"), "water_turbid", True,
    ),
    Climate(
        "southwest-desert", "arid desert", ((32.45, -111.2), (33.5, -112.6), (35.15, -106.8)),
        "soil_tan", "soil_gray", "sage", "soil_tan", 0.12,
        Season(0.3, 0.7, 60, 150, 25), Season(0.5, 0.95, 60, 330, 14), Season(0.2, 0.9, 85, 330, 14),
        0.02, 0.1, "oak", 0.28, "sage", 11, ("alfalfa", "cotton", "fallow", "wheat"), 0.32,
        _WARM_ROOFS, ("wash", "wash", "none"), "water_green", False,
    ),
    Climate(
        "northern-lakes", "cold continental", ((47.45, -93.1), (46.1, -90.6), (45.3, -69.3)),
        "soil_brown", "soil_brown", "grass", "thatch", 0.85,
        Season(0.1, 0.9, 130, 275, 10), Season(0.15, 0.95, 125, 285, 9), Season(0.0, 1.0, 138, 272, 6),
        0.72, 0.62, "broadleaf", 0.2, "marsh", 6, ("pasture", "alfalfa", "wheat", "corn"), 0.01,
        _GRAY_ROOFS, ("lake", "lake", "creek", "river"), "water_clear", False,
    ),
    Climate(
        "mediterranean", "mediterranean", ((36.7, -119.55), (38.4, -122.3), (37.55, -121.05)),
        "soil_tan", "soil_tan", "grass", "straw", 0.7,
        Season(0.05, 0.9, -15, 128, 14), Season(0.6, 1.0, 20, 340, 20), Season(0.1, 1.0, 82, 322, 10),
        0.15, 0.15, "oak", 0.16, "chaparral", 12,
        ("almond", "vineyard", "almond", "alfalfa", "fallow", "wheat"), 0.24,
        _WARM_ROOFS, ("creek", "none", "river"), "water_green", False,
    ),
    Climate(
        "great-plains", "semi-arid", ((37.95, -100.9), (40.6, -100.4), (35.6, -101.9)),
        "soil_brown", "soil_tan", "sage", "straw", 0.55,
        Season(0.15, 0.8, 112, 262, 16), Season(0.2, 0.95, 105, 295, 12), Season(0.0, 1.0, 112, 295, 9),
        0.03, 0.15, "broadleaf", 0.10, "sage", 5, ("wheat", "stubble", "corn", "fallow", "pasture"), 0.04,
        _GRAY_ROOFS, ("creek", "none", "none", "river"), "water_turbid", True,
    ),
    Climate(
        "atlantic-coast", "temperate coastal", ((41.45, -71.4), (37.0, -76.3), (43.1, -70.75)),
        "soil_brown", "sand", "grass", "thatch", 0.8,
        Season(0.2, 0.95, 110, 300, 12), Season(0.25, 1.0, 102, 308, 11), Season(0.0, 1.0, 122, 300, 7),
        0.45, 0.25, "broadleaf", 0.14, "broadleaf", 4, ("pasture", "corn", "alfalfa", "soybean"), 0.07,
        _GRAY_ROOFS, ("creek", "lake", "river"), "water_green", False,
    ),
    Climate(
        "pacific-northwest", "cool marine", ((47.35, -122.2), (44.6, -123.2), (45.55, -122.9)),
        "soil_brown", "soil_brown", "grass", "straw", 0.8,
        Season(0.35, 0.95, 70, 205, 16), Season(0.55, 1.0, 70, 310, 18), Season(0.0, 1.0, 108, 300, 9),
        0.6, 0.85, "broadleaf", 0.16, "broadleaf", 14, ("pasture", "wheat", "alfalfa", "stubble"), 0.03,
        _GRAY_ROOFS, ("creek", "river", "lake"), "water_clear", False,
    ),
)  # fmt: skip

SETTLEMENTS = ("suburb", "rural", "commercial", "wild", "village", "urban", "waterfront")

_ZOOM_TILES = 2**17


@dataclass(frozen=True)
class Place:
    """Name and position of a region.

    Attributes:
        name: For instance "r03-great-plains-village".
        climate: Name of its climate.
        settlement: One of `SETTLEMENTS`.
        col, row: Web-Mercator zoom-17 tile of its north-west chip.
        latitude_deg: Of the north-west corner.
    """

    name: str
    climate: str
    settlement: str
    col: int
    row: int
    latitude_deg: float


def climate_of(index: int) -> Climate:
    """Climate of a region. Eight climates and seven settlements make 56 pairs before one comes back."""
    return CLIMATES[index % len(CLIMATES)]


def place_of(index: int, rng: np.random.Generator) -> Place:
    """Choose where a region lies: within a few kilometers of one of its climate's anchors."""
    climate, settlement = climate_of(index), SETTLEMENTS[index % len(SETTLEMENTS)]
    anchor = climate.anchors[rng.integers(len(climate.anchors))]
    latitude, longitude = np.array(anchor) + rng.uniform(-0.12, 0.12, 2)
    mercator = np.log(np.tan(np.pi / 4 + np.deg2rad(latitude) / 2)) / np.pi
    # a multiple of 16, so that a region lies inside one published group of 16 x 16 tiles
    col = int((longitude + 180) / 360 * _ZOOM_TILES) // 16 * 16
    row = int((1 - mercator) / 2 * _ZOOM_TILES) // 16 * 16
    middle = np.pi * (1 - 2 * (row + 0.5) / _ZOOM_TILES)
    name = f"r{index:02d}-{climate.name}-{settlement}"
    return Place(name, climate.name, settlement, col, row, float(np.degrees(np.arctan(np.sinh(middle)))))
