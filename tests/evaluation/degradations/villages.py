"""What the tests of the degradations share: a village of houses, levels, and how far images differ."""

import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from satsr.evaluation.degradations.context import Box, Context
from satsr.evaluation.degradations.faults import DEGRADATIONS
from tests.metrics.input_series import random_scene

EXAMPLES = settings(max_examples=8, deadline=None)
SEEDS = st.integers(0, 10_000)
SIZE_PX = 96
LEVELS: dict[str, list[float]] = {
    "blur": [0.4, 1, 2, 4],
    "aliasing": [2, 4, 8],
    "color_cast": [0.02, 0.1, 0.3],
    "gain": [0.02, 0.1, 0.3],
    "noise": [0.01, 0.05, 0.2],
    "shift": [0.25, 0.5, 1, 2],
    "hallucination": [0.25, 0.5, 1, 2],
    "missing_objects": [0.25, 0.5, 0.75, 1],
    "misplaced_objects": [0.25, 0.5, 0.75, 1],
    "checkerboard": [0.01, 0.05, 0.2],
}
NOTHING = {name: 1.0 if name == "aliasing" else 0.0 for name in DEGRADATIONS}
HOUSES: tuple[Box, ...] = tuple((x, y, x + 10, y + 8) for x in (12, 44, 76) for y in (14, 42, 70))


def village(seed: int, size_px: int = SIZE_PX) -> Tensor:
    """Random texture (3, H, W) with bright houses where `HOUSES` says."""
    scene = 0.2 + 0.4 * random_scene(seed, size_px)
    for x1, y1, x2, y2 in HOUSES:
        scene[:, y1:y2, x1:x2] += 0.3
    return torch.from_numpy(scene).float()


def degrade(name: str, image: Tensor, strength: float, seed: int = 0) -> Tensor:
    return DEGRADATIONS[name](image, strength, Context(seed, HOUSES))


def mse(x: Tensor, y: Tensor) -> float:
    return (x.double() - y.double()).square().mean().item()


def spectrum(image: Tensor) -> Tensor:
    """Power of the mean of the bands (H, W)."""
    gray = image.double().mean(dim=0)
    return torch.fft.fft2(gray - gray.mean()).abs().square()


def frequencies(size_px: int) -> Tensor:
    axis = torch.fft.fftfreq(size_px)
    return torch.hypot(axis[:, None], axis[None])
