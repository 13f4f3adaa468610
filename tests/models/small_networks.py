"""Untrained networks, small enough for tests."""

from __future__ import annotations

import torch

from satsr.perception.clip import Clip, Preprocess
from satsr.perception.trunk import Trunk, TrunkCard, build_trunk

MEAN, STD = (0.45, 0.5, 0.4), (0.2, 0.25, 0.3)
CLIP_SIZE_PX = 24


def trunk_card(seed: int) -> TrunkCard:
    return TrunkCard("vgg", (4, 6), MEAN, STD, seed, ("water",))


def small_trunk(seed: int) -> Trunk:
    return build_trunk(trunk_card(seed)).eval().requires_grad_(False)


def small_clip(seed: int) -> Clip:
    """A ViT of one layer that sees 24 px; nothing embeds captions."""
    import open_clip

    vision = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": CLIP_SIZE_PX}
    text = {"context_length": 8, "vocab_size": 16, "width": 8, "heads": 1, "layers": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(8, vision_cfg=vision, text_cfg=text)
    preprocess = Preprocess((CLIP_SIZE_PX, CLIP_SIZE_PX), MEAN, STD, "bicubic", "shortest")
    return Clip("small", model, preprocess, tokenizer=None).eval().requires_grad_(False)
