"""Captioned scenes, the teaching material of the study's own networks, and the knowledge that they are tested for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from satsr.data.pairs import Pairs
from satsr.perception.clip import Clip
from satsr.world.captions import PREFIX, scene_of

# A training image is made up to this much brighter or darker, so that a network has to look at more than the color
# of a region. Sharpness is never changed: a judge must see it.
BRIGHTNESS, BAND_GAIN = 0.15, 0.05
SHORT_CAPTION_SHARE = 0.4


@dataclass(frozen=True)
class Scenes:
    """Images uint8 (N, 3, H, W) with one caption each."""

    images: Tensor
    captions: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.captions)

    @classmethod
    def read(cls, pairs: Pairs) -> Scenes:
        """Read the captioned HR images of a set.

        Raises:
            ValueError: no image has a caption.
        """
        captions = [pairs.chips.caption(tile) or "" for tile in pairs.tiles]
        tiles = [tile for tile, caption in zip(pairs.tiles, captions, strict=True) if caption]
        if not tiles:
            raise ValueError(
                f"{pairs.chips.folder}: no image has a caption: put images in one folder per class, or name "
                "published weights in perception.clips and perception.trunks"
            )
        images = np.stack([pairs.chips.hr(tile)[..., :3] for tile in tiles])
        return cls(torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), tuple(c for c in captions if c))

    def band_statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and standard deviation of every band, of values in [0, 1]."""
        values = self.images.double() / 255
        return tuple(values.mean(dim=(0, 2, 3)).tolist()), tuple(values.std(dim=(0, 2, 3)).tolist())

    def sentences(self) -> list[str]:
        """Return everything that a lesson may say: every caption, whole and cut short."""
        return sorted({*self.captions, *map(_shortened, self.captions)})

    def lesson(self, numbers: list[int], rng: np.random.Generator) -> tuple[Tensor, list[str]]:
        """Return some scenes as training material: turned, flipped, lit a little differently, some captions cut short.

        Args:
            numbers: which scenes.
            rng: of the variations.

        Returns:
            Images (n, 3, H, W) in [0, 1] and n captions.
        """
        images = torch.rot90(self.images[numbers], int(rng.integers(4)), (2, 3))
        images = images.flip(3) if rng.integers(2) else images
        gain = rng.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS, (len(numbers), 1, 1, 1))
        gain = gain * rng.uniform(1 - BAND_GAIN, 1 + BAND_GAIN, (len(numbers), 3, 1, 1))
        short = rng.random(len(numbers)) < SHORT_CAPTION_SHARE
        captions = [self.captions[n] for n in numbers]
        captions = [_shortened(c) if s else c for c, s in zip(captions, short, strict=True)]
        return (images.float() / 255 * torch.from_numpy(gain).float()).clamp(0, 1), captions


def _shortened(caption: str) -> str:
    return PREFIX + scene_of(caption)


NO_SCENES = Scenes(torch.zeros(0, 3, 1, 1, dtype=torch.uint8), ())  # where no network learns


@dataclass(frozen=True)
class Knowledge:
    """What a CLIP knows of scenes that it has not seen, beside what guessing gives.

    Attributes:
        zero_shot: share of images whose scene is the most similar prompt.
        majority: share of the most frequent scene, what a constant answer gets.
        classes: number of scenes; guessing gets 1 / classes.
        recall_at_5: share of images whose own caption is among the five most similar.
        images: number of images.
    """

    zero_shot: float
    majority: float
    classes: int
    recall_at_5: float
    images: int


@torch.inference_mode()
def examine(clip: Clip, scenes: Scenes) -> Knowledge:
    """Test a CLIP on scenes by zero-shot classification and by retrieval of captions (Radford et al., 2021)."""
    device = next(clip.parameters()).device
    batches = scenes.images.split(64)
    images = torch.cat([clip.embed_images(batch.to(device).float() / 255) for batch in batches])
    names = [scene_of(caption) for caption in scenes.captions]
    classes = sorted(set(names))
    truth = torch.tensor([classes.index(name) for name in names], device=device)
    prompts = clip.embed_captions([PREFIX + name for name in classes])
    guesses = (images @ prompts.T).argmax(dim=1)
    similarity = images @ clip.embed_captions(scenes.captions).T
    rank = (similarity > similarity.diagonal()[:, None]).sum(dim=1)
    return Knowledge(
        zero_shot=float((guesses == truth).float().mean()),
        majority=float(truth.bincount().max() / len(truth)),
        classes=len(classes),
        recall_at_5=float((rank < 5).float().mean()),
        images=len(scenes),
    )
