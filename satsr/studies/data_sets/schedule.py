"""How long, and from where, methods are trained on a further data set."""

from __future__ import annotations

from satsr.data.pairs import Pairs
from satsr.models.methods import find_method
from satsr.studies.data_sets.settings import DataSetsStudySettings
from satsr.training.settings import TrainSettings
from satsr.training.transfer import of_length


def can_fuse(pairs: Pairs) -> bool:
    """Say whether latent diffusion fits a set: images in color, of several dates that are known."""
    return len(pairs.bands_out) == 3 and pairs.settings.dates > 1 and bool(pairs.pair(0).dt_days.isfinite().all())


def trained_as(method: str, settings: TrainSettings, study: DataSetsStudySettings) -> TrainSettings:
    """Return how a method is trained on a further data set.

    What starts from a model of the main data (see `fitted`, `at_mean`) goes on at the learning rate where that ended.
    Latent methods start from the prior, as published, and not from a model of the main data, so that all of them start
    equal; they have a length of their own.

    Args:
        method: a name in `METHODS`.
        settings: of the method's own training.
        study: lengths, the size of a batch, and whether trainings start from models of the main data.
    """
    settings = settings.model_copy(update={"batch": study.batch or settings.batch})
    if find_method(method).pretrained:
        return of_length(settings, study.latent_length)
    if study.from_main:
        ended = settings.learning_rate * settings.gamma ** len(settings.milestones)
        goes_on = {"learning_rate": ended, "milestones": (), "start_at_mean": False}
        settings = settings.model_copy(update=goes_on)
    return of_length(settings, study.length)
