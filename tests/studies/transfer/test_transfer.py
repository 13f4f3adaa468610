"""Transfer: what encoders see, what is learned from few labels, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import minimize as scipy_minimize
from scipy.special import logsumexp

from satsr.common.paths import Workspace
from satsr.common.settings import check
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.models.files import load_model, save_model
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.perception.identity import weights_digest
from satsr.perception.roles import folder_of
from satsr.studies.transfer.encoders import Encoders, moments
from satsr.studies.transfer.engine import drawn, transferred
from satsr.studies.transfer.figures import by_share
from satsr.studies.transfer.pretraining import pretrained
from satsr.studies.transfer.probes import best_linear, fine_tuned, linear, neighbours, standardized
from satsr.studies.transfer.report import (
    accuracy_table,
    claims_as_text,
    claims_table,
    inputs_sentence,
    table_as_text,
    verdict_sentence,
)
from satsr.studies.transfer.scenes import CLASSES, Scenes, scene_of, scenes
from satsr.studies.transfer.settings import EncoderSettings, TransferSettings
from satsr.training.dense_settings import DenseSettings
from satsr.world.scene import LAND_COVER
from tests.data.making.chips import made_data_set, made_up_chip
from tests.models.small_networks import save_small_clip

RGB = ("red", "green", "blue")
SMALL = {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}
BOOTSTRAP = TableSettings(resamples=200)
ENCODERS: dict[str, Any] = {
    "pixels": {"kind": "pixels"},
    "untrained": {"kind": "generator", "method": "esrgan", "weights": "first"},
    "ESRGAN": {"kind": "generator", "method": "esrgan"},
    "CLIP": {"kind": "clip"},
    "CLIP, ignored": {"kind": "clip", "preprocess": "nearest"},
}


def settings(**changes: Any) -> TransferSettings:
    small = {"encoders": ENCODERS, "shares": [0.5, 1.0], "steps": 2, "batch": 4, "seeds": [0, 1]}
    return check(TransferSettings, {**small, **changes}, "transfer")


def chip(number: int) -> Any:
    """Return a place: woods are dark, water is darker and blue, and farms are bright."""
    name = ("forest", "water", "crop")[number % 3]
    color = {"forest": (40, 60, 40), "water": (10, 20, 60), "crop": (150, 140, 90)}[name]
    rng, made = np.random.default_rng(number), made_up_chip(f"{16 * number}_0", dates=3, seed=number)
    tci = (np.array(color) + rng.integers(-8, 9, (3, 32, 32, 3))).clip(1, 255).astype(np.uint8)
    cover = np.full((128, 128), LAND_COVER.index(name), np.uint8)
    return replace(made, bands={"tci": tci, "b08": tci[..., 0]}, land_cover=cover)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    here = Workspace(tmp_path_factory.mktemp("transfer"), "test")
    save_small_clip(3, folder_of(here, "clip", "loss"))
    splits = {"train": range(15), "val": range(15, 21), "test": range(21, 30)}
    found = made_data_set(here, {k: [chip(n) for n in own] for k, own in splits.items()}, PairSettings(dates=3))
    for seed in (0, 1):
        card = ModelCard("esrgan", {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}, 3, RGB, RGB, 4)
        model = SuperResolver(card, seed=seed)
        with torch.no_grad():
            model.network.conv_hr.weight.mul_(2)  # as if it had learned
        save_model(model, found.folders.models / "esrgan" / f"seed-{seed}")
    return found


@pytest.fixture(scope="module")
def encoders(data: DataSet) -> Encoders:
    return Encoders(data, {"esrgan": (0, 1)})


def of_data(data: DataSet) -> Scenes:
    found = scenes(data)
    assert found is not None
    return found


def test_a_scene_is_what_covers_most_of_it_and_a_town_from_a_fifth_on() -> None:
    cover = np.full((10, 10), LAND_COVER.index("crop"), np.uint8)
    names = list(CLASSES)
    cover[:4] = LAND_COVER.index("forest")
    assert names[scene_of(cover)] == "farmland"
    cover[0] = LAND_COVER.index("building")
    assert names[scene_of(cover)] == "farmland"
    cover[1] = LAND_COVER.index("road")
    assert names[scene_of(cover)] == "town"
    assert sorted(name for own in CLASSES.values() for name in own) == sorted(LAND_COVER)


def test_places_without_land_cover_and_classes_tell_nothing(tmp_path: Path, encoders: Encoders) -> None:
    bare = {"train": [replace(chip(number), land_cover=None) for number in range(3)]}
    data = made_data_set(Workspace(tmp_path / "one", "test"), bare, PairSettings(dates=3))
    assert scenes(data) is None  # one caption for all
    silent = {"train": [replace(chip(number), land_cover=None, caption=None) for number in range(3)]}
    data = made_data_set(Workspace(tmp_path / "none", "test"), silent, PairSettings(dates=3))
    assert scenes(data) is None
    assert transferred(settings(), encoders, None).empty


def test_folders_of_a_user_s_images_are_classes(tmp_path: Path) -> None:
    def places(*classes: str) -> list[Any]:
        return [replace(chip(n), land_cover=None, caption=f"an aerial image of {of}") for n, of in enumerate(classes)]

    chips = {
        "train": places("fields", "beach", "fields", "beach"),
        "val": places("beach"),
        "test": places("beach", "sea"),
    }
    found = scenes(made_data_set(Workspace(tmp_path, "test"), chips, PairSettings(dates=3)))
    assert found is not None
    assert found.names == ("an aerial image of beach", "an aerial image of fields")
    assert [found.of[split].tolist() for split in ("train", "val", "test")] == [[1, 0, 1, 0], [0], [0, -1]]
    chips["train"] = chips["train"][:3]  # three places of two captions: no classes
    assert scenes(made_data_set(Workspace(tmp_path / "few", "test"), chips, PairSettings(dates=3))) is None


def test_vectors_are_what_their_names_say(encoders: Encoders, data: DataSet) -> None:
    batch = data.pairs["val"].batch(range(6))
    median = batch.lr.median(dim=1).values
    vectors = {name: encoders.encode(EncoderSettings(**own), 0, "val") for name, own in ENCODERS.items()}
    torch.testing.assert_close(vectors["pixels"], torch.cat((median.mean((2, 3)), median.std((2, 3))), dim=1))
    network = SuperResolver(ModelCard("esrgan", {"num_feat": 8, "num_block": 1, "num_grow_ch": 4}, 3, RGB, RGB, 4), 0)
    kept: list[torch.Tensor] = []
    network.network.conv_last.register_forward_pre_hook(lambda module, given: kept.append(given[0]))
    with torch.no_grad():
        network(batch.lr)
    torch.testing.assert_close(vectors["untrained"], moments(kept[0]))
    assert not torch.allclose(vectors["ESRGAN"], vectors["untrained"])
    assert vectors["ESRGAN"].shape == (6, 16)
    assert not torch.allclose(vectors["CLIP"], vectors["CLIP, ignored"])
    of_hr = EncoderSettings(kind="pixels", sees="HR")
    torch.testing.assert_close(encoders.encode(of_hr, 0, "val"), moments(batch.hr))
    model = load_model(data.folders.models / "esrgan" / "seed-1")
    with torch.no_grad():
        output = model(batch.lr).clamp(0, 1)
    of_output = EncoderSettings(kind="pixels", sees="SR esrgan")
    torch.testing.assert_close(encoders.encode(of_output, 1, "val"), moments(output))
    assert [encoders.training(of_output, seed) for seed in range(3)] == [0, 1, 0]
    seen = [encoders.encode(EncoderSettings(kind="clip", sees=sees), 0, "val") for sees in ("LR", "HR", "SR esrgan")]
    assert not any(torch.allclose(a, b) for a, b in combinations(seen, 2))
    other = encoders.encode(EncoderSettings(**ENCODERS["ESRGAN"]), 1, "val")
    assert not torch.allclose(vectors["ESRGAN"], other)  # of the other training
    turns = [encoders.training(EncoderSettings(**ENCODERS["ESRGAN"]), seed) for seed in range(4)]
    assert turns == [0, 1, 0, 1]  # two trainings, in turn
    assert encoders.training(EncoderSettings(**ENCODERS["CLIP"]), 1) == 0  # seeds draw labels alone


def test_labels_are_drawn_within_each_other() -> None:
    few, many, every = (set(drawn(50, share, 0).tolist()) for share in (0.1, 0.3, 1.0))
    assert few < many < every == set(range(50))
    assert (len(few), len(many), len(drawn(50, 0.001, 0))) == (5, 15, 1)
    assert few != set(drawn(50, 0.1, 1).tolist())


def test_the_linear_probe_is_penalized_logistic_regression() -> None:
    """An independent minimization of the same sum reaches the same value."""
    rng = np.random.default_rng(0)
    vectors, labels, penalty = rng.normal(size=(40, 3)), rng.integers(0, 3, 40), 0.1

    def loss(flat: np.ndarray) -> float:
        weight, bias = flat[:9].reshape(3, 3), flat[9:]
        logits = vectors @ weight.T + bias
        return float(
            (logsumexp(logits, axis=1) - logits[np.arange(40), labels]).mean() + penalty / 2 * (weight**2).sum()
        )

    head = linear(torch.from_numpy(vectors).float(), torch.from_numpy(labels), 3, penalty)
    ours = loss(np.concatenate([head.weight.numpy().ravel(), head.bias.numpy()]).astype(float))
    assert ours == pytest.approx(scipy_minimize(loss, np.zeros(12)).fun, abs=1e-4)


def test_the_penalty_that_does_best_on_validation_is_taken() -> None:
    rng = torch.Generator().manual_seed(0)
    vectors, labels = torch.randn(60, 2, generator=rng), torch.arange(60) % 2
    vectors[:, 0] += 4 * labels
    train, val = (vectors[:40], labels[:40]), (vectors[40:], labels[40:])
    found = best_linear(train, val, 2, (1e4, 1e-2))
    torch.testing.assert_close(found.weight, linear(*train, 2, 1e-2).weight)


def test_the_nearest_vectors_decide() -> None:
    train, labels = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 1]]), torch.tensor([0, 0, 1, 2])
    asked = torch.tensor([[2.0, 0.1], [0, 3]])
    assert neighbours(train, labels, asked, 3, 1).tolist() == [0, 1]
    assert neighbours(train, labels, asked, 3, 2).tolist() == [0, 1]  # of one each, the nearest's
    assert neighbours(train, labels, asked, 3, 9).tolist() == [0, 0]  # all there are


def test_standardized_vectors_have_the_training_ones_taken_out() -> None:
    train, test = torch.tensor([[0.0, 5], [2, 5]]), torch.tensor([[3.0, 5]])
    ours, others = standardized(train, test)
    assert ours[:, 0].tolist() == [-1, 1]
    assert others.tolist() == [[2, 0]]


def test_what_learns_on_starts_from_its_linear_probe(encoders: Encoders, data: DataSet) -> None:
    encoder = EncoderSettings(**ENCODERS["ESRGAN"])
    train = encoders.encode(encoder, 0, "train")
    labels = torch.from_numpy(of_data(data).of["train"])
    head = linear(standardized(train)[0], labels, len(CLASSES), 1e-2)
    images = torch.cat([batch.lr.flatten(1, 2) for _, batch in data.pairs["train"].batches(16)])
    before = head.weight.clone()
    still = fine_tuned("still", encoders.generator(encoder, 0), head, images, labels, settings(learning_rate=1e-12), 0)
    with torch.no_grad():
        torch.testing.assert_close(still(images), head(standardized(train)[0]), rtol=1e-3, atol=1e-3)
    moved = fine_tuned("moved", encoders.generator(encoder, 0), head, images, labels, settings(learning_rate=1e-2), 0)
    assert not torch.allclose(moved.head.weight, still.head.weight)
    assert not torch.equal(
        moved.encoder.features.model.network.conv_first.weight, still.encoder.features.model.network.conv_first.weight
    )
    torch.testing.assert_close(head.weight, before, rtol=0, atol=0)


@pytest.fixture(scope="module")
def rows(encoders: Encoders, data: DataSet) -> pd.DataFrame:
    return transferred(settings(probes=["linear", "neighbours", "fine-tuned"]), encoders, of_data(data))


def test_scenes_of_other_colors_are_told_apart(rows: pd.DataFrame, data: DataSet) -> None:
    table = accuracy_table(rows, BOOTSTRAP).set_index(["encoder", "probe", "share"])
    assert table.accuracy["pixels", "linear", 1.0] == 1
    assert table.accuracy["pixels", "neighbours", 1.0] > 0.8
    assert of_data(data).commonest == pytest.approx(1 / 3)
    assert (table.images == 9).all()
    assert table.labels["pixels", "linear", 0.5] == 8
    assert set(rows[rows.probe == "fine-tuned"].encoder) == {"untrained", "ESRGAN"}
    assert (rows.right == (rows.truth == rows.answer)).all()


def test_tables_say_what_was_run_and_what_was_not(rows: pd.DataFrame) -> None:
    asked = settings(run=["pixels"], probes=["linear"])
    table = accuracy_table(rows[rows.encoder.eq("pixels") & rows.probe.eq("linear")], BOOTSTRAP)
    text = table_as_text(table, asked).set_index("encoder")
    assert text.loc["pixels", "100% of the labels"].startswith("100.0 % [100.0, 100.0]")
    assert text.loc["CLIP", "100% of the labels"] == NOT_RUN
    assert by_share(table) is not None


def test_a_profile_that_runs_none_says_so(encoders: Encoders, data: DataSet) -> None:
    asked = settings(run=[], claims=[{"better": "ESRGAN", "worse": "untrained"}])
    nothing = transferred(asked, encoders, of_data(data))
    table, claims = accuracy_table(nothing, BOOTSTRAP), claims_table(nothing, asked, BOOTSTRAP)
    assert verdict_sentence(claims, asked) == NOT_RUN
    assert set(table_as_text(table, asked)["50% of the labels"]) == {NOT_RUN}
    assert by_share(table) is None
    assert claims_as_text(claims).empty


def test_generators_learn_on_pairs_of_which_only_the_partners_differ(tmp_path: Path) -> None:
    """What HR shows follows from LR where pairs are true; of shuffled ones nothing can be learned but the mean."""
    rng, chips = np.random.default_rng(0), []
    for number in range(8):
        level = int(rng.integers(30, 220))
        tci = np.full((3, 32, 32, 3), level, np.uint8)
        hr = np.full((128, 128, 3), level, np.uint8)
        chips.append(replace(made_up_chip(f"{16 * number}_0", dates=3), bands={"tci": tci, "b08": tci[..., 0]}, hr=hr))
    data = made_data_set(Workspace(tmp_path, "test"), {"train": chips}, PairSettings(dates=3))
    card = ModelCard("esrgan", SMALL, 3, RGB, RGB, 4)
    train = DenseSettings(steps=200, batch=4, crop=64, learning_rate=5e-3)
    batch, errors = data.pairs["test"].batch(range(8)), {}
    for shuffled in (False, True):
        model = pretrained(data, card, 0, shuffled, train)
        with torch.no_grad():
            errors[shuffled] = float((model(batch.lr) - batch.hr).abs().mean())
        again = pretrained(data, card, 0, shuffled, train)
        assert weights_digest(again) == weights_digest(model)
    assert errors[False] < 0.05
    assert errors[True] > 3 * errors[False]


def test_encoders_take_the_weights_of_pairs(data: DataSet) -> None:
    short = Encoders(data, {"esrgan": (0, 1)}, DenseSettings(steps=2, batch=2, crop=32))
    kinds = ("first", "pairs", "shuffled pairs", "study")
    digests = {
        weights: weights_digest(short.generator(EncoderSettings(kind="generator", method="esrgan", weights=weights), 1))
        for weights in kinds
    }
    assert len(set(digests.values())) == 4
    fresh = Encoders(data, {"esrgan": (0, 1)}, DenseSettings(steps=1, batch=2, crop=32))
    with torch.no_grad():  # what looks alone has them made
        assert fresh.encode(EncoderSettings(kind="generator", method="esrgan", weights="pairs"), 0, "val").shape == (
            6,
            16,
        )


def claimed(difference: float, seeds: int = 2, worse: str = "untrained") -> pd.DataFrame:
    """Return answers of two encoders in twelve regions; the better one is right so much more often in each."""
    facts = [
        {"encoder": name, "probe": "linear", "share": 1.0, "labels": 9, "seed": seed, "tile": f"{r}_{c}", "region": r}
        | {"right": int(c < (10 + difference * (name == "ESRGAN"))), "number": 1}
        for name in ("ESRGAN", worse)
        for seed in range(seeds)
        for r in range(12)
        for c in range(20)
    ]
    return pd.DataFrame(facts)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (claimed(3), "reproduced in sign. ESRGAN against untrained, linear, 100% of the labels: helps (+15.0 points"),
        (claimed(-3), "not reproduced, it is the other way round. ESRGAN against untrained"),
        (claimed(0), "not shown. ESRGAN against untrained, linear, 100% of the labels: not shown"),
        (claimed(3, seeds=1), "not shown. ESRGAN against untrained, linear, 100% of the labels: one seed: not said"),
        (claimed(3, worse="pixels"), NOT_RUN),  # a control says nothing of what super-resolution taught
    ],
)
def test_a_verdict_follows_the_rule(rows: pd.DataFrame, said: str) -> None:
    claims = [{"better": "ESRGAN", "worse": "untrained"}, {"better": "ESRGAN", "worse": "pixels"}]
    asked = settings(claims=claims)
    tested = claims_table(rows, asked, BOOTSTRAP)
    assert len(tested) == len(claims_as_text(tested)) == 1
    assert verdict_sentence(tested, asked).startswith(said)


def test_pixels_stand_beside_the_verdict() -> None:
    both = pd.concat([claimed(3), claimed(0, worse="pixels").query("encoder == 'pixels'")])
    both.loc[both.encoder == "pixels", "right"] = both[both.encoder == "ESRGAN"].right.to_numpy()
    asked = settings(claims=[{"better": "ESRGAN", "worse": "untrained"}, {"better": "ESRGAN", "worse": "pixels"}])
    said = verdict_sentence(claims_table(both, asked, BOOTSTRAP), asked)
    assert said.startswith("reproduced in sign. ESRGAN against untrained")
    assert said.endswith(
        "As a control, ESRGAN against pixels, linear, 100% of the labels: not shown (+0.0 points [+0.0, +0.0])"
    )


SEEN: dict[str, Any] = {
    "LR": {"kind": "clip"},
    "SR": {"kind": "clip", "sees": "SR esrgan"},
    "HR": {"kind": "clip", "sees": "HR"},
}


def seen(sr: int, hr: int) -> pd.DataFrame:
    """Return answers on LR, an output and HR in twelve regions, where so many more than on LR are right."""
    facts = [
        {"encoder": name, "probe": "linear", "share": 1.0, "labels": 9, "seed": seed, "tile": f"{r}_{c}", "region": r}
        | {"right": int(c < 10 + more), "number": 1}
        for name, more in {"LR": 0, "SR": sr, "HR": hr}.items()
        for seed in range(2)
        for r in range(12)
        for c in range(20)
    ]
    return pd.DataFrame(facts)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (seen(0, 5), "reproduced: no output is shown to beat LR. SR against LR, linear, 100% of the labels: not shown"),
        (seen(-2, 5), "reproduced: no output is shown to beat LR. SR against LR, linear, 100% of the labels: harms"),
        (seen(3, 5), "not reproduced, outputs can beat LR. SR against LR, linear, 100% of the labels: helps (+15.0"),
        (seen(3, 0), "cannot be decided at this profile: HR itself is not shown to beat LR."),
        (seen(3, 5).query("encoder != 'SR'"), NOT_RUN),
    ],
)
def test_outputs_as_inputs_are_judged_where_hr_beats_lr(rows: pd.DataFrame, said: str) -> None:
    claims = [{"better": "SR", "worse": "LR"}, {"better": "HR", "worse": "LR"}]
    asked = settings(encoders=SEEN, claims=claims)
    tested = claims_table(rows, asked, BOOTSTRAP)
    assert inputs_sentence(tested, asked).startswith(said)
    assert verdict_sentence(tested, asked) == NOT_RUN


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"encoders": {"a": {"kind": "clip", "sees": "SR nothing"}}},
            "got sees 'SR nothing', expected LR, HR or SR METHOD",
        ),
        (
            {"encoders": {"a": {"kind": "generator", "method": "esrgan", "sees": "HR"}}},
            "expected LR: it makes",
        ),
        ({"encoders": {"a": {"kind": "generator"}}}, "expected a method for generators only"),
        ({"encoders": {"a": {"kind": "generator", "method": "sr3"}}}, "got method sr3, expected one of srcnn"),
        ({"run": ["nobody"]}, "run: got nobody, expected some of pixels"),
        ({"claims": [{"better": "nobody", "worse": "pixels"}]}, "claims: got nobody"),
        ({"shares": [1.0, 0.1]}, "expected rising shares"),
    ],
)
def test_names_that_do_not_fit_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        settings(**changes)
