"""Questions for the voting page, from a study that has been run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from satsr.common.paths import Workspace, project_root
from satsr.data.data_set import DataSet, main_data
from satsr.data.settings import PairSettings
from satsr.evaluation.evaluate import super_resolve, trained_models
from satsr.studies.agreement.design import read_design
from satsr.studies.agreement.stand_in import candidates, possible
from satsr.studies.voting.questions import Question

BETTER, WORSE = "better", "worse"  # what the candidates of a stand-in pair are called in the votes file


def method_questions(
    methods: Sequence[str], trained: int, pairs: PairSettings, here: Workspace, count: int, seed: int = 0
) -> list[Question]:
    """Return pairs of the methods' outputs at places of the test split, drawn by seed.

    Args:
        methods: names in `METHODS`, at least two.
        trained: the seed of the models that are asked about.
        pairs: how a place becomes a sample.
        here: the profile's folders.
        count: how many, or fewer where the test split has too few places; every pair of methods is asked equally
            often, or once more than others.
        seed: of the places.

    Raises:
        FileNotFoundError: the profile's data or models are missing.
        ValueError: fewer than two methods.
    """
    if len(methods) < 2:
        raise ValueError(f"methods = {list(methods)}, expected at least two: there is nothing to vote on")
    data = _data(here, pairs)
    test = data.pairs["test"]
    duels = list(combinations(methods, 2))
    rng = np.random.default_rng(seed)
    places = rng.permutation(len(test))[: -(-count // len(duels))]
    once_more = [duels[number] for number in rng.permutation(len(duels))]
    batch = test.batch(places.tolist())
    models = {m: trained_models(m, [trained], data.folders, test)[0][1] for m in methods}
    outputs = {method: super_resolve(model, batch)[0] for method, model in models.items()}
    return [
        Question(tile, a, b, picture(batch.hr[i]), picture(outputs[a][i]), picture(outputs[b][i]))
        for i, tile in enumerate(batch.tiles)
        for a, b in once_more[: count - i * len(duels)]
    ]


def stand_in_questions(design: str, pairs: PairSettings, here: Workspace, count: int, seed: int = 0) -> list[Question]:
    """Return some of the stand-in's pairs, so that people can say whether its order is theirs.

    Args:
        design: the stand-in's pairs, a path below the project's root.
        pairs: how a place becomes a sample.
        here: the profile's folders.
        count: how many.
        seed: of the choice.

    Raises:
        FileNotFoundError: the profile's data are missing.
    """
    test = _data(here, pairs).pairs["test"]
    designed = read_design(project_root() / design)
    rows: pd.DataFrame = possible(designed[designed.part == "report"], test)
    chosen = rows.sample(min(count, len(rows)), random_state=seed)
    made = {str(row["pair"]): candidates(row, test) for _, row in chosen.iterrows()}
    return [
        Question(name, BETTER, WORSE, picture(c.target), picture(c.better), picture(c.worse))
        for name, c in made.items()
    ]


def picture(image: Tensor) -> NDArray[np.uint8]:
    """Return an image (C, H, W) in [0, 1] as (H, W, 3), 8 bits deep."""
    return (image[:3].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


def _data(here: Workspace, pairs: PairSettings) -> DataSet:
    data = main_data(here, pairs)
    if not data.folders.manifest.is_file():
        raise FileNotFoundError(
            f"profile {here.profile} has no images on this machine: run `satsr study --profile {here.profile}` first"
        )
    return data
