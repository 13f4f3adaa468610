"""The study's own networks learn from captions, repeatably, and are told apart from each other."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from satsr.common.minimize import minimize
from satsr.common.paths import Workspace
from satsr.data.pairs import Pairs
from satsr.data.settings import PairSettings
from satsr.perception.captioned_scenes import Scenes, examine
from satsr.perception.clip import Clip, Preprocess
from satsr.perception.identity import check_apart
from satsr.perception.learning import Words, contrastive_loss, make_clip, make_trunk, vocabulary
from satsr.perception.load import load_clip, load_trunk
from satsr.perception.roles import chosen_judges, folder_of, network_name, save_judges
from satsr.perception.settings import ClipSettings, PerceptionSettings, TrunkSettings
from satsr.world.captions import PREFIX
from tests.data.making.chips import made_up_chip, written

CLIP = ClipSettings(tower={"layers": (1, 1, 1, 1), "width": 8, "head_width": 16}, steps=2, batch=4, seed=1)
TRUNK = TrunkSettings(widths=(4, 8), steps=2, batch=4, seed=1)


def two_classes(count: int = 12, side_px: int = 32) -> Scenes:
    """Smooth forests and checkered suburbs, of equal mean color."""
    rng = np.random.default_rng(0)
    smooth = rng.integers(110, 140, (count, 3, 1, 1)) + rng.integers(-3, 4, (count, 3, side_px, side_px))
    checks = 60 * (np.indices((side_px, side_px)).sum(axis=0) // 2 % 2 * 2 - 1)
    smooth[1::2] += checks
    captions = [f"{PREFIX}{'a suburb with one house' if n % 2 else 'a forest with trees'}" for n in range(count)]
    return Scenes(torch.from_numpy(smooth.astype(np.uint8)), tuple(captions))


SCENES = two_classes()


def last_loss(printed: str) -> float:
    return float(re.findall(r"loss ([\d.]+)", printed)[-1])


# Learning


def test_a_clip_learns_what_captions_say(tmp_path: Path) -> None:
    settings = CLIP.model_copy(update={"steps": 40, "batch": 12})
    make_clip("judge", settings, SCENES, "data", tmp_path, tmp_path / "judge")
    known = examine(load_clip(tmp_path / "judge"), SCENES)
    assert known.zero_shot > 0.9
    assert (known.majority, known.classes, known.images) == (0.5, 2, 12)


def test_the_words_that_occur_learn_as_if_all_learned() -> None:
    torch.manual_seed(0)
    every = nn.Embedding(50, 4)
    plain = nn.Embedding.from_pretrained(every.weight.detach().clone(), freeze=False)
    texts = torch.tensor([[3, 7, 49], [7, 20, 49], [3, 3, 49]])
    words = Words.of(every, texts.unique())
    settings = CLIP.model_copy(update={"steps": 12, "learning_rate": 0.02})

    def train(embedding: nn.Embedding, tokens: Tensor) -> None:
        minimize("words", embedding, lambda step: (embedding(tokens) - step).square().mean(), 12, 0.02)

    train(plain, texts)
    train(words.learning, words.numbered(texts))
    assert (words.learning.weight != every.weight[words.tokens]).all()
    assert torch.equal(words.whole(settings).weight, plain.weight)


def test_a_lesson_says_nothing_that_is_not_among_the_sentences() -> None:
    said = SCENES.sentences()
    heard = {c for seed in range(9) for c in SCENES.lesson(list(range(12)), np.random.default_rng(seed))[1]}
    assert heard == set(said)
    assert len(said) == 4


def test_a_trunk_learns_the_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    losses = []
    for steps in (1, 120):
        settings = TRUNK.model_copy(update={"steps": steps, "batch": 12, "learning_rate": 1e-2})
        make_trunk("judge", settings, SCENES, "data", tmp_path, tmp_path / f"{steps}")
        losses.append(last_loss(capsys.readouterr().err))
    assert losses[1] < 0.5 * losses[0]


def digest(kind: str, settings: ClipSettings | TrunkSettings, scratch: Path, folder: Path) -> str:
    make, load = {"clip": (make_clip, load_clip), "trunk": (make_trunk, load_trunk)}[kind]
    make("any", settings, SCENES, "data", scratch, folder)  # type: ignore[operator]
    return load(folder).digest  # type: ignore[operator, no-any-return]


@pytest.mark.parametrize(("kind", "settings"), [("clip", CLIP), ("trunk", TRUNK)])
def test_a_seed_decides_everything(kind: str, settings: ClipSettings, tmp_path: Path) -> None:
    first = digest(kind, settings, tmp_path / "scratch", tmp_path / "first")
    torch.rand(7)  # what ran before must not matter
    again = digest(kind, settings, tmp_path / "other scratch", tmp_path / "again")
    other = digest(kind, settings.model_copy(update={"seed": 2}), tmp_path / "scratch", tmp_path / "other")
    assert first == again
    assert first != other


@pytest.mark.parametrize(("kind", "settings"), [("clip", CLIP), ("trunk", TRUNK)])
def test_finished_work_is_reused(
    kind: str, settings: ClipSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = digest(kind, settings, tmp_path, tmp_path / "first")
    assert "train" in capsys.readouterr().err
    assert digest(kind, settings, tmp_path, tmp_path / "again") == first
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("kind", "settings"), [("clip", CLIP), ("trunk", TRUNK)])
def test_weights_in_place_of_a_training_are_pointed_to(kind: str, settings: ClipSettings, tmp_path: Path) -> None:
    first = digest(kind, settings, tmp_path, tmp_path / "first")
    pointing = settings.model_copy(update={"weights": str(tmp_path / "first")})
    assert digest(kind, pointing, tmp_path, tmp_path / "pointer") == first
    assert len(list((tmp_path / "pointer").iterdir())) == 1


def test_a_tower_that_open_clip_does_not_build_is_refused(tmp_path: Path) -> None:
    settings = ClipSettings(tower={"depth": 3})
    with pytest.raises(ValueError, match=r"perception\.clips\.vit\.tower: .*'depth'; expected names of open_clip's"):
        make_clip("vit", settings, SCENES, "data", tmp_path, tmp_path / "vit")


def test_captions_that_all_say_the_same_teach_no_trunk(tmp_path: Path) -> None:
    same = Scenes(SCENES.images, ("an aerial image of a forest",) * 12)
    with pytest.raises(ValueError, match="no word tells some captions from others: put images in at least two"):
        make_trunk("judge", TRUNK, same, "data", tmp_path, tmp_path / "judge")


def test_contrastive_loss_against_its_definition() -> None:
    images, texts = nn.functional.normalize(torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0)), dim=2)
    similarity = np.exp(3 * (images @ texts.T).double().numpy())
    by_image = -np.log(np.diag(similarity) / similarity.sum(axis=1)).mean()
    by_text = -np.log(np.diag(similarity) / similarity.sum(axis=0)).mean()
    found = contrastive_loss(images, texts, torch.tensor(3.0)).item()
    assert found == pytest.approx((by_image + by_text) / 2, abs=1e-5)


# Scenes


def test_vocabulary_leaves_out_numbers_and_what_tells_nothing() -> None:
    captions = ("an aerial image of a forest", "an aerial image of 12 Houses in a dry climate")
    assert vocabulary(captions) == ("climate", "dry", "forest", "houses")
    rare = (*(("a forest",) * 60), *(("a lake",) * 39), "a harbor")
    assert vocabulary(rare) == ("forest", "lake")


def test_only_captioned_images_are_read(tmp_path: Path) -> None:
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(3)]
    chips[1] = dataclasses.replace(chips[1], caption=None)
    pairs = Pairs(written(tmp_path / "some", chips), PairSettings(dates=3))
    scenes = Scenes.read(pairs)
    assert scenes.captions == ("an aerial image of a test",) * 2
    expected = np.stack([pairs.chips.hr(tile) for tile in pairs.tiles if pairs.chips.caption(tile)])
    np.testing.assert_array_equal(scenes.images.permute(0, 2, 3, 1).numpy(), expected)
    mean, std = scenes.band_statistics()
    np.testing.assert_allclose(mean, expected.mean(axis=(0, 1, 2)) / 255, rtol=1e-6)
    np.testing.assert_allclose(std, expected.std(axis=(0, 1, 2)) / 255, rtol=1e-4)
    mute = [dataclasses.replace(chip, caption=None) for chip in chips]
    with pytest.raises(ValueError, match="no image has a caption: put images in one folder per class, or name publi"):
        Scenes.read(Pairs(written(tmp_path / "none", mute), PairSettings(dates=3)))


def test_a_lesson_varies_light_and_captions_but_not_sharpness() -> None:
    images, captions = SCENES.lesson([0, 1, 5], np.random.default_rng(0))
    again, _ = SCENES.lesson([0, 1, 5], np.random.default_rng(0))
    assert torch.equal(images, again)
    assert images.shape == (3, 3, 32, 32)
    assert 0 <= images.min() <= images.max() <= 1
    for number, caption in zip([0, 1, 5], captions, strict=True):
        assert caption in (SCENES.captions[number], SCENES.captions[number].split(" with ")[0])
    ratio = images.sort(dim=-1).values.flatten(2).sort().values / SCENES.images[[0, 1, 5]].flatten(2).sort().values
    gain = ratio[..., :1] * 255  # one factor per image and band, whatever the turn
    torch.testing.assert_close(ratio * 255, gain.expand_as(ratio), rtol=1e-4, atol=0)
    assert ((gain > 0.8) & (gain < 1.21)).all()


class KnownClip(Clip):
    """A CLIP whose similarities are given: image n has the value n everywhere and row n of a table."""

    def __init__(self, similarity: Tensor, captions: list[str]) -> None:
        values = {"size": 4, "mean": (0,), "std": (1,), "interpolation": "bicubic", "resize_mode": "squash"}
        super().__init__("known", nn.Linear(1, 1), Preprocess.of(values), None)
        self.similarity, self.captions = similarity, captions

    def embed_images(self, images: Tensor, resize: str = "own") -> Tensor:  # type: ignore[override]
        return self.similarity[(images[:, 0, 0, 0] * 255).round().long()]

    def embed_captions(self, captions: list[str]) -> Tensor:  # type: ignore[override]
        return torch.eye(len(self.captions))[[self.captions.index(caption) for caption in captions]].clone()


def test_examination_counts_right_answers() -> None:
    captions = [f"{PREFIX}a forest with {n} trees" for n in range(5)]
    captions += [f"{PREFIX}a suburb with {n} houses" for n in range(3)]
    prompts = [PREFIX + "a forest", PREFIX + "a suburb"]
    similarity = torch.zeros(8, 10)
    similarity[:, :8] = torch.eye(8)
    similarity[0, :8] = torch.arange(8)  # its own caption is the last of eight
    similarity[6, :8] = torch.tensor([1, 1, 1, 1, 0, 0, 0.5, 0])  # its own caption is the fifth
    similarity[:5, 8], similarity[5:, 9] = 1, 1
    similarity[0, 8:] = torch.tensor([0.2, 0.3])  # a forest taken for a suburb
    images = torch.arange(8, dtype=torch.uint8)[:, None, None, None].expand(8, 3, 4, 4)
    found = examine(KnownClip(similarity, captions + prompts), Scenes(images, tuple(captions)))
    assert dataclasses.astuple(found) == pytest.approx((7 / 8, 5 / 8, 2, 7 / 8, 8))


# Two sides


def sides(**changes: object) -> dict[str, object]:
    clips = {"loss": {"tower": {"layers": 1}, "seed": 1}, "vit": {"tower": {"layers": 2}, "seed": 2}}
    trunks = {"loss": {"kind": "vgg", "seed": 1}, "judge": {"kind": "alex", "seed": 2}}
    return {"clips": clips, "trunks": trunks, **changes}


def test_settings_keep_loss_and_judges_apart() -> None:
    PerceptionSettings.model_validate(sides())
    PerceptionSettings.model_validate(sides(trunks={"loss": {"weights": "vgg19"}, "judge": {"weights": "alex"}}))
    for bad, message in (
        ({"loss": {"kind": "vgg", "seed": 1}, "judge": {"kind": "alex", "seed": 1}}, r"trunks\.judge has the seed or"),
        ({"loss": {"kind": "vgg", "seed": 1}, "judge": {"kind": "vgg", "seed": 2}}, r"trunks\.judge has the seed or"),
        ({"loss": {"weights": "vgg"}, "judge": {"weights": "vgg"}}, r"trunks\.judge has the seed or the architecture"),
        ({"judge": {}}, r"trunks = \['judge'\], expected `loss` and at least one other"),
        ({"loss": {}}, r"trunks = \['loss'\], expected `loss` and at least one other"),
    ):
        with pytest.raises(ValidationError, match=message):
            PerceptionSettings.model_validate(sides(trunks=bad))


def test_equal_weights_on_both_sides_are_refused() -> None:
    check_apart({"loss": "1"}, {"judge": "2"})
    with pytest.raises(ValueError, match=r"the judge alex has the same weights as the loss network vgg"):
        check_apart({"first": "0", "vgg": "1"}, {"other": "2", "alex": "1"})


def test_roles_stand_for_folders(tmp_path: Path) -> None:
    here = Workspace(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match=r"judges\.json is missing: run the agreement stage"):
        network_name(here, "clip", "judge")
    with pytest.raises(FileNotFoundError, match=r"clip/loss is missing: run the perception stage"):
        network_name(here, "clip", "loss")
    folder_of(here, "clip", "vit").mkdir(parents=True)
    save_judges(here, {"clip": "vit", "trunk": "alex"}, {"seen": 1})
    assert chosen_judges(here) == {"clip": "vit", "trunk": "alex"}
    assert network_name(here, "clip", "judge") == str(folder_of(here, "clip", "vit"))
    assert network_name(here, "trunk", "judge") == "alex"
    assert network_name(here, "clip", "RN50/openai") == "RN50/openai"
