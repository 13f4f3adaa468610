"""Task networks: what each input is, what a network makes of it, and what is said of the scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from satsr.common.paths import Workspace
from satsr.common.settings import check
from satsr.data.data_set import DataSet
from satsr.data.making.own_masks import OwnMasks
from satsr.data.settings import DataSettings, PairSettings
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.models.files import save_model
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.studies.downstream.engine import OTHER_LABELS, Trainer, Tried, network_for
from satsr.studies.downstream.figures import answers, forest
from satsr.studies.downstream.inputs import Inputs
from satsr.studies.downstream.networks import WithFeatures, build_network
from satsr.studies.downstream.report import (
    NO_LABELS,
    UNDECIDED,
    chance_sentence,
    claims_table,
    score_table,
    scores_as_text,
    table_as_text,
    verdict_sentence,
)
from satsr.studies.downstream.settings import DownstreamSettings, NetworkSettings
from satsr.studies.downstream.tasks import TASKS, tasks_of
from satsr.studies.downstream.truth import Truth
from tests.data.making.chips import made_data_set, made_up_chip
from tests.training.counting.maps import write_outlines

RGB = ("red", "green", "blue")
SMALL = {"num_feat": 4, "num_block": 1, "num_grow_ch": 2}
NETWORK = {"U-Net": {"kind": "plain", "widths": [8, 16]}}
BOOTSTRAP = TableSettings(resamples=200)


def settings(**changes: Any) -> DownstreamSettings:
    small = {"networks": NETWORK, "seeds": [0, 1], "train": {"steps": 1, "batch": 2, "crop": 32}}
    return check(DownstreamSettings, {**small, **changes}, "downstream")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Eight regions of a chip; houses are white on HR, which is gray elsewhere, and LR shows noise alone."""
    here = Workspace(tmp_path_factory.mktemp("downstream"), "test")
    rng, chips, houses = np.random.default_rng(0), [], {}
    for number in range(8):
        tile = f"{16 * number}_0"
        corners = rng.integers(0, 110, (6, 2))
        houses[tile] = [(float(x), float(y), float(x) + 12, float(y) + 12) for x, y in corners]
        hr = np.full((128, 128, 3), 90, np.uint8)
        for x, y in corners:
            hr[y : y + 12, x : x + 12] = 220
        chips.append(replace(made_up_chip(tile, seed=number), hr=hr))
    found = made_data_set(here, {"train": chips}, PairSettings(dates=3))
    for reader in found.readers.values():
        for tile, boxes in houses.items():
            write_outlines(reader.chips.folder, tile, boxes)
    for seed in (0, 1):
        for method, network in (("esrgan", SMALL), ("srcnn", {"hidden_channels": 16, "sr_kernel_size": 1})):
            model = SuperResolver(ModelCard(method, network, 3, RGB, RGB, 4), seed=seed)
            save_model(model, found.folders.models / method / f"seed-{seed}")
    return found


@pytest.fixture(scope="module")
def inputs(data: DataSet) -> Inputs:
    return Inputs(data, {"esrgan": (0, 1), "srcnn": (0,)})


def test_inputs_are_what_their_names_say(inputs: Inputs, data: DataSet) -> None:
    batch = data.pairs["test"].batch(range(8))
    made = {name: inputs.made(name, 0).of["test"] for name in ("LR", "LR native", "LR stacked", "HR")}
    torch.testing.assert_close(made["HR"], batch.hr)
    torch.testing.assert_close(made["LR native"], batch.lr.median(dim=1).values)
    enlarged = F.interpolate(made["LR native"], scale_factor=4, mode="bicubic").clamp(0, 1)
    torch.testing.assert_close(made["LR"], enlarged, rtol=0, atol=0.51 / 255)  # rounded to 8 bits
    assert made["LR stacked"].shape == (8, 9, 128, 128)
    torch.testing.assert_close(
        made["LR stacked"][:, 3:6], F.interpolate(batch.lr[:, 1], scale_factor=4, mode="bicubic"), rtol=0, atol=1e-6
    )


