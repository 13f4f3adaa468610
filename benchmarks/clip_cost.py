"""What a CLIP in the loss adds to a step of the published ESRGAN, with the targets' features kept and anew."""

from __future__ import annotations

import statistics

import torch

from benchmarks.training import prepared, seconds
from satsr.common.paths import project_root
from satsr.perception.clip import Clip, Preprocess
from satsr.perception.published import as_trunk
from satsr.perception.trunk import Trunk
from satsr.pipeline.params import load_study

ROUNDS = 3
BATCH = {"cpu": 2, "cuda": 64}
DATES = 8


def published_clip() -> Clip:
    """Return RN50, which the paper's loss looks through, with random weights: its cost is the same."""
    import open_clip  # which warns that nothing was loaded

    model = open_clip.create_model("RN50", pretrained=None)
    seen = Preprocess((224, 224), open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD, "bicubic", "shortest")
    return Clip("RN50, random weights", model, seen, tokenizer=None)


def published_trunk() -> Trunk:
    """Return VGG-19, which the paper's perceptual loss looks through, with random weights."""
    import torchvision

    return as_trunk("vgg19", torchvision.models.vgg19(weights=None).features).eval().requires_grad_(False)


def report() -> None:
    """Print one line."""
    settings = load_study(project_root(), "paper").train["esrgan"]
    batch = BATCH["cuda" if torch.cuda.is_available() else "cpu"]
    plain = settings.model_copy(update={"batch": batch})
    with_clip = plain.model_copy(update={"losses": {**plain.losses, "clip": 1.0}})
    without, kept = (
        prepared("esrgan", plain, DATES, tuned=True, trunk=published_trunk()),
        prepared("esrgan", with_clip, DATES, tuned=True, clip=published_clip(), trunk=published_trunk()),
    )
    for run in (without, kept):
        seconds(run)
    times = [(seconds(without), seconds(kept)) for _ in range(ROUNDS)]
    added = statistics.median(b / a for a, b in times) - 1
    print(f"a CLIP (RN50) in the loss of the published ESRGAN, batch {batch}, features kept: {added:+.1%} of a step")
