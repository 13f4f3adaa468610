"""Objects counted in HR and in outputs: of the main table's methods, and of the variants of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from torch import Tensor, nn

from satsr.data.data_set import DataSet
from satsr.data.making.footprints import Labels
from satsr.evaluation.in_batches import outputs
from satsr.evaluation.outputs import load_outputs
from satsr.models.superresolver import SuperResolver
from satsr.studies.hallucination.report import HR
from satsr.training.counting.counter import count, open_counter
from satsr.training.counting.kinds import KINDS, Kind, known_objects
from satsr.training.counting.matches import NOTHING, scores


@dataclass(frozen=True)
class Truth:
    """What is known of one kind of objects on the test places of a data set, and who counts them.

    Attributes:
        kind: of the objects.
        rule: when one counts as found.
        data: the data set.
        known: a label map for each test place.
        counter: from `open_counter`.
    """

    kind: Kind
    rule: str
    data: DataSet
    known: list[Labels]
    counter: nn.Module

    @classmethod
    def of(cls, data: DataSet, kind: str, rule: str, counters: Path) -> Truth | None:
        """Return what is known of a kind; None where the data tell of none.

        Args:
            data: the data set.
            kind: its name in `KINDS`.
            rule: when one counts as found.
            counters: the folder of the counters, one for every kind.

        Raises:
            FileNotFoundError: no counter of this kind.
        """
        known = known_objects(data, "test", kind)
        return cls(KINDS[kind], rule, data, known, open_counter(counters / kind)) if known else None

    def seen(self, images: Tensor) -> list[Labels]:
        """Return what the counter sees in images (N, 3, H, W) of all test places."""
        return count(self.counter, images, self.kind)

    def rows(self, outputs: Mapping[str, Sequence[Tensor]]) -> pd.DataFrame:
        """Count in HR and in outputs; see `scores`.

        Args:
            outputs: method -> for each training, its outputs (N, 3, H, W) of all test places.
        """
        places = self.data.pairs["test"]
        counted = {HR: [self.seen(places.batch(range(len(places))).hr)]}
        counted |= {method: [self.seen(images) for images in runs] for method, runs in outputs.items()}
        return scores(places.tiles, places.index.region.tolist(), self.known, counted, [self.rule])


def rows_of_methods(truth: Truth | None, methods: Sequence[str]) -> pd.DataFrame:
    """Count in the outputs that the evaluation kept; no row where nothing is known."""
    if truth is None:
        return NOTHING
    return truth.rows({method: list(load_outputs(truth.data.folders.outputs, method)) for method in methods})


def outputs_of(models: Mapping[int, SuperResolver], data: DataSet) -> list[Tensor]:
    """Return the outputs (N, 3, H, W) of every training of a variant, on the test places that it sees.

    Args:
        models: by seed.
        data: the variant's, with its dates and bands.
    """
    return [outputs(model, data.pairs["test"]) for model in models.values()]
