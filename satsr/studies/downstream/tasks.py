"""What a network is asked of every chip, how it learns that, and how its answers are scored.

Which five tasks the paper ran is not known. These are what practitioners ask of images of 2.5 m: outlines of buildings
and roads, land cover, tree cover, and a number of buildings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from satsr.evaluation.pooled import Score, ratio
from satsr.metrics.facts import Better
from satsr.studies.downstream.settings import DownstreamSettings, OwnTask
from satsr.training.counting.kinds import ROADS
from satsr.training.dense import overlap_loss
from satsr.world.scene import LAND_COVER

Labels = NDArray[Any]  # of a place, (H, W): numbers of classes, or of buildings
Known = Literal["land cover", "buildings", "own"]  # what a task's labels come from

CELL_PX = 16  # side of the cells in which amounts are compared, in HR px
EDGE_PX = 2  # how far an edge may lie from its own, in HR px
CLASSES = {  # of ESA WorldCover, and what they are in the embedded world
    "tree cover": ("forest", "orchard"),
    "shrubland": ("shrub",),
    "grassland": ("grass", "sport"),
    "cropland": ("crop",),
    "built-up": ("road", "track", "parking", "paved", "building", "pier"),
    "bare": ("bare", "sand"),
    "water": ("water", "pool"),
    "wetland": ("wetland",),
}
TREES = CLASSES["tree cover"]


@dataclass(frozen=True)
class Metric:
    """A score of counts.

    Attributes:
        name: as in tables.
        columns: of a chip's counts that it needs.
        score: of their sums.
        better: which direction is.
    """

    name: str
    columns: tuple[str, ...]
    score: Score = ratio
    better: Better = "higher"


@dataclass(frozen=True)
class Task:
    """One question to a network.

    Attributes:
        name: as in settings.
        title: as in tables.
        channels: of the network's answer.
        known: what its labels come from.
        wanted: of a place's labels, what is asked for: float32 (channels, H, W).
        loss: of the network's answers, and of what is wanted.
        counts: of one answer (channels, H, W) and of what is wanted, the counts that its metrics need.
        metrics: the first decides.
    """

    name: str
    title: str
    channels: int
    known: Known
    wanted: Callable[[Labels], NDArray[np.float32]]
    loss: Callable[[Tensor, Tensor], Tensor]
    counts: Callable[[Tensor, Tensor], dict[str, float]]
    metrics: tuple[Metric, ...]

    @property
    def masks(self) -> bool:
        """Whether an answer above 0 says that something is there."""
        return self.metrics == OF_MASKS


def _mask_of(numbers: Sequence[int], labels: Labels) -> NDArray[np.float32]:
    return np.isin(labels, numbers)[None].astype(np.float32)


def _buildings(buildings: Labels) -> NDArray[np.float32]:
    return (buildings > 0)[None].astype(np.float32)


def _classes(classes: Sequence[Sequence[int]], labels: Labels) -> NDArray[np.float32]:
    return np.concatenate([_mask_of(numbers, labels) for numbers in classes])


def _density(buildings: Labels) -> NDArray[np.float32]:
    """Return a map whose sum is the number of buildings: each one's 1 lies spread over its pixels."""
    sizes = np.bincount(buildings.ravel())
    spread = 1.0 / np.maximum(sizes, 1)
    spread[0] = 0.0
    return spread[buildings][None].astype(np.float32)


def _cross_entropy(answers: Tensor, wanted: Tensor) -> Tensor:
    """Return cross-entropy over classes; a pixel without any class says nothing."""
    known = wanted.sum(dim=1)
    per_pixel = F.cross_entropy(answers, wanted, reduction="none")
    return (per_pixel * known).sum() / known.sum().clamp(min=1)


def _shares_loss(answers: Tensor, wanted: Tensor) -> Tensor:
    return F.l1_loss(_cells(answers.sigmoid()), _cells(wanted))


