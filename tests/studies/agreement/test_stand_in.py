"""The stand-in for people: what its images are, and what real metrics prefer on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from satsr.data.pairs import Pairs
from satsr.data.readers.s2naip_folder import Chip
from satsr.data.settings import PairSettings
from satsr.evaluation.degradations.context import Context
from satsr.evaluation.degradations.faults import NEEDS_OBJECTS
from satsr.evaluation.degradations.sharp_error import sharp_error
from satsr.metrics.protocol import Protocol
from satsr.metrics.scoring import score
from satsr.studies.agreement.design import design
from satsr.studies.agreement.preference import MACRO, outcomes
from satsr.studies.agreement.stand_in import (
    CHAIN_BLUR_PX,
    best_candidate,
    candidates,
    chain,
    chain_scores,
    possible,
    preferences,
    rising,
)
from tests.data.making.chips import made_up_chip, written
from tests.evaluation.degradations.villages import HOUSES, mse, village
from tests.metrics.input_series import random_scene
from tests.metrics.metric_images import each_protocol, texture

SIZE_PX = 128
# One row of every fault, base and step.
ROWS = design().drop_duplicates(["kind", "base", "low", "high"]).reset_index(drop=True)


def eight_bit(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(C, H, W) in [0, 1] to (H, W, C)."""
    return np.round(255 * image.clip(1 / 255, 1)).astype(np.uint8).transpose(1, 2, 0)


def chip(number: int, hr: NDArray[np.floating], houses: bool) -> Chip:
    objects = {"building": list(HOUSES)} if houses else {"road": list(HOUSES)}
    return replace(made_up_chip(f"{32 * number}_0", seed=number), hr=eight_bit(hr), objects=objects)


def village_chip(number: int) -> Chip:
    return chip(number, village(number, SIZE_PX).numpy(), houses=True)


def read(folder: Path, chips: list[Chip]) -> Pairs:
    return Pairs(written(folder, chips), PairSettings(dates=2))


