"""Counting: label maps, matching, and a counter that learns."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from satsr.common.paths import Workspace
from satsr.common.settings import check
from satsr.common.tile_grid import HR_PX
from satsr.data.making.footprints import Footprints, Labels, renumbered
from satsr.data.settings import PairSettings
from satsr.studies.buildings.settings import BuildingSettings
from satsr.training.counting.counter import count, make_counter, open_counter, targets, train_counter
from satsr.training.counting.kinds import KINDS, known_objects
from satsr.training.counting.matches import match, scores
from satsr.training.counting.quality import can_judge, quality_sentence
from satsr.training.counting.settings import CounterSettings, Rule, rule_of
from satsr.world.scene import LAND_COVER
from tests.data.making.chips import made_data_set, made_up_chip
from tests.training.counting.maps import squares, write_outlines

BUILDINGS, BOATS, ROADS = (KINDS[name] for name in ("buildings", "boats", "roads"))


def village(seed: int, size: int = 64) -> tuple[torch.Tensor, Labels]:
    """Return a green image with red roofs, and their labels."""
    rng = np.random.default_rng(seed)
    spots = [(int(y) + 2, int(x) + 2) for y in range(0, size - 10, 12) for x in range(0, size - 10, 12)]
    chosen = [spot for spot in spots if rng.random() < 0.5] or spots[:1]
    labels = squares(*chosen, side=7, size=size)
    image = np.where(labels > 0, np.array([0.8, 0.2, 0.2])[:, None, None], np.array([0.2, 0.6, 0.2])[:, None, None])
    return torch.from_numpy(image + rng.normal(0, 0.02, image.shape)).float(), labels


def test_outlines_are_drawn_where_they_lie(tmp_path: Path) -> None:
    write_outlines(tmp_path, "100_200", [(10, 20, 18, 25), (-4, 60, 6, 70), (120, 100, 140, 110), (50, 50, 52, 52)])
    found = Footprints.of(tmp_path)
    labels = found.labels("100_200")
    assert labels.shape == (HR_PX, HR_PX)
    assert labels.max() == 3  # the last box is too small to count
    areas = [tuple((s.start, s.stop) for s in area) for area in ndimage.find_objects(labels)]
    assert sorted(areas) == sorted([((20, 25), (10, 18)), ((60, 70), (0, 6)), ((100, 110), (120, 128))])
    (neighbour,) = ndimage.find_objects(found.labels("101_200"))  # the building over the border goes on there
    assert (neighbour[0].start, neighbour[0].stop, neighbour[1].start, neighbour[1].stop) == (100, 110, 0, 12)


def test_a_set_without_outlines_is_refused_and_one_without_buildings_is_empty(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="use the embedded world"):
        Footprints.of(tmp_path)
    write_outlines(tmp_path, "5_5", [])
    assert Footprints.of(tmp_path).labels("5_5").max() == 0


def test_small_areas_are_dropped_and_numbers_have_no_gaps() -> None:
    labels = squares((0, 0), (10, 10), (20, 20), side=6)
    labels[labels == 2] = 0
    labels[10:12, 10:12] = 2
    assert np.unique(renumbered(labels)).tolist() == [0, 1, 2]
    assert renumbered(labels)[21, 21] == 2


def test_targets_keep_touching_buildings_apart() -> None:
    labels = squares((4, 4), (4, 10), side=6)  # they touch at column 10
    roof, core = targets(labels, BUILDINGS)
    assert ndimage.label(roof)[1] == 1
    assert ndimage.label(core)[1] == 2
    assert core.sum() == 2 * 4 * 4
    assert (core <= roof).all()


def test_matching_known_cases() -> None:
    known = squares((2, 2), (2, 20), (20, 2))
    counted = squares((2, 3), (2, 25), (20, 20))  # overlaps by 5/7, too little, elsewhere
    found = match(known, counted, "iou 0.5")
    assert (found.known, found.counted, found.found) == (3, 3, frozenset({1}))
    for rule in ("iou 0.99", "centre"):
        assert match(known, known, rule).found == {1, 2, 3}
        assert match(np.zeros_like(known), counted, rule).found == frozenset()
        assert match(known, np.zeros_like(known), rule).counted == 0


def test_a_centre_lies_in_one_building_and_counts_once() -> None:
    known = squares((2, 2), (2, 20), (20, 2))
    assert match(known, squares((4, 4), (2, 24), (20, 20)), "centre").found == {1}  # two pixels off, four, elsewhere
    doubled = np.zeros_like(known)
    doubled[2:5, 2:8], doubled[5:8, 2:8] = 1, 2  # two counted in one known building
    found = match(known, doubled, "centre")
    assert (found.counted, found.found) == (2, frozenset({1}))


def test_one_counted_building_is_the_partner_of_one_known_one() -> None:
    known = squares((4, 4), (4, 10))  # they touch, and are counted as one: half of it is each
    counted = (known > 0).astype(np.int32)
    assert len(match(known, counted, "iou 0.25").found) == 1


@pytest.mark.parametrize(
    "rule", ["iou", "iou 0", "iou 1.5", "center", "overlap 0.5", "within", "within 1", "within -1 px"]
)
def test_an_unknown_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=f"got rule {rule!r}, expected centre, or iou and a number"):
        check(BuildingSettings, {"rules": [rule]}, "buildings")


def test_a_rule_of_pixels_is_none_of_buildings() -> None:
    assert rule_of("within 2 px") == Rule(within_px=2)
    with pytest.raises(ValueError, match="got rule 'within 2 px', which is one of pixels"):
        check(BuildingSettings, {"rules": ["within 2 px"]}, "buildings")


def test_matching_is_an_intersection_over_union() -> None:
    rng = np.random.default_rng(0)
    known, counted = (squares(*[tuple(rng.integers(0, 24, 2)) for _ in range(4)]) for _ in range(2))
    plain = {
        k
        for k in range(1, int(known.max()) + 1)
        for c in range(1, int(counted.max()) + 1)
        if (known == k).any() and ((known == k) & (counted == c)).sum() / ((known == k) | (counted == c)).sum() >= 0.5
    }
    assert match(known, counted, "iou 0.5").found == plain


def test_a_counter_learns_to_count() -> None:
    images, labels = zip(*(village(seed) for seed in range(8)), strict=True)
    settings = CounterSettings(widths=(8, 16), steps=80, batch=4, crop=32, learning_rate=1e-2)
    counter = train_counter(torch.stack(images), labels, BUILDINGS, settings)
    image, known = village(99)
    (counted,) = count(counter, image[None], BUILDINGS)
    found = match(known, counted, "iou 0.5")
    assert len(found.found) >= 0.8 * found.known
    assert found.counted <= 1.3 * found.known


def test_pixels_of_roads_are_found_within_a_pixel_in_both_directions() -> None:
    known, counted = np.zeros((12, 12), np.int32), np.zeros((12, 12), np.int32)
    known[4, :] = 1  # a road from side to side
    counted[5, :6] = 1  # seen beside it, for half of its length
    counted[8:10, 0:2] = 1  # and where none is
    found = match(known, counted, "within 1 px")
    assert (found.known, found.counted, found.right) == (12, 10, 6)
    assert found.found == {4 * 12 + column for column in range(7)}  # the seventh touches the last that is seen
    assert match(known, counted, "within 0 px").right == 0
    rows = scores(["0_0"], ["r"], [known], {"HR": [[counted]]}, ["within 1 px"])
    assert rows[["known", "counted", "found", "right", "seen", "kept"]].to_numpy().tolist() == [[12, 10, 7, 6, 7, 7]]
    assert quality_sentence(rows, 0.5, "roads").startswith(
        "On HR images the counter finds 58.3 % of the known roads, and 60.0 % of what it counts is one"
    )
    assert can_judge(rows, 0.5)
    assert not can_judge(rows, 0.59)


def test_small_boats_have_a_core_and_roads_are_their_own() -> None:
    boats = np.zeros((12, 12), np.int32)
    boats[2:4, 2:6], boats[4:6, 2:6] = 1, 2  # two of 2 x 4 px, side by side: no pixel lies inside one
    assert targets(boats, BUILDINGS)[1].sum() == 0
    body, core = targets(boats, BOATS)
    assert (body > 0).sum() == 16
    assert ndimage.label(core)[1] == 2
    assert set(boats[core > 0].tolist()) == {1, 2}
    np.testing.assert_array_equal(*targets((boats > 0).astype(np.int32), ROADS))


def test_everything_that_is_counted_is_known_where_it_lies(tmp_path: Path) -> None:
    chip = made_up_chip("160_160", seed=0)
    cover = np.full((HR_PX, HR_PX), LAND_COVER.index("grass"), np.uint8)
    cover[10, :], cover[:, 30:32], cover[60, 60] = (LAND_COVER.index(name) for name in ("road", "track", "paved"))
    boats = [(0, 0, 3, 4), (10, 20, 12, 21), (126, 100, 128, 104)]  # the second of 2 px: too small
    chip = replace(chip, land_cover=cover, objects={"boat": boats, "pier": [(50, 50, 60, 60)]})
    data = made_data_set(Workspace(tmp_path, "test"), {"test": [chip]}, PairSettings(dates=1))
    folder = data.readers["test"].chips.folder
    assert known_objects(data, "test", "roads") == []  # nothing but a world has outlines of everything
    write_outlines(folder, "160_160", [(10, 20, 18, 25)])
    (roads,), (boats_,), (buildings,) = (known_objects(data, "test", kind) for kind in ("roads", "boats", "buildings"))
    assert roads.sum() == 128 + 2 * 128 - 2
    assert roads[60, 60] == 0
    areas = [tuple((s.start, s.stop) for s in area) for area in ndimage.find_objects(boats_)]
    assert areas == [((0, 4), (0, 3)), ((100, 104), (126, 128))]
    assert buildings.max() == 1


def test_a_counter_of_roads_learns_to_see_them() -> None:
    images, labels = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        road = np.zeros((48, 48), np.int32)
        row, column = rng.integers(4, 40, 2)
        road[row : row + 3] = road[:, column : column + 3] = 1
        images.append(torch.from_numpy(0.3 + 0.4 * road + rng.normal(0, 0.02, (3, 48, 48))).float())
        labels.append(road)
    settings = CounterSettings(widths=(8, 8), steps=80, batch=4, crop=32, learning_rate=1e-2)
    counter = train_counter(torch.stack(images[1:]), labels[1:], ROADS, settings)
    (seen,) = count(counter, images[0][None], ROADS)
    found = match(labels[0], seen, ROADS.rule)
    assert len(found.found) >= 0.9 * found.known
    assert found.right >= 0.9 * found.counted


def test_a_counter_is_made_once_and_opens_as_it_was(tmp_path: Path) -> None:
    images, labels = zip(*(village(seed) for seed in range(2)), strict=True)
    settings, scratch = CounterSettings(widths=(4, 8), steps=2, batch=2), tmp_path / "scratch"
    make_counter(torch.stack(images), labels, BUILDINGS, settings, "data", scratch, tmp_path / "first")
    trained = train_counter(torch.stack(images), labels, BUILDINGS, settings)
    opened = open_counter(tmp_path / "first")
    torch.testing.assert_close(opened(images[0][None]), trained(images[0][None]))
    make_counter(
        torch.zeros_like(torch.stack(images)), labels, BUILDINGS, settings, "data", scratch, tmp_path / "again"
    )
    torch.testing.assert_close(open_counter(tmp_path / "again").state_dict(), opened.state_dict(), rtol=0, atol=0)
    make_counter(
        torch.zeros_like(torch.stack(images)), labels, BUILDINGS, settings, "other data", scratch, tmp_path / "again"
    )
    assert not torch.equal(open_counter(tmp_path / "again").head.weight, opened.head.weight)
    make_counter(torch.stack(images), labels, BOATS, settings, "data", scratch, tmp_path / "boats")
    assert json.loads((tmp_path / "boats" / "counter.json").read_text())["kind"] == "boats"
    with pytest.raises(FileNotFoundError, match="dvc repro counter"):
        open_counter(tmp_path / "none")
