"""Where a region lies and what grows there: eight climates of the United States, seven settlements."""

from dataclasses import dataclass

import numpy as np

from satsr.common.tile_grid import ZOOM_TILES
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
        name="humid-subtropical", phrase="humid subtropical",
        anchors=((33.65, -84.05), (34.9, -80.6), (32.4, -86.2)),
        soil="soil_red", bare="soil_red", grass="grass", dead="thatch", cover=0.85,
        grassland=Season(0.3, 0.95, 88, 310, 14),
        lawn=Season(0.45, 1.0, 80, 320, 14),
        leaves=Season(0.0, 1.0, 92, 312, 8),
        forest=0.55, conifer=0.4, leaf="broadleaf", shrubs=0.10, shrub="oak",
        relief_m=7, crops=("pasture", "cotton", "soybean", "pasture", "corn"),
        pools=0.14, roofs=_GRAY_ROOFS,
        water=("creek", "lake", "creek", "river"), clear="water_turbid", plains=False,
    ),
    Climate(
        name="corn-belt", phrase="humid continental",
        anchors=((41.95, -93.35), (40.4, -88.9), (42.6, -95.1)),
        soil="soil_dark", bare="soil_brown", grass="grass", dead="thatch", cover=0.9,
        grassland=Season(0.15, 0.95, 112, 292, 12),
        lawn=Season(0.2, 1.0, 105, 300, 10),
        leaves=Season(0.0, 1.0, 122, 288, 7),
        forest=0.12, conifer=0.08, leaf="broadleaf", shrubs=0.05, shrub="broadleaf",
        relief_m=3, crops=("corn", "soybean", "corn", "soybean", "alfalfa"),
        pools=0.04, roofs=_GRAY_ROOFS,
        water=("creek", "none", "river", "creek"), clear="water_turbid", plains=True,
    ),
    Climate(
        name="southwest-desert", phrase="arid desert",
        anchors=((32.45, -111.2), (33.5, -112.6), (35.15, -106.8)),
        soil="soil_tan", bare="soil_gray", grass="sage", dead="soil_tan", cover=0.12,
        grassland=Season(0.3, 0.7, 60, 150, 25),
        lawn=Season(0.5, 0.95, 60, 330, 14),
        leaves=Season(0.2, 0.9, 85, 330, 14),
        forest=0.02, conifer=0.1, leaf="oak", shrubs=0.28, shrub="sage",
        relief_m=11, crops=("alfalfa", "cotton", "fallow", "wheat"),
        pools=0.32, roofs=_WARM_ROOFS,
        water=("wash", "wash", "none"), clear="water_green", plains=False,
    ),
    Climate(
        name="northern-lakes", phrase="cold continental",
        anchors=((47.45, -93.1), (46.1, -90.6), (45.3, -69.3)),
        soil="soil_brown", bare="soil_brown", grass="grass", dead="thatch", cover=0.85,
        grassland=Season(0.1, 0.9, 130, 275, 10),
        lawn=Season(0.15, 0.95, 125, 285, 9),
        leaves=Season(0.0, 1.0, 138, 272, 6),
        forest=0.72, conifer=0.62, leaf="broadleaf", shrubs=0.2, shrub="marsh",
        relief_m=6, crops=("pasture", "alfalfa", "wheat", "corn"),
        pools=0.01, roofs=_GRAY_ROOFS,
        water=("lake", "lake", "creek", "river"), clear="water_clear", plains=False,
    ),
    Climate(
        name="mediterranean", phrase="mediterranean",
        anchors=((36.7, -119.55), (38.4, -122.3), (37.55, -121.05)),
        soil="soil_tan", bare="soil_tan", grass="grass", dead="straw", cover=0.7,
        grassland=Season(0.05, 0.9, -15, 128, 14),
        lawn=Season(0.6, 1.0, 20, 340, 20),
        leaves=Season(0.1, 1.0, 82, 322, 10),
        forest=0.15, conifer=0.15, leaf="oak", shrubs=0.16, shrub="chaparral",
        relief_m=12, crops=("almond", "vineyard", "almond", "alfalfa", "fallow", "wheat"),
        pools=0.24, roofs=_WARM_ROOFS,
        water=("creek", "none", "river"), clear="water_green", plains=False,
    ),
    Climate(
        name="great-plains", phrase="semi-arid",
        anchors=((37.95, -100.9), (40.6, -100.4), (35.6, -101.9)),
        soil="soil_brown", bare="soil_tan", grass="sage", dead="straw", cover=0.55,
        grassland=Season(0.15, 0.8, 112, 262, 16),
        lawn=Season(0.2, 0.95, 105, 295, 12),
        leaves=Season(0.0, 1.0, 112, 295, 9),
        forest=0.03, conifer=0.15, leaf="broadleaf", shrubs=0.10, shrub="sage",
        relief_m=5, crops=("wheat", "stubble", "corn", "fallow", "pasture"),
        pools=0.04, roofs=_GRAY_ROOFS,
        water=("creek", "none", "none", "river"), clear="water_turbid", plains=True,
    ),
    Climate(
        name="atlantic-coast", phrase="temperate coastal",
        anchors=((41.45, -71.4), (37.0, -76.3), (43.1, -70.75)),
        soil="soil_brown", bare="sand", grass="grass", dead="thatch", cover=0.8,
        grassland=Season(0.2, 0.95, 110, 300, 12),
        lawn=Season(0.25, 1.0, 102, 308, 11),
        leaves=Season(0.0, 1.0, 122, 300, 7),
        forest=0.45, conifer=0.25, leaf="broadleaf", shrubs=0.14, shrub="broadleaf",
        relief_m=4, crops=("pasture", "corn", "alfalfa", "soybean"),
        pools=0.07, roofs=_GRAY_ROOFS,
        water=("creek", "lake", "river"), clear="water_green", plains=False,
    ),
    Climate(
        name="pacific-northwest", phrase="cool marine",
        anchors=((47.35, -122.2), (44.6, -123.2), (45.55, -122.9)),
        soil="soil_brown", bare="soil_brown", grass="grass", dead="straw", cover=0.8,
        grassland=Season(0.35, 0.95, 70, 205, 16),
        lawn=Season(0.55, 1.0, 70, 310, 18),
        leaves=Season(0.0, 1.0, 108, 300, 9),
        forest=0.6, conifer=0.85, leaf="broadleaf", shrubs=0.16, shrub="broadleaf",
        relief_m=14, crops=("pasture", "wheat", "alfalfa", "stubble"),
        pools=0.03, roofs=_GRAY_ROOFS,
        water=("creek", "river", "lake"), clear="water_clear", plains=False,
    ),
)  # fmt: skip

SETTLEMENTS = ("suburb", "rural", "commercial", "wild", "village", "urban", "waterfront")


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
    col = int((longitude + 180) / 360 * ZOOM_TILES) // 16 * 16
    row = int((1 - mercator) / 2 * ZOOM_TILES) // 16 * 16
    middle = np.pi * (1 - 2 * (row + 0.5) / ZOOM_TILES)
    name = f"r{index:02d}-{climate.name}-{settlement}"
    return Place(name, climate.name, settlement, col, row, float(np.degrees(np.arctan(np.sinh(middle)))))
