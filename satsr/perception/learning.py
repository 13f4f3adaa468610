"""The study trains its own networks: a CLIP matches images with captions, a trunk tells the words of a caption."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.common.cache import key_of, make_once, scratch_folder
from satsr.common.code import fingerprint
from satsr.common.device import best_device
from satsr.common.minimize import WEIGHT_DECAY, minimize, schedule
from satsr.perception import clip as clip_module
from satsr.perception import trunk as trunk_module
from satsr.perception.captioned_scenes import Scenes
from satsr.perception.clip import save_clip
from satsr.perception.load import load_clip, load_trunk, save_pointer
from satsr.perception.settings import ClipSettings, TrunkSettings
from satsr.perception.trunk import TrunkCard, build_trunk, save_trunk

# Radford et al., 2021, section 2.5 clip the temperature at 100; so few images fall into fewer than that.
LARGEST_LOGIT_SCALE = 50.0
EMBED_DIM, CONTEXT_LENGTH = 64, 48
TEXT = {"context_length": CONTEXT_LENGTH, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2}
# Words that nearly all captions have, or nearly none, tell nothing.
WORD_SHARES = (0.03, 0.97)


def make_clip(name: str, settings: ClipSettings, scenes: Scenes, data_digest: str, scratch: Path, folder: Path) -> None:
    """Train a CLIP, or take it from scratch when this training is finished, or point to published weights.

    Args:
        name: for the progress lines.
        settings: tower, seed and length of the training.
        scenes: to learn from.
        data_digest: identifies the data set; work on other data is not reused.
        scratch: folder for finished work.
        folder: to write to.

    Raises:
        ValueError: a tower that open_clip does not build, or published weights that cannot be opened.
        OSError: published weights that are not on this machine.
    """
    place = _Place("clip", name, data_digest, scratch, folder)
    _make(place, settings, load_clip, lambda to: save_clip(*_learn_clip(name, settings, scenes), to))


def make_trunk(
    name: str, settings: TrunkSettings, scenes: Scenes, data_digest: str, scratch: Path, folder: Path
) -> None:
    """Train a trunk, or take it from scratch, or point to published weights; see `make_clip`."""
    place = _Place("trunk", name, data_digest, scratch, folder)
    _make(place, settings, load_trunk, lambda to: save_trunk(*_learn_trunk(name, settings, scenes), to))


@dataclass(frozen=True)
class _Place:
    """Where a network is made, and what identifies its training beside its settings."""

    kind: str
    name: str
    data_digest: str
    scratch: Path
    folder: Path


def _make(
    place: _Place,
    settings: ClipSettings | TrunkSettings,
    load: Callable[[str], object],
    learn: Callable[[Path], None],
) -> None:
    if settings.weights:
        load(settings.weights)
        save_pointer(settings.weights, place.folder)
        return
    made_from = {"settings": settings.model_dump(mode="json", exclude_defaults=True), "data": place.data_digest}
    key = key_of(made_from, fingerprint({__name__}))
    finished = scratch_folder(place.scratch / "perception", f"{place.kind}-{place.name}", key) / "finished"
    make_once(finished, learn)
    shutil.copytree(finished, place.folder)


def vocabulary(captions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words, in alphabetical order, that some captions have and others have not; numbers are no words."""
    counts = Counter(word for caption in captions for word in set(_words(caption)))
    low, high = (share * len(captions) for share in WORD_SHARES)
    return tuple(sorted(word for word, count in counts.items() if low <= count <= high))