def _density_loss(answers: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean error of the number of buildings in a cell; a network's 1 is a building in a cell."""
    return F.l1_loss(_number(answers), CELL_PX**2 * _cells(wanted))


def _number(answers: Tensor) -> Tensor:
    """Return the number of buildings in every cell that answers mean."""
    return _cells(F.softplus(answers))


def _cells(maps: Tensor) -> Tensor:
    """Return means over cells (..., H / CELL_PX, W / CELL_PX)."""
    return F.avg_pool2d(maps, CELL_PX)


def _mask_counts(answer: Tensor, wanted: Tensor) -> dict[str, float]:
    """Count pixels, and pixels of edges that have one of the other mask's edges near (Csurka et al., 2013)."""
    seen, known = (answer[0] > 0).numpy(), (wanted[0] > 0.5).numpy()
    edges, near = [_edge(mask) for mask in (seen, known)], 2 * EDGE_PX + 1
    beside = [ndimage.maximum_filter(edge, near) for edge in edges]
    return {
        "both": int((seen & known).sum()),
        "seen": int(seen.sum()),
        "known": int(known.sum()),
        "edge_right": int((edges[0] & beside[1]).sum()),
        "edge_seen": int(edges[0].sum()),
        "edge_found": int((edges[1] & beside[0]).sum()),
        "edge_known": int(edges[1].sum()),
    }


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask that have one beside them that is not; the border of the image is no edge."""
    return mask & ~ndimage.minimum_filter(mask, footprint=ndimage.generate_binary_structure(2, 1), mode="nearest")


def _class_counts(answer: Tensor, wanted: Tensor) -> dict[str, float]:
    known = wanted.sum(dim=0).numpy() > 0
    seen, true = answer.argmax(dim=0).numpy()[known], wanted.argmax(dim=0).numpy()[known]
    found: dict[str, float] = {"right": int((seen == true).sum()), "pixels": int(known.sum())}
    for number in range(len(wanted)):
        found[f"both_{number}"] = int(((seen == number) & (true == number)).sum())
        found[f"either_{number}"] = int(((seen == number) | (true == number)).sum())
    return found


def _share_counts(answer: Tensor, wanted: Tensor) -> dict[str, float]:
    """Sum errors of the share of trees over cells, in points of per cent."""
    errors = 100 * (_cells(answer.sigmoid()) - _cells(wanted)).abs()
    return {"error": float(errors.sum()), "number": errors.numel()}


def _number_counts(answer: Tensor, wanted: Tensor) -> dict[str, float]:
    return {"error": abs(float(_number(answer).sum() - wanted.sum())), "number": 1}


def intersection_over_union(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return IoU of both, seen and known."""
    both, seen, known = sums
    return ratio(np.stack([both, seen + known - both]))


def f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return F1 of both, seen and known."""
    both, seen, known = sums
    return ratio(np.stack([2 * both, seen + known]))


def boundary_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return F1 of edges: right of seen is precision, found of known is recall."""
    right, seen, found, known = sums
    precision, recall = ratio(np.stack([right, seen])), ratio(np.stack([found, known]))
    return ratio(np.stack([2 * precision * recall, precision + recall]))


def mean_iou(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean IoU of the classes that occur, in truth or in answers."""
    half = len(sums) // 2
    with np.errstate(invalid="ignore"):
        each = np.stack([ratio(np.stack(pair)) for pair in zip(sums[:half], sums[half:], strict=True)])
        occur = np.isfinite(each)
        return np.asarray(np.where(occur, each, 0).sum(axis=0) / np.where(occur.any(axis=0), occur.sum(axis=0), np.nan))


_PIXELS = ("both", "seen", "known")
OF_MASKS = (
    Metric("IoU", _PIXELS, intersection_over_union),
    Metric("F1", _PIXELS, f1),
    Metric("boundary F1", ("edge_right", "edge_seen", "edge_found", "edge_known"), boundary_f1),
)
OF_AMOUNTS = (Metric("MAE", ("error", "number"), better="lower"),)


def _of_classes(count: int) -> tuple[Metric, ...]:
    columns = (f"{what}_{number}" for what in ("both", "either") for number in range(count))
    return Metric("mIoU", tuple(columns), mean_iou), Metric("accuracy", ("right", "pixels"))


def _numbers(names: Sequence[str]) -> list[int]:
    return [LAND_COVER.index(name) for name in names]


def _land_cover() -> Task:
    wanted = partial(_classes, [_numbers(names) for names in CLASSES.values()])
    count = len(CLASSES)
    return Task(
        "land cover", "land cover", count, "land cover", wanted, _cross_entropy, _class_counts, _of_classes(count)
    )


def _mask(name: str, title: str, known: Known, wanted: Callable[[Labels], NDArray[np.float32]]) -> Task:
    return Task(name, title, 1, known, wanted, overlap_loss, _mask_counts, OF_MASKS)


_ROADS, _TREES = (partial(_mask_of, _numbers(names)) for names in (ROADS, TREES))
TASKS = {
    task.name: task
    for task in (
        _mask("buildings", "building segmentation", "buildings", _buildings),
        _mask("roads", "road segmentation", "land cover", _ROADS),
        _land_cover(),
        Task("tree cover", "tree cover, points", 1, "land cover", _TREES, _shares_loss, _share_counts, OF_AMOUNTS),
        Task(
            "building count", "buildings per image", 1, "buildings", _density, _density_loss, _number_counts, OF_AMOUNTS
        ),
    )
}


def tasks_of(settings: DownstreamSettings) -> dict[str, Task]:
    """Return every task by name: the study's, and the user's own where the settings tell of one."""
    return {**TASKS, **({"own": _own(settings.own)} if settings.own else {})}


def _own(own: OwnTask) -> Task:
    """Return the task of a user's own masks: outlines of one class, or several classes told apart."""
    numbers = list(own.classes.values())
    if len(numbers) == 1:
        return _mask("own", own.title, "own", partial(_mask_of, numbers))
    wanted, count = partial(_classes, [[number] for number in numbers]), len(numbers)
    return Task("own", own.title, count, "own", wanted, _cross_entropy, _class_counts, _of_classes(count))
