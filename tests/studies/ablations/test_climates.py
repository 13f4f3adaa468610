"""Climates: who learns without them, whose scores are whose, and the model that is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from satsr.common.paths import Workspace
from satsr.common.settings import check
from satsr.data.climates import climate_of
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.models.files import load_model
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.studies.ablations.climates import adapted, keep, parted, within, without
from satsr.studies.ablations.engine import Tried
from satsr.studies.ablations.report import Report
from satsr.studies.ablations.settings import GlobalModelSettings
from satsr.studies.ablations.variants import variants_of
from satsr.training.settings import TrainSettings
from tests.data.making.chips import made_data_set, made_up_chip

NAMES = ("great-plains-village", "southwest-desert-rural", "great-plains-wild", "corn-belt-urban")
STUDY = {"baseline": "plain", "variants": {"plain": {}, "combined": {}}}


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    chips = [
        replace(made_up_chip(f"{16 * n}_0", seed=n), uuid=f"m_r{n:02d}-{name}_240_20200611")
        for n, name in enumerate(NAMES)
    ]
    return made_data_set(Workspace(tmp_path, "test"), {"train": chips}, PairSettings(dates=3))


def test_no_place_of_an_unseen_climate_is_learned_from(data: DataSet) -> None:
    part = without(data, ["great-plains"])
    assert [climate_of(data.pairs["test"], tile) for tile in data.pairs["test"].tiles] == [
        "great-plains", "southwest-desert", "great-plains", "corn-belt"
    ]  # fmt: skip
    for split in ("train", "val"):
        assert part.pairs[split].tiles == ["16_0", "48_0"]
    assert len(part.pairs["test"]) == 4


def test_places_of_unseen_climates_alone_are_learned_from(data: DataSet) -> None:
    part = within(data, ["great-plains"], 1)
    assert part.pairs["train"].tiles == ["32_0"]
    assert part.pairs["val"].tiles == ["0_0", "32_0"]
    assert len(part.pairs["test"]) == 4
    with pytest.raises(ValueError, match=r"got 2 training and 2 validation places in great-plains, expected 3"):
        within(data, ["great-plains"], 3)


def test_variants_that_are_adapted_learn_there_and_start_from_what_never_was_there(data: DataSet) -> None:
    unseen = without(data, ["great-plains"])
    variants = {
        "plain": {},
        "there": {"start": "plain", "start_steps": 2, "change": {"steps": 1}, "pairs": {"dates": 2}},
    }
    block = {"unseen": ["great-plains"], "keep": "plain"}
    study = {"baseline": "plain", "variants": variants}
    settings = check(GlobalModelSettings, {**block, "adapted": {"there": 2}, "study": study}, "global_model")
    training = check(TrainSettings, {"network": {}, "losses": {"l1": 1.0}, "steps": 4, "batch": 2}, "train")
    ready = adapted(variants_of(settings.study, {"esrgan": training}, unseen, "x"), settings, data)
    there, start = ready["there"], ready["there"].start
    assert start is not None
    assert there.data.pairs["train"].tiles == ["0_0", "32_0"]
    assert there.data.settings.pairs.dates == 2
    assert start.data.pairs["train"].tiles == ready["plain"].data.pairs["train"].tiles == ["16_0", "48_0"]
    with pytest.raises(ValueError, match="adapted: got nobody, expected one of plain, combined"):
        check(GlobalModelSettings, {**block, "adapted": {"nobody": 1}, "study": STUDY}, "global_model")


def test_what_cannot_be_asked_is_refused(data: DataSet, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no test place lies in mediterranean"):
        without(data, ["mediterranean"])
    with pytest.raises(ValueError, match="all 4 places of train lie in great-plains, southwest-desert, corn-belt"):
        without(data, ["great-plains", "southwest-desert", "corn-belt"])
    real = made_data_set(Workspace(tmp_path / "real", "test"), {"train": [made_up_chip()]}, PairSettings(dates=3))
    with pytest.raises(ValueError, match="tells no climate, expected data of the embedded world"):
        without(real, ["great-plains"])


def test_scores_are_parted_by_climate(data: DataSet) -> None:
    tiles = data.pairs["test"].tiles
    tried = Tried(pd.DataFrame(), pd.DataFrame({"tile": tiles * 2, "value": range(8)}), {}, {})
    unseen, seen = parted(tried, data, ["great-plains"])
    assert unseen.scores.value.tolist() == [0, 2, 4, 6]
    assert seen.scores.value.tolist() == [1, 3, 5, 7]


def test_the_kept_model_opens_and_states_its_profile(tmp_path: Path) -> None:
    settings = check(GlobalModelSettings, {"unseen": ["corn-belt"], "keep": "combined", "study": STUDY}, "global_model")
    rgb = ("red", "green", "blue")
    card = ModelCard(
        "esrgan", {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}, 2, rgb, rgb, 4, provenance={"seed": 0}
    )
    models = {"combined": {0: SuperResolver(card)}}
    means = pd.DataFrame([("combined", "psnr", "corrected", 21.5)], columns=["variant", "metric", "protocol", "mean"])
    found = Report(means, pd.DataFrame(), {"combined": "learned for fewer than 200 steps"}, "")
    tried = Tried(pd.DataFrame(), pd.DataFrame(), {}, models)
    said = keep(tried, found, settings, tmp_path / "global_model", "small")
    assert "artifacts/small/global_model" in said
    assert "not shown: learned for fewer than 200 steps" in said
    opened = load_model(tmp_path / "global_model").card
    assert opened.scores == {"psnr (corrected), unseen climates": 21.5}
    assert (opened.provenance["profile"], opened.provenance["unseen_climates"]) == ("small", ["corn-belt"])
    none = keep(replace(tried, models={}), replace(found, hidden={}), settings, tmp_path / "global_model", "small")
    assert NOT_RUN in none
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "global_model")


def test_a_variant_that_is_not_there_cannot_be_kept() -> None:
    with pytest.raises(ValueError, match="keep: got best, expected one of plain, combined"):
        check(GlobalModelSettings, {"unseen": ["corn-belt"], "keep": "best", "study": STUDY}, "global_model")
