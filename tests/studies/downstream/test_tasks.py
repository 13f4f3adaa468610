"""Tasks: what is asked of a place, known answers of the scores, and names that are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from satsr.common.paths import Workspace
from satsr.common.settings import check
from satsr.data.settings import PairSettings
from satsr.evaluation.pooled import Pooled
from satsr.studies.downstream.settings import DownstreamSettings, OwnTask, parts_of
from satsr.studies.downstream.tasks import CELL_PX, CLASSES, TASKS, Task, tasks_of
from satsr.studies.downstream.truth import Truth, check_own, told
from satsr.world.scene import LAND_COVER
from tests.data.making.chips import made_data_set, made_up_chip
from tests.training.counting.maps import squares

GRASS, FOREST, ROAD = (LAND_COVER.index(name) for name in ("grass", "forest", "road"))


def scores_of(task: Task, answer: Tensor, wanted: Tensor) -> dict[str, float]:
    counts = {name: np.full((1, 1), value) for name, value in task.counts(answer, wanted).items()}
    return {m.name: Pooled(np.stack([counts[c] for c in m.columns]), m.score).value for m in task.metrics}


def cover(size: int = 32) -> np.ndarray:
    found = np.full((size, size), GRASS, np.uint8)
    found[:, : size // 2] = FOREST
    found[5, :] = ROAD
    return found


def wanted_of(name: str, buildings: np.ndarray | None = None) -> Tensor:
    none = np.zeros((32, 32), np.int32)
    maps = {"land cover": cover(), "buildings": none if buildings is None else buildings}
    return torch.from_numpy(TASKS[name].wanted(maps[TASKS[name].known]))


def test_every_class_of_land_cover_is_in_one_class() -> None:
    named = [name for names in CLASSES.values() for name in names]
    assert sorted(named) == sorted(LAND_COVER)


def test_what_is_asked_for_is_what_lies_there() -> None:
    houses = squares((2, 2), (20, 20))
    assert wanted_of("buildings", houses).sum() == 72
    assert wanted_of("roads").sum() == 32
    assert wanted_of("land cover").sum(dim=0).eq(1).all()
    assert wanted_of("tree cover").mean() == pytest.approx(0.5 * 31 / 32)
    assert wanted_of("building count", houses).sum() == pytest.approx(2)
    assert wanted_of("building count").sum() == 0


@pytest.mark.parametrize("name", ["buildings", "land cover"])
def test_a_right_answer_has_the_best_scores_and_a_wrong_one_the_worst(name: str) -> None:
    task, wanted = TASKS[name], wanted_of(name, squares((2, 2), (20, 20)))
    assert set(scores_of(task, 20 * wanted - 10, wanted).values()) == {1.0}
    assert scores_of(task, 10 - 20 * wanted, wanted)[task.metrics[0].name] < 0.2


def test_masks_are_scored_by_pixels_and_by_edges() -> None:
    wanted, answer = torch.zeros(1, 32, 32), torch.full((1, 32, 32), -1.0)
    wanted[:, 8:16, 8:16] = 1
    answer[:, 8:16, 10:18] = 1  # two pixels to the right: as far as an edge may lie
    found = scores_of(TASKS["buildings"], answer, wanted)
    assert found["IoU"] == pytest.approx(48 / 80)
    assert found["F1"] == pytest.approx(96 / 128)
    assert found["boundary F1"] == 1
    answer = answer.roll(1, dims=-1)
    found = scores_of(TASKS["buildings"], answer, wanted)
    # of 28 pixels of an edge, the 8 of the far side are three away, and 2 in the middle of the near side
    assert found["boundary F1"] == pytest.approx(18 / 28)


def test_classes_that_do_not_occur_do_not_count() -> None:
    wanted, answer = torch.zeros(len(CLASSES), 4, 4), torch.zeros(len(CLASSES), 4, 4)
    wanted[0, :2], wanted[1, 2:] = 1, 1
    answer[0] = 1
    found = scores_of(TASKS["land cover"], answer, wanted)
    assert found == {"mIoU": pytest.approx((0.5 + 0) / 2), "accuracy": 0.5}


def test_amounts_are_compared_in_cells_and_in_images() -> None:
    trees = torch.zeros(1, 2 * CELL_PX, CELL_PX)
    trees[:, :CELL_PX] = 1
    assert scores_of(TASKS["tree cover"], torch.full_like(trees, 0.0), trees)["MAE"] == pytest.approx(50)
    assert scores_of(TASKS["tree cover"], 20 * trees - 10, trees)["MAE"] < 0.01
    houses = wanted_of("building count", squares((2, 2), (20, 20)))
    five_a_cell = torch.full_like(houses, float(np.log(np.expm1(5.0))))  # softplus of it is 5
    assert scores_of(TASKS["building count"], five_a_cell, houses)["MAE"] == pytest.approx(4 * 5 - 2, rel=1e-4)


@pytest.mark.parametrize("name", list(TASKS))
def test_a_loss_is_less_where_the_answer_is_right(name: str) -> None:
    task, wanted = TASKS[name], wanted_of(name, squares((2, 2), (20, 20)))[None]
    right = (CELL_PX**2 * wanted).clamp(min=1e-3).expm1().log() if name == "building count" else 20 * wanted - 10
    assert task.loss(right, wanted) < 0.1 * task.loss(-right, wanted)


def test_of_data_without_labels_no_task_is_told(tmp_path: Path) -> None:
    chips = [replace(made_up_chip(), land_cover=None)]
    data = made_data_set(Workspace(tmp_path, "test"), {"train": chips}, PairSettings(dates=1))
    assert told(list(TASKS.values()), Truth.of(data, "train")) == ()


def test_of_data_with_land_cover_alone_tasks_of_buildings_are_not_told(tmp_path: Path) -> None:
    data = made_data_set(Workspace(tmp_path, "test"), {"train": [made_up_chip()]}, PairSettings(dates=1))
    names = [task.name for task in told(list(TASKS.values()), Truth.of(data, "train"))]
    assert names == ["roads", "land cover", "tree cover"]


OWN: dict[str, Any] = {"masks": "masks", "classes": {"field": 3, "hedge": 7}, "title": "hedges"}


def test_own_masks_of_one_class_are_outlined_and_of_several_told_apart() -> None:
    mask = np.array([[0, 3], [7, 3]], np.uint8)
    several = tasks_of(DownstreamSettings(own=OwnTask(**OWN)))["own"]
    assert several.wanted(mask).tolist() == [[[0, 1], [0, 1]], [[0, 0], [1, 0]]]
    assert [metric.name for metric in several.metrics] == ["mIoU", "accuracy"]
    assert not several.masks
    one = tasks_of(DownstreamSettings(own=OwnTask(**{**OWN, "classes": {"field": 3}, "others": (0, 7)})))["own"]
    assert one.wanted(mask).tolist() == [[[0, 1], [0, 1]]]
    assert (one.title, one.masks) == ("hedges", True)
    assert "own" not in tasks_of(DownstreamSettings())


@pytest.mark.parametrize(
    ("masks", "changes", "said"),
    [
        ([[3, 9]], {}, r"got numbers \[9\], expected those of classes .* or of others \[0\]"),
        ([[0, 3]], {}, "no training place shows hedge: leave such classes out"),
        ([[3, 3]], {"classes": {"field": 3}}, "every training pixel is field: there is nothing to learn"),
        ([[0, 3], [7, 3]], {}, ""),
    ],
)
def test_own_masks_are_checked_before_anything_learns(masks: Any, changes: dict[str, Any], said: str) -> None:
    truths = {split: Truth({"own": [np.array(masks, np.uint8)]}) for split in ("train", "val", "test")}
    if not said:
        return check_own(truths, OwnTask(**{**OWN, **changes}))
    with pytest.raises(ValueError, match=said):
        check_own(truths, OwnTask(**{**OWN, **changes}))


def test_inputs_are_named_by_kind_and_method() -> None:
    named = {"HR": ("HR", ""), "SR esrgan": ("SR", "esrgan"), "SR and LR sr3": ("SR and LR", "sr3")}
    named |= {"LR native": ("LR native", ""), "tuned features esrgan": ("tuned features", "esrgan")}
    assert {name: parts_of(name) for name in named} == named


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"inputs": ["SR nothing"]}, "got input 'SR nothing', expected one of LR, LR native, .*SR METHOD"),
        ({"inputs": ["HR esrgan"]}, "got input 'HR esrgan'"),
        ({"inputs": ["features sr3"]}, "a METHOD of srcnn, highresnet, esrgan"),
        ({"claims": [{"better": "SRR", "worse": "LR"}]}, "got input 'SRR'"),
        ({"tasks": ["cars"]}, "tasks"),
        ({"tasks": ["own"]}, "got task own, expected a block `own` that names its masks and classes"),
        ({"own": {**OWN, "others": [3]}}, r"got numbers \[3, 7, 3\], expected each once, from 0 to 255"),
        (
            {"networks": {"U-Net": {"kind": "unet", "widths": [8, 8]}}},
            "got 2 widths, expected 3 to 5: one for each level",
        ),
    ],
)
def test_names_that_do_not_fit_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check(DownstreamSettings, changes, "downstream")
