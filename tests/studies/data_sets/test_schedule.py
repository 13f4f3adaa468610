"""How long, and from where, methods are trained on a further data set, and where latent diffusion fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from satsr.data.pairs import Pairs
from satsr.data.readers.fmow import FMoW
from satsr.studies.data_sets.schedule import can_fuse, trained_as
from satsr.studies.data_sets.settings import DataSetsStudySettings
from satsr.training.settings import TrainSettings
from satsr.training.transfer import of_length
from tests.data.small_downloads import ONE, TWO, download, write_all


class DateLess(FMoW):
    """fMoW without dates."""

    def sample(self, tile: str, bands: Any) -> Any:
        found = super().sample(tile, bands)
        return replace(found, days=np.full_like(found.days, np.nan))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small data sets in the published layouts; nothing may change them."""
    return write_all(tmp_path_factory.mktemp("written"))


def test_what_starts_from_a_model_goes_on_as_that_ended_and_latent_methods_start_equal() -> None:
    study = DataSetsStudySettings(length=0.1, latent_length=0.4, batch=2, from_main=True)
    schedule = {"learning_rate": 1e-3, "milestones": (60, 80), "gamma": 0.5}
    settings = TrainSettings(losses={"l1": 1.0}, steps=100, start_at_mean=True, **schedule)
    goes_on = trained_as("srcnn", settings, study)
    assert (goes_on.steps, goes_on.batch, goes_on.milestones, goes_on.start_at_mean) == (10, 2, (), False)
    assert goes_on.learning_rate == pytest.approx(2.5e-4)
    for method in ("satdiffmoe", "satdiffmoe_absolute", "controlnet"):
        found = trained_as(method, settings, study)
        assert (found.steps, found.batch, found.milestones, found.learning_rate) == (40, 2, (24, 32), 1e-3)


def test_trained_anew_every_method_has_its_own_schedule() -> None:
    settings = TrainSettings(losses={"l1": 1.0}, steps=100, milestones=(60,), start_at_mean=True)
    for method in ("srcnn", "satdiffmoe"):
        assert trained_as(method, settings, DataSetsStudySettings(length=1.0, from_main=False)) == of_length(
            settings, 1.0
        )


@pytest.mark.parametrize(("name", "expected"), [("probav", False), ("worldstrat", True), ("fmow", True)])
def test_latent_diffusion_fits_color_of_several_known_dates(
    written: dict[str, Path], name: str, expected: bool
) -> None:
    assert can_fuse(download(written[name]).pairs["val"]) is expected


def test_latent_diffusion_does_not_fit_a_single_date_or_unknown_ones(written: dict[str, Path]) -> None:
    assert not can_fuse(download(written["oli2msi"], ONE).pairs["train"])
    assert not can_fuse(download(written["fmow"], ONE).pairs["train"])
    assert not can_fuse(Pairs(DateLess(written["fmow"], "train"), TWO))
