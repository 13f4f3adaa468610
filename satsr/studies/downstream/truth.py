"""What is known of every place of a split: land cover and buildings of the embedded world, and a user's own masks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from satsr.data.data_set import DataSet
from satsr.data.making.own_masks import OwnMasks
from satsr.studies.downstream.settings import OwnTask
from satsr.studies.downstream.tasks import Known, Task
from satsr.training.counting.kinds import known_objects


@dataclass(frozen=True)
class Truth:
    """What is known of a split.

    Attributes:
        maps: by what they tell of, one map (H, W) of every place; what the data do not tell of is missing.
    """

    maps: dict[Known, list[NDArray[np.generic]]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: DataSet, split: str, own: OwnMasks | None = None) -> Truth:
        """Read what a data set tells of a split, and the user's own masks of its places."""
        chips, maps = data.readers[split].chips, dict[Known, list[NDArray[np.generic]]]()
        covers = [chips.land_cover(tile) for tile in data.pairs[split].tiles]
        if covers and all(cover is not None for cover in covers):
            maps["land cover"] = covers
        if buildings := known_objects(data, split, "buildings"):
            maps["buildings"] = list(buildings)
        if own is not None:
            maps["own"] = [own.mask(tile) for tile in data.pairs[split].tiles]
        return cls(maps)

    def labels(self, task: Task) -> Tensor:
        """Return what a task asks for of every place, (N, channels, H, W)."""
        return torch.from_numpy(np.stack([task.wanted(map_) for map_ in self.maps[task.known]]))


def check_own(truths: Mapping[str, Truth], own: OwnTask) -> None:
    """Check a user's own masks before anything learns from them.

    Args:
        truths: of every split.
        own: what their numbers mean.

    Raises:
        ValueError: numbers that nobody explained, or a class that no training place shows.
    """
    seen = {split: set(np.unique(np.stack(truth.maps["own"])).tolist()) for split, truth in truths.items()}
    unknown = sorted(set().union(*seen.values()) - {*own.classes.values(), *own.others})
    if unknown:
        raise ValueError(
            f"downstream.own.masks: got numbers {unknown}, expected those of classes {own.classes} or of others "
            f"{list(own.others)}: name them in one of both"
        )
    never = [name for name, number in own.classes.items() if number not in seen["train"]]
    if never:
        raise ValueError(f"downstream.own: no training place shows {', '.join(never)}: leave such classes out")
    if len(own.classes) == 1 and not seen["train"] & set(own.others):
        raise ValueError(
            f"downstream.own: every training pixel is {next(iter(own.classes))}: there is nothing to learn"
        )


def told(asked: Collection[Task], truth: Truth) -> tuple[Task, ...]:
    """Return the tasks whose labels are known; the others cannot be run on these data."""
    return tuple(task for task in asked if task.known in truth.maps)
