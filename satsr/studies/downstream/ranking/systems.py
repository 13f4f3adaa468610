"""The systems that are ranked: methods, numbers of dates, faults of known order, and variants of ESRGAN.

A family is what belongs together: the trainings of one method, the strengths of one fault, the variants of one study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from satsr.data.data_set import DataSet
from satsr.data.pairs import Pairs
from satsr.data.settings import PairSettings
from satsr.evaluation.degradations.context import Context
from satsr.evaluation.degradations.faults import DEGRADATIONS, applicable
from satsr.evaluation.degradations.objects import things
from satsr.evaluation.evaluate import trained_models
from satsr.evaluation.in_batches import outputs
from satsr.evaluation.outputs import load_outputs
from satsr.models.methods import METHODS
from satsr.models.superresolver import SuperResolver
from satsr.perception.identity import weights_digest

BICUBIC = "bicubic"


@dataclass(frozen=True)
class System:
    """One way to make images of 2.5 m.

    Attributes:
        name: as in tables.
        family: what it is resampled with.
        learned: whether something was trained for it.
        made: of a split, the images of all places, (N, 3, H, W) in [0, 1], rounded to 8 bits.
    """

    name: str
    family: str
    learned: bool
    made: Callable[[str], Tensor]


def some_places(data: DataSet, per_region: int) -> DataSet:
    """Return a data set of which so many test places of each region are used, the first; 0 uses all."""
    if not per_region:
        return data
    index = data.pairs["test"].index
    chosen = index.groupby("region", sort=False).head(per_region).tile
    return replace(data, only={**data.only, "test": frozenset(chosen)})


def of_methods(methods: Sequence[str], seeds: Mapping[str, Sequence[int]], data: DataSet) -> Iterator[System]:
    """Yield every training of the methods; on test places, what the evaluation kept of them."""
    every = replace(data, only={}).pairs["test"].tiles
    places = [every.index(tile) for tile in data.pairs["test"].tiles]
    for method in methods:
        kept = load_outputs(data.folders.outputs, method)
        learns = METHODS[method].learns
        for number, seed in enumerate(tuple(seeds[method])[: len(kept)] if learns else (0,)):

            def made(split: str, method: str = method, number: int = number, seed: int = seed) -> Tensor:
                if split == "test":
                    return load_outputs(data.folders.outputs, method)[number][places]
                pairs = data.pairs[split]
                return _rounded(outputs(_model(method, seed, data, pairs), pairs))

            yield System(f"{method}, seed {seed}" if learns else method, method, learns, made)


def of_dates(counts: Sequence[int], data: DataSet) -> Iterator[System]:
    """Yield bicubic interpolation of the median of fewer dates; a family with the method of that name."""
    for count in counts:
        own = data.settings.pairs.model_copy(update={"dates": count})

        def made(split: str, own: PairSettings = own) -> Tensor:
            pairs = _seen_as(own, split, data)
            return _rounded(outputs(_model(BICUBIC, 0, data, pairs), pairs))

        yield System(f"{BICUBIC} of {count} dates", BICUBIC, False, made)


def of_faults(faults: Mapping[str, Sequence[float]], data: DataSet) -> Iterator[System]:
    """Yield HR with faults; where a fault of objects cannot be made, a place stays as it is.

    Raises:
        ValueError: a fault that there is not.
    """
    unknown = sorted(set(faults) - set(DEGRADATIONS))
    if unknown:
        raise ValueError(f"ranking.faults: got {', '.join(unknown)}, expected some of {', '.join(DEGRADATIONS)}")
    for kind, strengths in faults.items():
        for strength in strengths:

            def made(split: str, kind: str = kind, strength: float = strength) -> Tensor:
                return _rounded(torch.stack(list(_faulty(kind, strength, data.pairs[split]))))

            yield System(f"{kind} {strength:g}", kind, False, made)


@dataclass(frozen=True)
class Variants:
    """The trainings of a study of variants.

    Attributes:
        study: its name.
        models: by variant and seed.
        seen: by variant, the dates and bands that it takes.
    """

    study: str
    models: Mapping[str, Mapping[int, SuperResolver]]
    seen: Mapping[str, PairSettings]


def of_variants(studies: Sequence[Variants], data: DataSet) -> Iterator[System]:
    """Yield the trainings of studies of variants, on the places of another data set; of equal ones the first.

    Args:
        studies: which share trainings: the baseline of one may be a variant of another.
        data: the data set that all systems are compared on.
    """
    known = set[tuple[str, int]]()
    for of in studies:
        for variant, own in of.seen.items():
            for seed, model in of.models[variant].items():
                key = weights_digest(model), own.dates
                if key in known:
                    continue
                known.add(key)

                def made(split: str, model: SuperResolver = model, own: PairSettings = own) -> Tensor:
                    return _rounded(outputs(model, _seen_as(own, split, data)))

                yield System(f"{of.study}: {variant}, seed {seed}", of.study, True, made)


def _model(method: str, seed: int, data: DataSet, pairs: Pairs) -> SuperResolver:
    ((_, model),) = trained_models(method, [seed], data.folders, pairs)
    return model


def _seen_as(own: PairSettings, split: str, data: DataSet) -> Pairs:
    """Return the places of a split with other dates or bands: the same, or what is made would not fit the labels."""
    pairs = data.seen_as(own, split)
    if pairs.tiles != data.pairs[split].tiles:
        raise ValueError(f"{data.name}, {split}: got other places with {own.dates} dates, expected the same")
    return pairs


def _faulty(kind: str, strength: float, pairs: Pairs) -> Iterator[Tensor]:
    for number, tile in enumerate(pairs.tiles):
        objects, hr = things(pairs.chips.objects(tile)), pairs.pair(number).hr
        yield DEGRADATIONS[kind](hr, strength, Context(number, objects)) if applicable(kind, objects) else hr


def _rounded(images: Tensor) -> Tensor:
    return (255 * images).round() / 255
