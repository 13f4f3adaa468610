"""Questions of the voting page: asked equally often, named right, and about the study's own images."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch

from satsr.common.paths import MAIN, Workspace
from satsr.data.data_set import main_data
from satsr.data.pairs import Pairs
from satsr.evaluation.degradations.faults import NEEDS_OBJECTS
from satsr.evaluation.evaluate import super_resolve
from satsr.models.files import load_model, save_model
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.pipeline.params import Study, load_study
from satsr.studies.agreement.design import read_design
from satsr.studies.agreement.stand_in import candidates
from satsr.studies.voting.from_run import BETTER, WORSE, method_questions, picture, stand_in_questions
from tests.conftest import ROOT
from tests.data.making.chips import made_data_set, made_up_chip

METHODS = ("bicubic", "srcnn", "esrgan")
DUELS = list(combinations(METHODS, 2))
FIRST_SEED = 3


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(ROOT, "tiny").model_copy(update={"methods": METHODS, "seeds": (FIRST_SEED, 4)})


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, study: Study) -> Workspace:
    """A test split of five chips without objects, and untrained models of the first seed."""
    workspace = Workspace(tmp_path_factory.mktemp("study"), "tiny")
    chips = [replace(made_up_chip(f"{32 * n}_0", seed=n), objects={}) for n in range(5)]
    data = made_data_set(workspace, {"test": chips}, study.pairs)
    test = data.pairs["test"]
    for method in METHODS[1:]:
        sizes = study.train[method].network
        card = ModelCard(method, sizes, study.pairs.dates, test.bands_in, test.bands_out, test.scale)
        save_model(SuperResolver(card), data.folders.models / method / f"seed-{FIRST_SEED}")
    return workspace


@pytest.fixture(scope="module")
def test_set(study: Study, here: Workspace) -> Pairs:
    return main_data(here, study.pairs).pairs["test"]


# Methods


@pytest.mark.parametrize(("count", "asked"), [(1, [0, 0, 1]), (3, [1, 1, 1]), (7, [2, 2, 3]), (1000, [5, 5, 5])])
def test_as_many_are_asked_as_are_wanted_and_every_pair_of_methods_equally_often(
    study: Study, here: Workspace, count: int, asked: list[int]
) -> None:
    questions = method_questions(METHODS, FIRST_SEED, study.pairs, here, count)
    times = Counter((q.model1, q.model2) for q in questions)
    assert sorted(times[duel] for duel in DUELS) == asked
    assert len(times.keys() - DUELS) == 0
    assert len({q.key for q in questions}) == len(questions)


def test_images_are_the_outputs_of_the_methods_that_are_named(study: Study, here: Workspace, test_set: Pairs) -> None:
    for question in method_questions(METHODS, FIRST_SEED, study.pairs, here, 6):
        number = test_set.tiles.index(question.place)
        np.testing.assert_array_equal(question.target, test_set.chips.hr(question.place))
        for name, image in ((question.model1, question.image1), (question.model2, question.image2)):
            expected = output_of(name, here, test_set, number)
            assert np.abs(image.astype(int) - expected.astype(int)).max() <= 1  # of a batch and alone


def output_of(method: str, here: Workspace, pairs: Pairs, number: int) -> np.ndarray:
    if method == "bicubic":
        model = SuperResolver(ModelCard(method, {}, pairs.settings.dates, pairs.bands_in, pairs.bands_out, 4))
    else:
        model = load_model(here.data_set(MAIN).models / method / f"seed-{FIRST_SEED}")
    return picture(super_resolve(model.eval(), pairs.batch([number]))[0][0])


def test_places_are_drawn_by_seed(study: Study, here: Workspace) -> None:
    drawn = [
        [q.place for q in method_questions(METHODS, FIRST_SEED, study.pairs, here, 6, seed)] for seed in (0, 0, 1, 2, 3)
    ]
    assert drawn[0] == drawn[1]
    assert any(places != drawn[0] for places in drawn[2:])


def test_one_method_alone_cannot_be_voted_on(study: Study, here: Workspace) -> None:
    with pytest.raises(ValueError, match=r"methods = \['srcnn'\], expected at least two"):
        method_questions(("srcnn",), FIRST_SEED, study.pairs, here, 6)


# Stand-in


def test_stand_in_questions_show_the_designed_pairs(study: Study, here: Workspace, test_set: Pairs) -> None:
    design = read_design(ROOT / study.agreement.design).set_index("pair", drop=False)
    questions = stand_in_questions(study.agreement.design, study.pairs, here, 5)
    assert len({q.place for q in questions}) == 5
    for question in questions:
        assert (question.model1, question.model2) == (BETTER, WORSE)
        made = candidates(design.loc[question.place], test_set)
        for shown, image in (
            (question.target, made.target),
            (question.image1, made.better),
            (question.image2, made.worse),
        ):
            np.testing.assert_array_equal(shown, picture(image))


def test_stand_in_questions_are_those_of_the_report_that_the_chips_can_show(study: Study, here: Workspace) -> None:
    design = read_design(ROOT / study.agreement.design)
    possible = design[(design.part == "report") & ~design.kind.isin(NEEDS_OBJECTS)]
    asked = [q.place for q in stand_in_questions(study.agreement.design, study.pairs, here, 24)]
    assert len(set(asked)) == 24
    assert set(asked) <= set(possible.pair)


def test_a_picture_is_rounded_to_eight_bit() -> None:
    image = torch.tensor([0.0, 0.4 / 255, 0.6 / 255, 1.2, -0.1, 1.0]).view(1, 1, 6).repeat(4, 1, 1)
    found = picture(image)
    assert (found.shape, found.dtype) == ((1, 6, 3), np.uint8)
    assert found[0, :, 0].tolist() == [0, 0, 1, 255, 0, 255]