def test_outputs_and_features_are_those_of_the_seed(inputs: Inputs, data: DataSet) -> None:
    batch = data.pairs["test"].batch(range(8))
    for seed in (0, 1):
        card = ModelCard("esrgan", SMALL, 3, RGB, RGB, 4)
        with torch.inference_mode():
            wanted = SuperResolver(card, seed=seed)(batch.lr).clamp(0, 1)
        found = inputs.made("SR esrgan", seed).of["test"]
        torch.testing.assert_close(found, wanted, rtol=0, atol=0.51 / 255)
    both = inputs.made("SR and LR esrgan", 1).of["test"]
    torch.testing.assert_close(both[:, :3], found)
    torch.testing.assert_close(both[:, 3:], inputs.made("LR", 0).of["test"])
    model, features = SuperResolver(card, seed=0), inputs.made("features esrgan", 0).of["test"]
    assert features.shape == (8, 4, 128, 128)
    with torch.inference_mode():
        image = model.network.conv_last(features)
        torch.testing.assert_close(image, model(batch.lr), rtol=1e-4, atol=1e-5)
    assert inputs.made("features srcnn", 0).of["test"].shape == (8, 16, 32, 32)
    assert [inputs.training("SR srcnn", seed) for seed in range(3)] == [0, 0, 0]  # it has one training
    assert [inputs.training("SR esrgan", seed) for seed in range(3)] == [0, 1, 0]
    assert [inputs.training("HR", seed) for seed in range(3)] == [0, 0, 0]
    assert inputs.made_from("SR esrgan", 0) != inputs.made_from("SR esrgan", 1)


def test_outputs_are_made_once(inputs: Inputs, data: DataSet) -> None:
    first = inputs.made("SR esrgan", 0).of["test"]
    (kept, *_) = sorted((data.folders.scratch / "outputs").glob("esrgan-*/finished/images.npy"))
    before = kept.stat().st_mtime_ns
    torch.testing.assert_close(inputs.made("SR esrgan", 0).of["test"], first, rtol=0, atol=0)
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "name", ["LR", "LR native", "LR stacked", "SR and LR esrgan", "features srcnn", "tuned features esrgan"]
)
def test_answers_have_the_size_of_the_labels(name: str, inputs: Inputs) -> None:
    images = inputs.made(name, 0)
    network = network_for(TASKS["land cover"], images, NetworkSettings(**NETWORK["U-Net"]), 128, seed=0)
    assert network(images.of["train"][:2]).shape == (2, 8, 128, 128)


@pytest.mark.parametrize("kind", ["unet", "segformer"])
def test_networks_of_the_library_take_images_of_any_size(kind: str) -> None:
    """They ask for sides of whole multiples: what is filled up is cut from the answer, and elsewhere nothing is."""
    encoder = {"unet": "resnet18", "segformer": "mit_b0"}[kind]
    network = build_network(check(NetworkSettings, {"kind": kind, "encoder": encoder}, "network"), 3, 2, seed=0).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert network(images[..., :8, :24]).shape == (2, 2, 8, 24)
        torch.testing.assert_close(network(images), network.network(images))


def test_features_that_learn_do_learn(inputs: Inputs, data: DataSet) -> None:
    trainer = Trainer(inputs, settings())
    images = inputs.made("tuned features esrgan", 0)
    assert images.model is not None
    before = images.model.network.conv_first.weight.clone()
    own = NetworkSettings(**NETWORK["U-Net"])
    network = trainer._trained(TASKS["buildings"], images, own, 0, 1e-2, False, "a test")
    assert isinstance(network, WithFeatures)
    assert not torch.equal(network.features.model.network.conv_first.weight, before)
    torch.testing.assert_close(images.model.network.conv_first.weight, before, rtol=0, atol=0)  # for the next task


def test_networks_of_one_seed_are_equal_and_leave_the_caller_s_state() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    own = NetworkSettings(kind="unet", widths=(8, 8, 8))
    first, second, other = (build_network(own, 3, 1, seed).state_dict() for seed in (0, 0, 1))
    torch.testing.assert_close(torch.rand(2), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["network.encoder.conv1.weight"], other["network.encoder.conv1.weight"])
    with pytest.raises(ValueError, match="got encoder 'resnet19', expected one of"):
        build_network(NetworkSettings(kind="unet", encoder="resnet19"), 3, 1, 0)


