"""Train the variants of a study, seed by seed, and score them on the same places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from satsr.common.provenance import record
from satsr.evaluation.evaluate import evaluate_once, full_names, trained_models
from satsr.evaluation.settings import EvaluateSettings
from satsr.models.superresolver import SuperResolver
from satsr.studies.ablations.settings import BICUBIC, AblationSettings
from satsr.studies.ablations.variants import Variant
from satsr.training.train import Trained, train
from satsr.training.transfer import fitted

SCORES = ["method", "tile", "region", "metric", "protocol", "value", "clipped_share", "seed", "flattered"]


@dataclass(frozen=True)
class Tried:
    """What trying the variants of a study leaves.

    Attributes:
        curves: one row per variant, seed and validation: variant, seed, before (steps of what it goes on from), and the
            columns of a training's curve; its steps count from the start of what it goes on from.
        scores: one row per image: method (the variant, or bicubic), and the columns of `Evaluation.scores`.
        speeds: samples per second of each variant's training on this machine; none of what was finished before.
        models: of each variant, by seed.
    """

    curves: pd.DataFrame
    scores: pd.DataFrame
    speeds: dict[str, float]
    models: dict[str, dict[int, SuperResolver]]


def try_variants(name: str, study: AblationSettings, variants: Mapping[str, Variant], batch: int = 16) -> Tried:
    """Train and score every variant; what is finished is not done again, and what was stopped goes on.

    Seeds are those of the weights, of the order of the samples and of the crops: of one seed, variants see the same
    places in the same order.

    Args:
        name: of the study, for the record of speeds.
        study: its settings.
        variants: from `variants_of`.
        batch: images that are scored at once.

    Raises:
        FloatingPointError: a score is not finite.
        RuntimeError: a loss is not finite.
    """
    if not variants:
        return Tried(pd.DataFrame(columns=["variant", "seed", "step", "before"]), pd.DataFrame(columns=SCORES), {}, {})
    trained = {v: {seed: _trained(variant, seed) for seed in study.seeds} for v, variant in variants.items()}
    models = {v: {seed: run.model for seed, run in runs.items()} for v, runs in trained.items()}
    curves = [_curve(run, variants[v]).assign(seed=seed) for v, runs in trained.items() for seed, run in runs.items()]
    scores = [_scored(variants[v], study, runs, batch).assign(method=v) for v, runs in models.items()]
    scores.append(_bicubic(variants[study.baseline], study, batch).assign(method=BICUBIC))
    speeds = {v: max(run.samples_per_s for run in runs.values()) for v, runs in trained.items()}
    speeds = {v: round(speed, 1) for v, speed in speeds.items() if speed}
    if speeds:
        facts = {"samples_per_s": speeds, "baseline": study.baseline}
        record(variants[study.baseline].data.here.profile, f"variants_{name}", **facts)
    return Tried(pd.concat(curves, ignore_index=True), pd.concat(scores, ignore_index=True), speeds, models)


def _trained(variant: Variant, seed: int) -> Trained:
    if variant.trained_as:
        return _trained(variant.trained_as, seed)
    start = _trained(variant.start, seed).model if variant.start else None
    places = variant.data.pairs["train"]
    if start is not None and (start.card.dates, start.card.bands_in) != (places.settings.dates, places.bands_in):
        start = fitted(start, places)
    return train(variant.method, variant.training, seed, variant.data, start)


def _curve(run: Trained, variant: Variant) -> pd.DataFrame:
    before = variant.start.training.steps if variant.start else 0
    return run.curve.assign(step=run.curve.step + before, before=before, variant=variant.name)


def _scored(variant: Variant, study: AblationSettings, models: Mapping[int, SuperResolver], batch: int) -> pd.DataFrame:
    settings = _settings(study, batch)
    names = full_names(variant.data.here, settings.metrics)
    found = [
        evaluate_once(model, variant.data, settings, seed, f"{variant.name} seed {seed}", names, None).scores
        for seed, model in models.items()
    ]
    return pd.concat(found, ignore_index=True)


def _bicubic(baseline: Variant, study: AblationSettings, batch: int) -> pd.DataFrame:
    ((seed, model),) = trained_models(BICUBIC, [0], baseline.data.folders, baseline.data.pairs["test"])
    settings = _settings(study, batch)
    names = full_names(baseline.data.here, settings.metrics)
    return evaluate_once(model, baseline.data, settings, seed, BICUBIC, names, None).scores


def _settings(study: AblationSettings, batch: int) -> EvaluateSettings:
    return EvaluateSettings(metrics=study.metrics, protocols=study.protocols, batch=batch)
