"""Buildings: label maps, matching, shares."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import ndimage

from satsr.common.settings import check
from satsr.common.tile_grid import HR_GSD_M, HR_PX, corner_m
from satsr.data.making.footprints import Footprints, Labels, renumbered
from satsr.studies.buildings.counter import _crops, count, make_counter, open_counter, targets, train_counter
from satsr.studies.buildings.settings import BuildingSettings, CounterSettings
from satsr.studies.buildings.shares import (
    NOTHING,
    buildings_sentence,
    difference,
    match,
    scores,
    share_table,
    shares_as_text,
)

LIMITS = {"level": 0.95, "resamples": 300, "seed": 0}
TABLE = {**LIMITS, "least": 0.5}
RULES = ["iou 0.5"]


def squares(*corners: tuple[int, int], side: int = 6, size: int = 32) -> Labels:
    labels = np.zeros((size, size), np.int32)
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + side, x : x + side] = number
    return labels


def village(seed: int, size: int = 64) -> tuple[torch.Tensor, Labels]:
    """Return a green image with red roofs, and their labels."""
    rng = np.random.default_rng(seed)
    spots = [(int(y) + 2, int(x) + 2) for y in range(0, size - 10, 12) for x in range(0, size - 10, 12)]
    chosen = [spot for spot in spots if rng.random() < 0.5] or spots[:1]
    labels = squares(*chosen, side=7, size=size)
    image = np.where(labels > 0, np.array([0.8, 0.2, 0.2])[:, None, None], np.array([0.2, 0.6, 0.2])[:, None, None])
    return torch.from_numpy(image + rng.normal(0, 0.02, image.shape)).float(), labels


def write_outlines(folder: Path, tile: str, boxes_px: list[tuple[float, float, float, float]]) -> None:
    """Write boxes (x1, y1, x2, y2) in pixels of a tile as an outline file of the embedded world."""
    x0, y0 = corner_m(*map(int, tile.split("_")))
    features = []
    for x1, y1, x2, y2 in boxes_px:
        ring = [(x0 + x * HR_GSD_M, y0 - y * HR_GSD_M) for x, y in ((x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1))]
        features.append(_feature("building", {"type": "Polygon", "coordinates": [ring]}))
    features.append(_feature("road", {"type": "LineString", "coordinates": [(x0, y0), (x0 + 10, y0 - 10)]}))
    (folder / "vectors").mkdir(parents=True, exist_ok=True)
    (folder / "vectors" / f"{tile}.geojson").write_text(json.dumps({"features": features}))


def _feature(category: str, geometry: dict[str, object]) -> dict[str, object]:
    return {"type": "Feature", "properties": {"category": category}, "geometry": geometry}


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
    roof, core = targets(labels)
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


@pytest.mark.parametrize("rule", ["iou", "iou 0", "iou 1.5", "center", "overlap 0.5"])
def test_an_unknown_rule_is_refused(rule: str) -> None:
    with pytest.raises(ValueError, match=f"got rule {rule!r}, expected centre, or iou and a number"):
        check(BuildingSettings, {"rules": [rule]}, "buildings")


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


def counted_rows() -> pd.DataFrame:
    known = [squares((2, 2), (2, 20), (20, 2)), squares((2, 2), (20, 20))]
    counts = {
        "HR": [squares((2, 2), (2, 20)), squares((2, 2))],
        "esrgan": [squares((2, 2), (2, 20)), squares((12, 12))],
        "sr3": [squares((2, 2)), squares((20, 20))],
    }
    return scores(["1_1", "2_2"], ["a", "b"], known, {kind: [maps] for kind, maps in counts.items()}, RULES)


def test_shares_are_ratios_of_sums() -> None:
    rows = counted_rows()
    found = share_table(rows, **TABLE).set_index(["method", "share"]).value
    assert found["HR", "recall"] == 3 / 5
    assert found["HR", "kept"] == 1
    assert found["esrgan", "recall"] == 2 / 5
    assert found["esrgan", "precision"] == 2 / 3
    assert found["esrgan", "kept"] == 2 / 3
    assert found["sr3", "kept"] == 1 / 3  # what HR does not show cannot be kept
    assert found["sr3", "count"] == 2 / 5
    assert found["sr3", "miscount"] == 3 / 5


def test_the_paper_s_two_methods_are_compared_on_the_same_regions() -> None:
    value, low, high, p = difference(counted_rows(), "esrgan", "sr3", "kept", **LIMITS)
    assert value == pytest.approx(1 / 3)
    assert low <= value <= high
    assert 0 < p <= 1
    said = buildings_sentence(counted_rows(), **TABLE)
    assert "ESRGAN minus SR3: +33.3" in said
    assert "60.0 % of the known buildings, and 100.0 % of what it counts" in said
    assert said.endswith("not shown.")  # two regions show nothing, whatever the number of trainings


def many_regions(trainings: int, regions: int = 8) -> pd.DataFrame:
    """ESRGAN keeps both buildings of every region, SR3 one of them."""
    known = squares((2, 2), (20, 20))
    runs = {"HR": [known], "esrgan": [known] * trainings, "sr3": [squares((2, 2))] * trainings}
    counts = {kind: [[maps] * regions for maps in own] for kind, own in runs.items()}
    tiles = [f"{n}_{n}" for n in range(regions)]
    return scores(tiles, tiles, [known] * regions, counts, RULES)


def test_a_difference_in_every_region_is_shown_with_two_trainings() -> None:
    assert buildings_sentence(many_regions(2), **TABLE).endswith("p = 0.0078: ESRGAN keeps more.")
    assert buildings_sentence(many_regions(1), **TABLE).endswith("one seed: not said.")
    assert buildings_sentence(many_regions(2, regions=1), **TABLE).endswith("+50.0 points (one region: no interval).")
    found = share_table(many_regions(2), **TABLE).set_index(["method", "share"])
    assert found.seeds["esrgan", "kept"] == 2
    assert found.buildings["esrgan", "recall"] == found.buildings["HR", "recall"] == 16
    assert share_table(many_regions(2, regions=1), **TABLE).low.isna().all()


def test_a_counter_that_finds_less_than_half_on_hr_judges_nothing() -> None:
    known, tiles = squares((2, 2), (2, 20), (20, 2)), [f"{n}_{n}" for n in range(8)]
    runs = {"HR": [squares((2, 2))], "esrgan": [known] * 2, "sr3": [squares((20, 20))] * 2}
    counts = {kind: [[maps] * 8 for maps in own] for kind, own in runs.items()}
    rows = scores(tiles, tiles, [known] * 8, counts, ["centre", "iou 0.5"])
    assert buildings_sentence(rows, **TABLE).endswith("(rule: centre). Below 50 % of either it cannot judge.")
    assert not share_table(rows, **TABLE).judges.any()
    assert "sr3" not in buildings_sentence(rows, **TABLE).lower()
    assert share_table(rows, **{**TABLE, "least": 0.3}).judges.all()


def test_the_first_rule_decides() -> None:
    known, tiles = squares((2, 2), (20, 20)), [f"{n}_{n}" for n in range(8)]
    beside = squares((4, 4), (22, 22))  # the centre lies in the building, the overlap is 16 of 56 px
    counts = {kind: [[maps] * 8] * 2 for kind, maps in {"HR": known, "esrgan": beside, "sr3": beside * 0}.items()}
    counts["HR"] = counts["HR"][:1]
    for rules, kept in ((["centre", "iou 0.5"], 1.0), (["iou 0.5", "centre"], 0.0)):
        rows = scores(tiles, tiles, [known] * 8, counts, rules)
        assert difference(rows, "esrgan", "sr3", "kept", **LIMITS)[0] == kept
        table = share_table(rows, **TABLE)
        assert table[table.decides].rule.unique().tolist() == rules[:1]


def test_trainings_widen_the_interval() -> None:
    known = squares((2, 2), (20, 20))
    runs = {"HR": [known], "esrgan": [known, squares((2, 2))]}
    counts = {kind: [[maps] * 6 for maps in own] for kind, own in runs.items()}
    tiles = [f"{n}_{n}" for n in range(6)]
    found = share_table(scores(tiles, tiles, [known] * 6, counts, RULES), **TABLE).set_index(["method", "share"])
    assert found.value["esrgan", "recall"] == 0.75
    assert (found.low["esrgan", "recall"], found.high["esrgan", "recall"]) == (0.5, 1.0)


def test_no_building_at_all() -> None:
    assert share_table(NOTHING, **TABLE).empty
    assert shares_as_text(share_table(NOTHING, **TABLE)).empty
    assert buildings_sentence(NOTHING, **TABLE) == "No building is known in these data."


def test_a_counter_learns_to_count() -> None:
    images, labels = zip(*(village(seed) for seed in range(8)), strict=True)
    settings = CounterSettings(widths=(8, 16), steps=80, batch=4, crop=32, learning_rate=1e-2)
    counter = train_counter(torch.stack(images), labels, settings)
    image, known = village(99)
    (counted,) = count(counter, image[None])
    found = match(known, counted, "iou 0.5")
    assert len(found.found) >= 0.8 * found.known
    assert found.counted <= 1.3 * found.known


def test_crops_lie_about_buildings_and_show_what_is_asked_for() -> None:
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    wanted = images[:, :2].round()
    settings = CounterSettings(batch=64, crop=16, near=1.0)
    seen, asked = _crops(images, wanted, [(1, 10, 60)], settings, np.random.default_rng(0))
    assert (seen.shape, asked.shape) == ((64, 3, 16, 16), (64, 2, 16, 16))
    torch.testing.assert_close(seen[:, :2].round(), asked)  # both are turned alike
    near = images[1, :, :32, 32:].unfold(1, 16, 1).unfold(2, 16, 1).flatten(1, 2)  # windows of that corner
    sums = near.sum(dim=(0, 2, 3))
    assert all((sums - crop.sum()).abs().min() < 1e-3 for crop in seen)
    assert len({round(float(crop.sum()), 3) for crop in seen}) > 8
    whole, _ = _crops(images, wanted, [], CounterSettings(batch=5, crop=0), np.random.default_rng(0))
    assert whole.shape == (5, 3, 64, 64)


def test_a_counter_is_made_once_and_opens_as_it_was(tmp_path: Path) -> None:
    images, labels = zip(*(village(seed) for seed in range(2)), strict=True)
    settings, scratch = CounterSettings(widths=(4, 8), steps=2, batch=2), tmp_path / "scratch"
    make_counter(torch.stack(images), labels, settings, "data", scratch, tmp_path / "first")
    trained = train_counter(torch.stack(images), labels, settings)
    opened = open_counter(tmp_path / "first")
    torch.testing.assert_close(opened(images[0][None]), trained(images[0][None]))
    make_counter(torch.zeros_like(torch.stack(images)), labels, settings, "data", scratch, tmp_path / "again")
    torch.testing.assert_close(open_counter(tmp_path / "again").state_dict(), opened.state_dict(), rtol=0, atol=0)
    make_counter(torch.zeros_like(torch.stack(images)), labels, settings, "other data", scratch, tmp_path / "again")
    assert not torch.equal(open_counter(tmp_path / "again").head.weight, opened.head.weight)
    with pytest.raises(FileNotFoundError, match="dvc repro counter"):
        open_counter(tmp_path / "none")