@pytest.fixture(scope="module")
def learned(inputs: Inputs) -> tuple[Tried, DownstreamSettings]:
    """HR tells where the houses are, LR does not, and labels of other places tell nothing."""
    claims = [{"better": "HR", "worse": "LR"}, {"better": "SR esrgan", "worse": "LR"}]
    train = {"steps": 80, "batch": 4, "crop": 64, "learning_rate": 1e-2}
    asked = settings(inputs=["LR", "HR"], claims=claims, train=train, random_labels=True)
    return Trainer(inputs, asked).run(), asked


def test_an_input_that_shows_more_gives_better_answers(learned: tuple[Tried, DownstreamSettings]) -> None:
    tried, asked = learned
    table = score_table(tried.counts, TASKS, BOOTSTRAP)
    iou = table[table.decides].set_index("input").value
    assert iou["HR"] > 0.6
    assert iou["HR"] > iou["LR"] + 0.3
    assert iou[OTHER_LABELS] < 0.3
    claims = claims_table(tried.counts, TASKS, asked.claims, BOOTSTRAP).set_index("better").verdict
    assert claims.to_dict() == {"HR": "a beats b", "SR esrgan": NOT_RUN}
    text = table_as_text(table, TASKS)
    assert text.loc[text.input == "HR", "building segmentation (IoU)"].item().startswith(f"{iou['HR']:.3f} [")
    assert set(text["land cover (mIoU)"]) == {NOT_RUN}
    assert {"IoU", "F1", "boundary F1"} <= set(scores_as_text(table))
    assert forest(table, tried, asked) is not None


def test_answers_are_drawn_where_the_networks_see_houses(
    learned: tuple[Tried, DownstreamSettings], inputs: Inputs, data: DataSet
) -> None:
    tried, asked = learned
    assert {name: of.shape for name, of in tried.answers.items()} == dict.fromkeys(("LR", "HR"), (8, 128, 128))
    seen, known = tried.answers["HR"].sum(), tried.counts["buildings"].query("input == 'HR' and seed == 0").seen.sum()
    assert seen == known
    wanted = Trainer(inputs, asked).wanted()
    assert wanted.sum() == tried.counts["buildings"].query("input == 'HR' and seed == 0").known.sum()
    assert answers(tried, wanted, data) is not None
    assert answers(tried, np.zeros_like(wanted), data) is None