def _words(caption: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", caption.lower())


def _learn_clip(name: str, settings: ClipSettings, scenes: Scenes) -> tuple[nn.Module, dict[str, Any]]:
    import open_clip

    mean, std = scenes.band_statistics()
    tower = {**settings.tower, "image_size": scenes.images.shape[-1]}
    configuration = {
        "model_cfg": {"embed_dim": EMBED_DIM, "vision_cfg": tower, "text_cfg": TEXT},
        "preprocess_cfg": {"mean": mean, "std": std, "interpolation": "bicubic", "resize_mode": "shortest"},
    }
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            model = open_clip.CLIP(EMBED_DIM, vision_cfg=dict(tower), text_cfg=dict(TEXT))
    except TypeError as error:
        raise ValueError(f"perception.clips.{name}.tower: {error}; expected names of open_clip's vision_cfg") from None
    tokenizer = open_clip.tokenizer.SimpleTokenizer(context_length=CONTEXT_LENGTH)
    preprocess = clip_module.Preprocess(tuple(scenes.images.shape[-2:]), mean, std, "bicubic", "shortest")  # type: ignore[arg-type]

    words = Words.of(model.token_embedding, tokenizer(scenes.sentences()).unique())
    model.token_embedding = words.learning

    def loss(images: Tensor, captions: list[str]) -> Tensor:
        image, text, scale = model(preprocess(images), words.numbered(tokenizer(captions)).to(images.device))
        return contrastive_loss(image.float(), text.float(), scale.float().clamp(max=LARGEST_LOGIT_SCALE))

    _learn(f"clip {name}", model, loss, settings, scenes)
    model.token_embedding = words.whole(settings)
    return model, configuration


@dataclass(frozen=True)
class Words:
    """The embedding of the few tokens that captions have, trained in place of that of all 49,408.

    The others get no gradient, only weight decay, and yet most of an optimizer's step would go by on them.

    Attributes:
        every: the embedding of all tokens.
        tokens: those that occur, ascending (K,): the end of a text stays the highest, by which open_clip finds it.
        learning: their embedding.
    """

    every: nn.Embedding
    tokens: Tensor
    learning: nn.Embedding

    @classmethod
    def of(cls, every: nn.Embedding, tokens: Tensor) -> Words:
        """Take some tokens, ascending (K,), out of an embedding."""
        return cls(every, tokens, nn.Embedding.from_pretrained(every.weight.detach()[tokens], freeze=False))

    def numbered(self, tokens: Tensor) -> Tensor:
        """Return the places of tokens (N, L) in the embedding that learns."""
        return torch.searchsorted(self.tokens, tokens)

    @torch.no_grad()
    def whole(self, settings: ClipSettings) -> nn.Embedding:
        """Return the embedding of all tokens as it is when all have been trained."""
        for step in range(settings.steps):
            self.every.weight.mul_(1 - settings.learning_rate * schedule(step, settings.steps) * WEIGHT_DECAY)
        self.every.weight[self.tokens] = self.learning.weight
        return self.every


def contrastive_loss(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Return CLIP's symmetric cross-entropy (Radford et al., 2021, figure 3) of unit vectors (N, D)."""
    logits = scale * images @ texts.T
    own = torch.arange(len(images), device=images.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def _learn_trunk(name: str, settings: TrunkSettings, scenes: Scenes) -> tuple[trunk_module.Trunk, TrunkCard]:
    words = vocabulary(scenes.captions)
    if not words:
        raise ValueError("no word tells some captions from others: put images in at least two class folders")
    mean, std = scenes.band_statistics()
    card = TrunkCard(settings.kind, settings.widths, mean, std, settings.seed, words)
    trunk = build_trunk(card)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        head = nn.Linear(settings.widths[-1], len(words))

    def loss(images: Tensor, captions: list[str]) -> Tensor:
        last = trunk(images, trunk.taps[-1:])[trunk.taps[-1]]
        present = [[float(word in found) for word in words] for found in map(set, map(_words, captions))]
        return F.binary_cross_entropy_with_logits(head(last.mean(dim=(2, 3))).float(), torch.tensor(present).to(images))

    _learn(f"trunk {name}", nn.ModuleList([trunk, head]), loss, settings, scenes)
    return trunk.cpu(), card


def _learn(
    what: str,
    network: nn.Module,
    loss_of: Callable[[Tensor, list[str]], Tensor],
    settings: ClipSettings | TrunkSettings,
    scenes: Scenes,
) -> None:
    """Minimize a loss over the scenes, in place."""
    device = best_device()

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng([settings.seed, step])
        images, captions = scenes.lesson(_numbers(len(scenes), settings, step), rng)
        return loss_of(images.to(device, memory_format=torch.channels_last), captions)

    minimize(what, network, loss, settings.steps, settings.learning_rate)


def _numbers(count: int, settings: ClipSettings | TrunkSettings, step: int) -> list[int]:
    """Return the scenes of a step: every epoch is a new permutation."""
    size = min(settings.batch, count)  # a batch larger than the split takes the whole split
    epoch, position = divmod(step, count // size)
    order = np.random.default_rng([settings.seed, epoch, 1]).permutation(count)
    return order[position * size : (position + 1) * size].tolist()
