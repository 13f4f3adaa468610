"""What a variant is when its settings are laid over the common training, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from satsr.common.settings import check, merge
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.studies.ablations.settings import AblationSettings
from satsr.training.settings import TrainSettings

SHARE_SEED = 0


@dataclass(frozen=True)
class Variant:
    """A variant, ready to be trained.

    Attributes:
        name: in the settings.
        method: what is trained.
        training: its settings.
        data: what it learns from and is scored on, as it sees it.
        start: the variant that it goes on from, cut to the steps after which it is taken over; None where it starts
            from its seed's own weights.
        trained_as: the variant whose training is taken; None where it has one of its own.
    """

    name: str
    method: str
    training: TrainSettings
    data: DataSet
    start: Variant | None = None
    trained_as: Variant | None = None


def variants_of(
    study: AblationSettings, trainings: Mapping[str, TrainSettings], data: DataSet, where: str
) -> dict[str, Variant]:
    """Return the variants that a profile runs, by name.

    Args:
        study: of the variants.
        trainings: what all studies have in common, by method.
        data: the data set of the variants.
        where: name of the study's block of settings, for messages.

    Raises:
        ValueError: a method without a training, a change that is no training, or one that asks for dates, bands, older
            HR or objects that the data do not have; names the variant.
    """
    if study.method not in trainings:
        raise ValueError(f"{where}.method: got {study.method}, expected one of variants.train: {', '.join(trainings)}")
    common = merge(trainings[study.method].model_dump(), study.change)
    others = [(study.variants[name].start, study.variants[name].trained_as) for name in study.running]
    used = [*study.running, *(name for pair in others for name in pair if name)]
    found = {name: _variant(study, name, common, data, where) for name in dict.fromkeys(used)}
    ready = {}
    for name in study.running:
        of = study.variants[name]
        start = found[of.start] if of.start else None
        ready[name] = replace(
            found[name],
            start=_cut(start, of.start_steps) if start else None,
            trained_as=found[of.trained_as] if of.trained_as else None,
        )
    return ready


def _variant(study: AblationSettings, name: str, common: dict[str, object], data: DataSet, where: str) -> Variant:
    of, there = study.variants[name], f"{where}.variants.{name}"
    training = check(TrainSettings, merge(common, of.change), f"{there}.change")
    pairs = check(PairSettings, merge(data.settings.pairs.model_dump(), of.pairs), f"{there}.pairs")
    seen = replace(data, settings=data.settings.model_copy(update={"pairs": pairs}))
    _check_there(there, seen, data)
    if of.share < 1:
        seen = replace(seen, only={**data.only, "train": share_of(data.pairs["train"].tiles, of.share)})
    return Variant(name, study.method, training, seen)


def share_of(tiles: Sequence[str], share: float) -> frozenset[str]:
    """Return a share of the places, at least one, drawn once: a smaller share lies within a larger one."""
    order = np.random.default_rng(SHARE_SEED).permutation(len(tiles))
    return frozenset(tiles[number] for number in order[: max(1, round(share * len(tiles)))])


def _check_there(where: str, seen: DataSet, data: DataSet) -> None:
    """Refuse a variant for which places would be left out, or that asks for what is not there: another study."""
    try:
        own = {split: len(pairs) for split, pairs in seen.pairs.items()}
        _check_extras(seen)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    lost = {split: len(pairs) - own[split] for split, pairs in data.pairs.items() if len(pairs) > own[split]}
    if lost:
        dates = seen.settings.pairs.dates
        raise ValueError(
            f"{where}: got {dates} dates, which {sum(lost.values())} places of {data.title} do not have "
            f"({', '.join(lost)}): ask for fewer, or make data with more"
        )


def _check_extras(seen: DataSet) -> None:
    asked, training = seen.settings.pairs, seen.pairs["train"]
    if asked.old_hr and (lost := [tile for tile in training.tiles if training.chips.old_hr(tile) is None]):
        counts = f"{len(lost)} of {len(training)} places"
        raise ValueError(f"got pairs.old_hr, but {counts} have no older HR, first {lost[0]}: leave this variant out")
    if asked.objects and not any(training.chips.objects(tile) for tile in training.tiles):
        raise ValueError(f"got pairs.objects, but none of {len(training)} places has objects: leave this variant out")


def _cut(variant: Variant, steps: int) -> Variant:
    """Return the same training, ended early; what it has done until then is the same."""
    shorter = variant.training.model_copy(update={"steps": steps, "validate_every": steps})
    return replace(variant, training=shorter)
