"""The embedded world: deterministic, physically plausible, and consistent with its own labels."""

from functools import cache

import numpy as np
import pytest
import shapely
from scipy import ndimage

from satsr.common.tile_grid import HR_PX
from satsr.world.region import BANDS, HR_GSD_M, LAND_COVER, MARGIN_PX, Region, Sun, Surface, World

SUMMER = 190
NOON = Sun(azimuth_deg=160, elevation_deg=60)
SUBURB, RURAL, COMMERCE, WILD, VILLAGE, URBAN, WATERFRONT = range(7)
RED, NIR = BANDS.index("b04"), BANDS.index("b08")


@cache
def region(index: int, chips_per_side: int = 2, seed: int = 0) -> Region:
    return World(seed, 60, chips_per_side).region(index)


@cache
def surface(index: int, epoch: str = "new", chips_per_side: int = 2) -> Surface:
    return region(index, chips_per_side).surface(epoch)


@cache
def summer(index: int, fine: bool = False) -> np.ndarray:
    return surface(index).reflectance(SUMMER, NOON, fine)


def covered(index: int, name: str) -> np.ndarray:
    return surface(index).land_cover == LAND_COVER.index(name)


def inner(image: np.ndarray) -> np.ndarray:
    return image[..., MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]


def burned(shapes: list, size_px: int) -> np.ndarray:
    """Independent rasterization: test every pixel center against every shape."""
    x, y = np.meshgrid(np.arange(size_px) + 0.5, np.arange(size_px) + 0.5)
    return shapely.contains_xy(shapely.union_all(shapes), x, y)


def ndvi(index: int) -> np.ndarray:
    image = summer(index)
    return (image[NIR] - image[RED]) / (image[NIR] + image[RED])


def test_same_seed_gives_the_same_bytes_whatever_the_number_and_order_of_regions():
    first = World(5, 9, 1).region(SUBURB).surface("old")
    other = World(5, 1000, 1)
    other.region(URBAN).surface("new")
    again = other.region(SUBURB)
    again.surface("new")
    again = again.surface("old")
    assert first.land_cover.tobytes() == again.land_cover.tobytes()
    assert first.trees.tobytes() == again.trees.tobytes()
    for fine in (False, True):
        assert first.reflectance(100, NOON, fine).tobytes() == again.reflectance(100, NOON, fine).tobytes()


def test_another_seed_or_index_gives_another_landscape():
    base = region(WILD, 1).surface("new").land_cover
    assert (region(WILD, 1, seed=1).surface("new").land_cover != base).mean() > 0.05
    assert (region(WILD + 56, 1).surface("new").land_cover != base).mean() > 0.05


@pytest.mark.parametrize("index", range(8))
def test_reflectance_is_physical(index):
    for fine in (False, True):
        image = summer(index, fine)
        size = region(index).size_px + 2 * MARGIN_PX
        assert image.shape == (len(BANDS), size, size)
        assert image.dtype == np.float32
        assert np.isfinite(image).all()
        assert image.min() >= 0
        assert image.max() <= 1


