"""What a system is worth: by metrics, to a counter that learned on HR, and to networks that learn on its outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor, nn

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.digests import content_digest
from satsr.common.progress import Progress
from satsr.data.data_set import DataSet
from satsr.data.making.footprints import Labels
from satsr.evaluation.evaluate import full_names
from satsr.metrics.scoring import score
from satsr.studies.downstream import engine
from satsr.studies.downstream.engine import answered, counts_of, learned
from satsr.studies.downstream.inputs import Images
from satsr.studies.downstream.ranking.settings import LearnedSettings, RankingSettings
from satsr.studies.downstream.ranking.systems import System
from satsr.studies.downstream.tasks import TASKS
from satsr.studies.downstream.truth import Truth
from satsr.training.counting.counter import count
from satsr.training.counting.kinds import KINDS, known_objects
from satsr.training.counting.matches import scores

HR = "HR"
KIND = "buildings"
EQUAL_DB = 10 * math.log10(12 * 255**2)  # PSNR of an error that is even between -1/2 and 1/2 of 255: 58.9
FACTS = ["system", "family", "learned", "seed", "tile", "region"]
COUNTED = ["known", "counted", "right", "found"]
COUNTS = "counts.parquet"


@dataclass(frozen=True)
class Measured:
    """What was measured on the test places.

    Attributes:
        values: of metrics, one row per system, metric and place: `FACTS`, metric, value, number (1).
        found: what the counter finds in each system's images and in HR's: `FACTS`, rule, known, counted, right, found.
        learned: counts of the task networks that learned on each system's images: `FACTS`, and those of the task.
    """

    values: pd.DataFrame
    found: pd.DataFrame
    learned: pd.DataFrame

    @classmethod
    def none(cls) -> Measured:
        """Return what there is where nothing was measured."""
        return cls(pd.DataFrame(), pd.DataFrame(columns=[*FACTS, "rule", *COUNTED]), pd.DataFrame())


@dataclass(frozen=True)
class Measure:
    """Measures systems on the test places of a data set.

    Attributes:
        data: with known buildings.
        settings: of the study.
        counter: of buildings, which learned on HR.
        rule: when a building is found.
    """

    data: DataSet
    settings: RankingSettings
    counter: nn.Module
    rule: str

    def of(self, systems: Sequence[System]) -> Measured:
        """Measure systems; the images of one at a time lie in memory.

        Raises:
            ValueError: a system has made another number of images than there are places.
        """
        values, found = [], [self._found(self._hr).assign(system=HR, family=HR, learned=False)]
        of_learned, progress = [], Progress("measure", len(systems), "systems")
        for system in systems:
            images = system.made("test")
            if len(images) != len(self._places):
                raise ValueError(f"{system.name}: got {len(images)} images, expected {len(self._places)}, one a place")
            facts: dict[str, str | bool] = {"system": system.name, "family": system.family, "learned": system.learned}
            values.append(self._values(images).assign(**facts))
            found.append(self._found(images).assign(**facts))
            if self.settings.learned is not None:
                of_learned += [own.assign(**facts) for own in self._learned(system, images, self.settings.learned)]
            progress.step()
        return Measured(
            *(pd.concat(rows, ignore_index=True) if rows else pd.DataFrame() for rows in (values, found, of_learned))
        )

    @cached_property
    def _places(self) -> pd.DataFrame:
        pairs = self.data.pairs["test"]
        return pd.DataFrame({"tile": pairs.tiles, "region": pairs.index.region.tolist(), "seed": 0})

    @cached_property
    def _hr(self) -> Tensor:
        pairs = self.data.pairs["test"]
        return pairs.batch(range(len(pairs))).hr

    @cached_property
    def _known(self) -> list[Labels]:
        return known_objects(self.data, "test", KIND)

    @cached_property
    def _labels(self) -> dict[str, Tensor]:
        assert self.settings.learned is not None
        task = TASKS[self.settings.learned.task]
        return {split: Truth.of(self.data, split).labels(task) for split in ("train", "test")}

    def _values(self, images: Tensor) -> pd.DataFrame:
        names = full_names(self.data.here, self.settings.metrics)
        of_metric = score(images, self._hr, list(names.values()), self.settings.protocol)
        tables = [
            self._places.assign(metric=name, value=finite(of_metric[full]), number=1) for name, full in names.items()
        ]
        return pd.concat(tables, ignore_index=True)

    def _found(self, images: Tensor) -> pd.DataFrame:
        counted = {HR: [count(self.counter, images, KINDS[KIND])]}
        rows = scores(self._places.tile.tolist(), self._places.region.tolist(), self._known, counted, [self.rule])
        return rows[["seed", "tile", "region", "rule", *COUNTED]]

    def _learned(self, system: System, images: Tensor, own: LearnedSettings) -> list[pd.DataFrame]:
        """Return the counts of a network for every seed; what is finished is not done again."""
        seen = {"train": system.made("train"), "test": images}
        made_from = {
            "images": {split: content_digest([part.numpy().tobytes()]) for split, part in seen.items()},
            "data": self.data.digest,
            "settings": own.model_dump(mode="json", exclude={"seeds"}),
        }
        code = fingerprint({__name__, engine.__name__})
        found = []
        for seed in own.seeds:
            key = key_of({**made_from, "seed": seed}, code)
            folder = scratch_folder(self.data.folders.scratch / "ranking", own.task.replace(" ", "-"), key) / "finished"

            def make(partial: Path, seed: int = seed) -> None:
                partial.mkdir(parents=True)
                self._counted(seen, own, seed, system.name).to_parquet(partial / COUNTS, index=False)

            make_once(folder, make)
            found.append(self._places.assign(seed=seed).join(pd.read_parquet(folder / COUNTS)))
        return found

    def _counted(self, seen: dict[str, Tensor], own: LearnedSettings, seed: int, name: str) -> pd.DataFrame:
        task, wanted, what = TASKS[own.task], self._labels, f"{own.task} from {name}, seed {seed}"
        network = learned(what, task, Images(seen), wanted["train"], own.network, own.train, seed)
        return counts_of(task, answered(network, seen["test"]), wanted["test"])


def finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores of which the infinite ones, of equal images, are those of the error of rounding to 8 bits."""
    return np.where(np.isposinf(values), EQUAL_DB, values)