def test_what_is_finished_is_not_done_again(
    learned: tuple[Tried, DownstreamSettings], inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, asked = learned
    monkeypatch.setattr(Trainer, "_trained", lambda *_: pytest.fail("trained again"))
    again = Trainer(inputs, asked).run()
    pd.testing.assert_frame_equal(again.counts["buildings"], tried.counts["buildings"])


def test_an_input_and_the_labels_are_made_once_for_all_tasks(inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    made, read = [], []
    make, of = Inputs.made, Truth.of
    monkeypatch.setattr(
        Inputs, "made", lambda self, name, training: made.append((name, training)) or make(self, name, training)
    )
    monkeypatch.setattr(Truth, "of", lambda data, split, own: read.append(split) or of(data, split, own))
    train = {"steps": 1, "batch": 2, "crop": 32, "seed": 7}
    asked = settings(inputs=["LR native", "SR esrgan"], tasks=["buildings", "roads", "tree cover"], train=train)
    Trainer(inputs, asked).run()
    assert made == [("LR native", 0), ("SR esrgan", 0), ("SR esrgan", 1)]
    assert sorted(read) == ["test", "train"]


def test_labels_of_other_places_are_beside_what_chance_gives(learned: tuple[Tried, DownstreamSettings]) -> None:
    tried, _ = learned
    table, counts = score_table(tried.counts, TASKS, BOOTSTRAP), tried.counts["buildings"]
    share = counts.query("input == 'HR' and seed == 0").known.sum() / (8 * 128**2)
    assert f"calling every pixel one gives {share:.3f}" in chance_sentence(
        counts, table, TASKS["buildings"], OTHER_LABELS
    )
    assert chance_sentence(counts, table, TASKS["buildings"], "nothing").endswith(f"{NOT_RUN}.")


def test_the_learning_rate_is_chosen_on_validation_places(inputs: Inputs) -> None:
    train = {"steps": 20, "batch": 4, "crop": 32}
    tried = Trainer(inputs, settings(inputs=["HR"], rates=[1e-7, 5e-3], train=train, seeds=[0])).run()
    assert tried.rates[tried.rates.chosen].rate.tolist() == [5e-3]
    assert tried.rates.val_score.is_monotonic_increasing


def test_other_networks_run_the_tasks_that_are_named(inputs: Inputs) -> None:
    networks = {**NETWORK, "SegFormer": {"kind": "segformer", "encoder": "mit_b0"}}
    asked = settings(
        inputs=["HR"], networks=networks, other_networks_on=["roads"], tasks=["buildings", "roads"], seeds=[0]
    )
    tried = Trainer(inputs, asked).run()
    found = {task: list(rows.network.unique()) for task, rows in tried.counts.items()}
    assert found == {"buildings": ["U-Net"], "roads": ["U-Net", "SegFormer"]}


def test_a_profile_without_tasks_says_so(inputs: Inputs) -> None:
    asked = settings(tasks=[])
    tried = Trainer(inputs, asked).run()
    table, claims = (
        score_table(tried.counts, TASKS, BOOTSTRAP),
        claims_table(tried.counts, TASKS, asked.claims, BOOTSTRAP),
    )
    assert verdict_sentence(claims, asked) == NOT_RUN
    assert table_as_text(table, TASKS).empty
    assert forest(table, tried, asked) is None


def test_a_user_s_own_masks_are_a_task_like_any_other(inputs: Inputs, data: DataSet, tmp_path: Path) -> None:
    for split in data.pairs.values():
        for number, tile in enumerate(split.tiles):
            bright = (split.pair(number).hr[0] > 0.6).numpy()
            Image.fromarray(np.where(bright, 5, 0).astype(np.uint8)).save(tmp_path / f"{tile}.png")
    own = {"masks": str(tmp_path), "classes": {"house": 5}, "title": "my houses"}
    asked = settings(inputs=["HR"], tasks=["own"], own=own, seeds=[0], train={"steps": 60, "batch": 4, "crop": 64})
    tried = Trainer(inputs, asked, OwnMasks(tmp_path, DataSettings())).run()
    table = score_table(tried.counts, tasks_of(asked), BOOTSTRAP)
    assert table[table.decides].value.item() > 0.6
    assert table_as_text(table, tasks_of(asked))["my houses (IoU)"].item() != NOT_RUN


def test_data_that_tell_of_no_labels_say_so(tmp_path: Path) -> None:
    bare = made_data_set(
        Workspace(tmp_path, "test"), {"train": [replace(made_up_chip(), land_cover=None)]}, PairSettings(dates=3)
    )
    asked = settings(claims=[{"better": "HR", "worse": "LR"}])
    tried = Trainer(Inputs(bare, {}), asked).run()
    assert tried.tasks == ()
    assert verdict_sentence(claims_table(tried.counts, TASKS, asked.claims, BOOTSTRAP), asked) == NO_LABELS


def claimed(**verdicts: str) -> pd.DataFrame:
    """Return claims of a task: HR, and an output, before LR."""
    rows = [
        {"task": "roads", "network": "U-Net", "better": better.replace("_", " "), "worse": "LR", "verdict": said}
        for better, said in verdicts.items()
    ]
    return pd.DataFrame(rows).assign(metric="IoU", difference=0.1, low=0.05, high=0.15)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (claimed(HR="a beats b", SR_esrgan="not shown"), "reproduced: no output is shown to beat LR. roads, SR esrgan"),
        (claimed(HR="a beats b", SR_esrgan="b beats a"), "reproduced: no output is shown to beat LR."),
        (claimed(HR="a beats b", SR_esrgan="a beats b"), "not reproduced, outputs can beat LR. roads, SR esrgan"),
        (claimed(HR="not shown", SR_esrgan="a beats b"), f"roads, SR esrgan against LR: {UNDECIDED}: HR itself"),
        (claimed(HR="a beats b"), NOT_RUN),
    ],
)
def test_a_verdict_follows_the_rule(rows: pd.DataFrame, said: str) -> None:
    assert verdict_sentence(rows, settings()).startswith(said)