@pytest.fixture(scope="module")
def villages(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    return read(tmp_path_factory.mktemp("villages"), [village_chip(n) for n in range(3)])


@pytest.fixture(scope="module")
def one_village(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """Four chips, of which the third shows houses."""
    wild = [chip(n, random_scene(n, SIZE_PX), houses=False) for n in (0, 1, 3)]
    return read(tmp_path_factory.mktemp("one"), [*wild, village_chip(2)])


def row_of(kind: str, **values: object) -> pd.Series:
    """A row of a fault on the target, with other values."""
    return pd.Series({**ROWS[ROWS.kind == kind].iloc[0], "base": "target", **values})


# Candidates


@pytest.mark.parametrize("number", ROWS.index, ids=ROWS.kind + "-" + ROWS.base + "-" + ROWS.low.astype(str))
def test_the_better_one_is_closer_to_what_both_were_made_from(villages: Pairs, number: int) -> None:
    row = ROWS.loc[number]
    made = candidates(row, villages)
    base = made.target if row.base == "target" else sharp_error(made.target, Context(int(row.seed)))
    assert mse(made.better, base) < mse(made.worse, base)
    if row.low == 0:
        assert torch.equal(made.better, base)


@pytest.mark.parametrize("kind", ["blur", "noise", "missing_objects"])
def test_a_row_says_all_about_its_images(villages: Pairs, kind: str) -> None:
    row = row_of(kind, base="rendering")
    one, again, other = (candidates(r, villages) for r in (row, row.copy(), row_of(kind, seed=row.seed + 1)))
    for name in ("target", "better", "worse"):
        assert torch.equal(getattr(one, name), getattr(again, name))
    assert torch.equal(one.target, other.target)
    assert not torch.equal(one.worse, other.worse)


def test_a_chip_number_is_taken_modulo_the_size_of_the_set(villages: Pairs) -> None:
    made = candidates(row_of("blur", chip=5), villages)
    assert made.region == villages.pair(2).region
    assert torch.equal(made.target, villages.pair(2).hr)


@pytest.mark.parametrize("number", range(4))
def test_faults_of_objects_take_the_next_chip_that_has_enough(one_village: Pairs, number: int) -> None:
    for kind, chip in {"missing_objects": 2, "blur": number}.items():
        assert torch.equal(candidates(row_of(kind, chip=number), one_village).target, one_village.pair(chip).hr)


def test_faults_that_no_chip_can_show_are_left_out(tmp_path: Path, one_village: Pairs) -> None:
    pd.testing.assert_frame_equal(possible(ROWS, one_village), ROWS)
    wild = read(tmp_path, [chip(0, random_scene(0, SIZE_PX), houses=False)])
    assert set(ROWS.kind) - set(possible(ROWS, wild).kind) == NEEDS_OBJECTS
    with pytest.raises(ValueError, match=r"no chip of .* has enough objects \(building, .*\) for missing_objects"):
        candidates(row_of("missing_objects"), wild)


# Preferences


@pytest.fixture(scope="module")
def answers(villages: Pairs) -> pd.DataFrame:
    """What plain metrics prefer where the better image is the target with less of one fault."""
    names = {"PSNR": "psnr", "cPSNR": "cpsnr", "MAE": "mae"}
    rows = ROWS[(ROWS.base == "target") & ROWS.kind.isin(["blur", "noise", "gain"])]
    return preferences(rows, villages, names, ("published", "corrected"))


def test_there_is_an_answer_for_every_metric_protocol_and_pair(answers: pd.DataFrame, villages: Pairs) -> None:
    assert len(answers) == 3 * 2 * 9
    assert not answers.duplicated(["metric", "protocol", "pair"]).any()
    facts = ROWS.set_index("pair")
    for row in answers.itertuples():
        assert (row.kind, row.base) == tuple(facts.loc[row.pair, ["kind", "base"]])
        assert row.region == villages.pair(int(facts.chip[row.pair]) % len(villages)).region


def test_errors_in_pixels_see_blur_noise_and_gain(answers: pd.DataFrame) -> None:
    # cPSNR removes the mean difference, not the factor.
    assert (answers.outcome == 1).all()


@each_protocol
def test_cpsnr_cannot_tell_shifts_of_whole_pixels_apart(protocol: Protocol) -> None:
    scene = texture(0, size=(60, 64))
    hr, near, far = (scene[..., 8 - d : 52 - d, 8:-8] for d in (0, 4, 8))
    found = {
        name: outcomes(*(score(sr, hr, [name], protocol)[name] for sr in (near, far)), [True, True], "higher").tolist()
        for name in ("psnr", "cpsnr")
    }
    assert found == {"psnr": [1, 1], "cpsnr": [0.5, 0.5]}


# Figure 2


def test_the_chain_starts_sharp_and_is_blurred_more_and_more(villages: Pairs) -> None:
    images = chain(villages.pair(0), 0)
    assert images.shape == (len(CHAIN_BLUR_PX), 3, SIZE_PX, SIZE_PX)
    assert torch.equal(images[0], sharp_error(villages.pair(0).hr, Context(0)))
    assert (images.std(dim=(1, 2, 3)).diff() < 0).all()


@each_protocol
def test_the_chain_is_scored_from_best_to_worst(villages: Pairs, protocol: Protocol) -> None:
    found = chain_scores(villages, protocol)
    assert found.tile.tolist() == villages.tiles
    for number, row in found.iterrows():
        pair = villages.pair(int(number))
        images = chain(pair, int(number))
        scores = score(images, torch.stack([pair.hr] * len(images)), ["psnr", "ssim"], protocol)
        for name, values in scores.items():
            assert [row[f"{name}_{i}"] for i in range(len(images))] == pytest.approx(values.tolist(), rel=1e-12)
        assert row.against == rising(*scores.values())
        assert row.region == pair.region


@pytest.mark.parametrize(
    ("first", "second", "count"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 4),
        ([1, 2, 3, 2], [1, 2, 3, 4], 3),
        ([1, 2, 3, 4], [1, 2, 1, 4], 2),
        ([1, 2, 2, 3], [1, 2, 3, 4], 2),  # no change is no rise
        ([2, 1, 3, 4], [1, 2, 3, 4], 1),  # what rises later does not count
        ([1, 2, 3, 4], [4, 3, 2, 1], 1),
    ],
)
def test_rising_counts_images_from_the_first_on(first: list[float], second: list[float], count: int) -> None:
    assert rising(np.array(first), np.array(second)) == count


# The judge


def agreement(values: dict[str, float], kind: str = MACRO) -> pd.DataFrame:
    return pd.DataFrame({"metric": list(values), "kind": kind, "agreement": list(values.values())})


def test_the_candidate_with_the_highest_macro_average_judges() -> None:
    macro = agreement({"lpips:a": 0.7, "psnr": 0.99, "clipscore:c": 0.6, "lpips:b/d": 0.8, "lpipsx:e": 0.9})
    table = pd.concat([agreement({"lpips:a": 1.0, "lpips:b/d": 0.0}, kind="blur"), macro])
    assert best_candidate(table, "lpips") == "b/d"
    assert best_candidate(table, "clipscore") == "c"


def test_of_equal_candidates_the_first_by_name_judges() -> None:
    assert best_candidate(agreement({"lpips:b": 0.8, "lpips:a": 0.8, "lpips:c": 0.1}), "lpips") == "a"


def test_no_candidate_is_an_error() -> None:
    with pytest.raises(ValueError, match="got no metric dists:NETWORK in the table"):
        best_candidate(agreement({"lpips:a": 0.8}), "dists")