@pytest.mark.parametrize("index", range(8))
def test_quick_and_fine_light_agree_on_average(index):
    quick, fine = (inner(summer(index, fine)) for fine in (False, True))
    # Averaging heights to HR pixels flattens crowns, so woods come out a little brighter.
    assert np.abs(quick.mean((1, 2)) / fine.mean((1, 2)) - 1).max() < 0.12
    assert np.corrcoef(quick[RED].ravel(), fine[RED].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("index", [SUBURB, COMMERCE, URBAN])
def test_land_cover_and_building_outlines_agree(index):
    outlines = burned([b.polygon for b in surface(index).buildings], region(index).size_px)
    painted = inner(covered(index, "building"))
    assert painted.sum() == pytest.approx(outlines.sum(), rel=0.05)
    # Crowns over a roof keep its class, so only pixels on the edges may differ.
    assert (painted & outlines).sum() / (painted | outlines).sum() > 0.8


@pytest.mark.parametrize("index", range(7))
def test_buildings_keep_off_roads_water_and_each_other(index):
    place = surface(index)
    outlines = [b.polygon for b in place.buildings]
    if not outlines:
        assert region(index).place.settlement in ("wild", "rural")
        return
    roads = shapely.union_all([r.line.buffer(r.width_m / HR_GSD_M / 2) for r in place.roads])
    assert not shapely.intersects(np.array(outlines), roads).any()
    near = ndimage.binary_erosion(inner(covered(index, "water")))
    assert not (burned(outlines, region(index).size_px) & near).any()
    assert not shapely.STRtree(outlines).query(outlines, predicate="overlaps").size


def test_boats_float_and_cars_do_not():
    place = surface(WATERFRONT, chips_per_side=3)
    water, pier = LAND_COVER.index("water"), LAND_COVER.index("pier")
    under = {kind: [_class_at(place, box) for box in boxes] for kind, boxes in _movers(place).items()}
    assert len(under["boats"]) > 10
    assert set(under["boats"]) <= {water, pier}
    assert under["boats"].count(water) > 0.8 * len(under["boats"])
    assert water not in under["vehicles"]


def _movers(place: Surface) -> dict:
    size = place.land_cover.shape[0] - 2 * MARGIN_PX
    inside = shapely.box(1, 1, size - 1, size - 1)
    return {name: [b for b in getattr(place, name) if inside.contains(b.polygon)] for name in ("vehicles", "boats")}


def _class_at(place: Surface, box) -> int:
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return int(place.land_cover[int(y) + MARGIN_PX, int(x) + MARGIN_PX])


def test_vegetation_is_green_in_summer_and_water_is_not():
    woods = ndimage.binary_erosion(covered(WILD, "forest"), iterations=2)
    sea = ndimage.binary_erosion(covered(WATERFRONT, "water"), iterations=4)
    assert woods.sum() > 1000
    assert sea.sum() > 1000
    assert np.median(ndvi(WILD)[woods]) > 0.4
    assert np.median(ndvi(WATERFRONT)[sea]) < 0.1


def test_deciduous_land_is_less_green_in_winter():
    image = surface(RURAL).reflectance(15, NOON)
    winter = (image[NIR] - image[RED]) / (image[NIR] + image[RED])
    assert winter.mean() < ndvi(RURAL).mean() - 0.2


@pytest.mark.parametrize(("index", "chips_per_side"), [(SUBURB, 2), (RURAL, 4)])
def test_epochs_differ_in_places_and_agree_elsewhere(index, chips_per_side):
    new, old = (surface(index, epoch, chips_per_side).reflectance(SUMMER, NOON) for epoch in ("new", "old"))
    changed = np.abs(new - old).max(0) > 0.02
    assert 0.002 < changed.mean() < 0.5


def test_some_buildings_are_new_and_the_others_are_the_same():
    new, old = ({b.polygon.wkb for b in surface(SUBURB, epoch).buildings} for epoch in ("new", "old"))
    assert old < new
    assert len(old) > 0.8 * len(new)


@pytest.mark.parametrize("azimuth_deg", [0, 90, 135, 180, 270])
def test_shadows_fall_away_from_the_sun(azimuth_deg):
    place = surface(URBAN)
    low, high = (place.reflectance(SUMMER, Sun(azimuth_deg, elevation), True)[RED] for elevation in (30, 89))
    dark = inner(low / np.maximum(high, 1e-3))
    ground = ~inner(covered(URBAN, "building"))
    east, south = np.sin(np.deg2rad(azimuth_deg)), -np.cos(np.deg2rad(azimuth_deg))
    light = {side: [] for side in (-1, 1)}
    tall = [b for b in place.buildings if b.height_m > 6]
    for building, side in ((b, s) for b in tall for s in light):
        # The point just outside the wall that faces (+1) or turns its back to (-1) the sun.
        reach = building.polygon.length / 2
        center = building.polygon.centroid
        ray = shapely.LineString([center, (center.x + side * east * reach, center.y + side * south * reach)])
        wall = shapely.intersection(ray, building.polygon).length + 2.0
        x, y = int(center.x + side * east * wall), int(center.y + side * south * wall)
        if 0 <= x < dark.shape[1] and 0 <= y < dark.shape[0] and ground[y, x]:
            light[side].append(dark[y, x])
    assert min(len(values) for values in light.values()) > 10
    assert np.median(light[1]) > np.median(light[-1]) + 0.15


@pytest.mark.parametrize("fine", [False, True])
def test_some_bands_are_those_of_all_in_the_order_that_is_asked(fine):
    every = summer(RURAL, fine)
    some = surface(RURAL).reflectance(SUMMER, NOON, fine, bands=("b8a", "b02"))
    np.testing.assert_array_equal(some, every[[BANDS.index("b8a"), BANDS.index("b02")]])


@pytest.mark.parametrize("index", [SUBURB, VILLAGE, URBAN, WATERFRONT])
def test_captions_count_what_the_labels_show(index):
    place = surface(index)
    for x, y in ((0, 0), (HR_PX, HR_PX)):
        chip = shapely.box(x, y, x + HR_PX, y + HR_PX)
        homes = sum(chip.contains(b.polygon.centroid) for b in place.buildings if b.kind in ("house", "apartments"))
        words = place.caption(x, y).replace(",", "").split()
        assert words[:3] == ["an", "aerial", "image"]
        assert words[-1] == "climate"
        told = next((words[i - 1] for i, word in enumerate(words) if word in ("house", "houses")), "0")
        assert {"one": 1}.get(told) == homes or abs(int(told) - homes) <= 5


def test_objects_lie_in_the_chip_and_match_the_buildings():
    place = surface(URBAN)
    found = place.objects(HR_PX, 0)
    for boxes in found.values():
        for x1, y1, x2, y2 in boxes:
            assert 0 <= x1 < x2 <= HR_PX
            assert 0 <= y1 < y2 <= HR_PX
            assert all(isinstance(v, int) for v in (x1, y1, x2, y2))
    chip = shapely.box(HR_PX, 0, 2 * HR_PX, HR_PX)
    inside = sum(chip.contains(b.polygon) for b in place.buildings)
    touching = sum(chip.intersects(b.polygon) for b in place.buildings)
    assert inside <= len(found["building"]) <= touching


@pytest.mark.parametrize("index", [SUBURB, RURAL, WILD])
def test_chip_borders_are_not_seams(index):
    image = inner(surface(index, chips_per_side=3).reflectance(SUMMER, NOON))[RED]
    across = np.abs(np.diff(image, axis=1)).mean(0)
    borders = across[HR_PX - 1 :: HR_PX][:2]
    spread = np.percentile(across, [1, 99])
    assert spread[0] * 0.8 < borders.min()
    assert borders.max() < spread[1] * 1.2


def test_the_margin_continues_the_region():
    image = surface(RURAL).reflectance(SUMMER, NOON)[RED]
    steps = np.abs(np.diff(image, axis=1)).mean(0)
    assert steps[MARGIN_PX - 1] < 3 * np.median(steps) + 1e-3


def test_six_regions_in_a_row_have_different_climates_and_settlements():
    places = [region(i, 1).place for i in range(56)]
    for start in range(50):
        window = places[start : start + 6]
        assert len({p.climate for p in window}) == len({p.settlement for p in window}) == 6
    assert len({(p.climate, p.settlement) for p in places}) == 56


@pytest.mark.parametrize("seed", [0, 1000])
def test_no_two_regions_of_a_large_world_touch(seed):
    chips = 4
    places = [World(seed, 120, chips).region(index).place for index in range(120)]
    first = [World(seed, 25, chips).region(index).place for index in range(25)]
    assert places[:25] == first, "a region does not depend on later ones"
    for number, a in enumerate(places):
        for b in places[:number]:
            assert max(abs(a.col - b.col), abs(a.row - b.row)) > chips, f"{a.name} touches {b.name}"
        assert (a.col % 16, a.row % 16) == (0, 0)


def test_tile_numbers_are_those_of_the_latitude():
    for index in range(8):
        place = region(index, 1).place
        # Inverse Web Mercator: https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames
        north, south = (
            np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * row / 2**17)))) for row in (place.row, place.row + 1)
        )
        assert south <= place.latitude_deg <= north
        longitude = place.col / 2**17 * 360 - 180
        assert -125 < longitude < -66
        assert 24 < place.latitude_deg < 50


def test_unknown_requests_say_what_is_possible():
    with pytest.raises(IndexError, match="expected 0 to 1"):
        World(0, 2, 1).region(2)
    with pytest.raises(ValueError, match="expected >= 1 and 1 to 16"):
        World(0, 1, 17)
    with pytest.raises(ValueError, match="'new' or 'old'"):
        region(RURAL, 1).surface("today")
    with pytest.raises(ValueError, match="daytime"):
        Sun(180, -5)
