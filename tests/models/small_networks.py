"""Untrained networks, small enough for tests."""

from __future__ import annotations

from pathlib import Path

import torch

from satsr.perception.clip import Clip, Preprocess, save_clip
from satsr.perception.trunk import Trunk, TrunkCard, build_trunk

MEAN, STD = (0.45, 0.5, 0.4), (0.2, 0.25, 0.3)
CLIP_SIZE_PX = 24


def trunk_card(seed: int) -> TrunkCard:
    return TrunkCard("vgg", (4, 6), MEAN, STD, seed, ("water",))


def small_trunk(seed: int) -> Trunk:
    return build_trunk(trunk_card(seed)).eval().requires_grad_(False)


CLIP_CONFIGURATION = {
    "model_cfg": {
        "embed_dim": 8,
        "vision_cfg": {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": CLIP_SIZE_PX},
        "text_cfg": {"context_length": 8, "vocab_size": 16, "width": 8, "heads": 1, "layers": 1},
    },
    "preprocess_cfg": {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"},
}


def small_clip(seed: int) -> Clip:
    """A ViT of one layer that sees 24 px; nothing embeds captions."""
    import open_clip

    configuration = CLIP_CONFIGURATION["model_cfg"]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(
            configuration["embed_dim"],
            vision_cfg=dict(configuration["vision_cfg"]),
            text_cfg=dict(configuration["text_cfg"]),
        )
    preprocess = Preprocess((CLIP_SIZE_PX, CLIP_SIZE_PX), MEAN, STD, "bicubic", "shortest")
    return Clip("small", model, preprocess, tokenizer=None).eval().requires_grad_(False)


def save_small_clip(seed: int, folder: Path) -> None:
    """Write it as the study writes its own."""
    save_clip(small_clip(seed).model, CLIP_CONFIGURATION, folder)
