"""Climates of the embedded world: training without some of them, scores by climate, and the model that is kept."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from satsr.data.climates import climate_of
from satsr.data.data_set import DataSet
from satsr.data.pairs import spread_evenly
from satsr.evaluation.tables import NOT_RUN
from satsr.models.files import save_model
from satsr.studies.ablations.engine import Tried
from satsr.studies.ablations.report import Report
from satsr.studies.ablations.settings import GlobalModelSettings
from satsr.studies.ablations.variants import Variant


def without(data: DataSet, unseen: Sequence[str]) -> DataSet:
    """Return a data set whose training and validation places lie in no unseen climate; test places stay.

    Raises:
        ValueError: a climate that no place has, or nothing would be left to learn from.
    """
    kept = {}
    for split in ("train", "val"):
        pairs = data.pairs[split]
        of = {tile: climate_of(pairs, tile) for tile in pairs.tiles}
        kept[split] = frozenset(tile for tile, climate in of.items() if climate not in unseen)
        if not kept[split]:
            raise ValueError(f"global_model.unseen: all {len(of)} places of {split} lie in {', '.join(unseen)}")
    test = data.pairs["test"]
    missing = set(unseen) - {climate_of(test, tile) for tile in test.tiles}
    if missing:
        raise ValueError(f"global_model.unseen: no test place lies in {', '.join(sorted(missing))}: nothing is scored")
    return replace(data, only=kept)


def within(data: DataSet, unseen: Sequence[str], count: int) -> DataSet:
    """Return a data set that learns from so many places of the unseen climates alone; test places stay.

    Raises:
        ValueError: fewer training places, or no validation place, lie there.
    """
    there = {
        split: [tile for tile in data.pairs[split].tiles if climate_of(data.pairs[split], tile) in unseen]
        for split in ("train", "val")
    }
    if len(there["train"]) < count or not there["val"]:
        raise ValueError(
            f"global_model.adapted: got {len(there['train'])} training and {len(there['val'])} validation places in "
            f"{', '.join(unseen)}, expected {count} and at least 1: ask for fewer, or make more regions"
        )
    chosen = [there["train"][number] for number in spread_evenly(len(there["train"]), count)]
    return replace(data, only={"train": frozenset(chosen), "val": frozenset(there["val"])})


def adapted(variants: Mapping[str, Variant], settings: GlobalModelSettings, data: DataSet) -> dict[str, Variant]:
    """Return variants of which those that are named learn on places of the unseen climates.

    Args:
        variants: from `variants_of`, without the unseen climates.
        settings: which, and on how many places.
        data: with all climates.
    """
    found = dict(variants)
    for name, count in settings.adapted.items():
        if name in found:
            seen = replace(data, settings=found[name].data.settings)
            found[name] = replace(found[name], data=within(seen, settings.unseen, count))
    return found


def parted(tried: Tried, data: DataSet, unseen: Sequence[str]) -> tuple[Tried, Tried]:
    """Return the same trainings with the scores of unseen climates, and with those of the others."""
    test = data.pairs["test"]
    tiles = {tile for tile in test.tiles if climate_of(test, tile) in unseen}
    inside = tried.scores.tile.isin(tiles)
    return replace(tried, scores=tried.scores[inside]), replace(tried, scores=tried.scores[~inside])


def keep(tried: Tried, found: Report, settings: GlobalModelSettings, folder: Path, profile: str) -> str:
    """Write the weights and the card of the model that is kept, and say what was written.

    Args:
        tried: from `try_variants`.
        found: on unseen climates; its means go on the card.
        settings: which variant.
        folder: to write to; what is there is replaced.
        profile: goes on the card.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if settings.keep not in tried.models:
        (folder / "README.txt").write_text(f"The global model: {NOT_RUN} ({profile}).\n")
        return f"The global model: {NOT_RUN}."
    seed, model = next(iter(tried.models[settings.keep].items()))
    own = found.means[found.means.variant.eq(settings.keep)]
    scores = {
        f"{metric} ({protocol}), unseen climates": round(float(mean), 4)
        for metric, protocol, mean in zip(own.metric, own.protocol, own["mean"], strict=True)
    }
    provenance = {**model.card.provenance, "profile": profile, "unseen_climates": list(settings.unseen)}
    model.card = replace(model.card, scores=scores, provenance=provenance)
    save_model(model, folder)
    why = found.hidden[settings.keep]
    warning = f" Its numbers are not shown: {why}." if why else ""
    return f"*{settings.keep}*, seed {seed}, lies in `artifacts/{profile}/global_model`.{warning}"
