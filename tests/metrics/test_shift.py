"""The displacement of an output against its input: known shifts, and detail that is none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from torch import Tensor

from satsr.metrics.opensr import opensr_score
from satsr.metrics.protocol import Protocol
from satsr.metrics.shift import registration_displacement, registration_shift
from tests.metrics.input_series import (
    SCALE,
    enlarged,
    low_resolution,
    random_pair,
    random_scene,
    real_pairs,
    with_real_detail,
)
from tests.metrics.metric_images import each_protocol

EXAMPLES = settings(max_examples=15, deadline=None)
MARGIN_PX = 24
TOLERANCE_PX = 0.1 * SCALE


def displaced(scene: NDArray[np.float64], down_px: float, right_px: float) -> tuple[Tensor, Tensor]:
    """The middle of a scene, displaced, as SR (1, C, H, W), and what the sensor sees of it where it was."""
    inner, inner_lr = (slice(margin, -margin) for margin in (MARGIN_PX, MARGIN_PX // SCALE))
    moved = ndimage.shift(scene, (0, down_px, right_px), order=5, mode="nearest")[:, inner, inner]
    low = low_resolution(scene)[:, inner_lr, inner_lr]
    return torch.from_numpy(moved).float().clamp(0, 1)[None], torch.from_numpy(low).float()[None, None]


@given(
    seed=st.integers(0, 10_000),
    length_px=st.floats(0, 8),
    angle=st.floats(0, 2 * np.pi),
    sigma_px=st.sampled_from([1.0, 2.0, 4.0]),
)
@EXAMPLES
def test_known_displacements_of_random_texture_are_found(
    seed: int, length_px: float, angle: float, sigma_px: float
) -> None:
    down_px, right_px = length_px * np.sin(angle), length_px * np.cos(angle)
    sr, lr = displaced(random_scene(seed, 128 + 2 * MARGIN_PX, sigma_px), down_px, right_px)
    found = registration_displacement(sr, sr, "corrected", None, lr)[0].numpy()
    assert np.hypot(found[0] - down_px, found[1] - right_px) < TOLERANCE_PX
    assert registration_shift(sr, sr, "corrected", None, lr).item() == pytest.approx(np.hypot(*found))


@pytest.mark.parametrize(("down_px", "right_px"), [(0, 0), (0.5, -0.25), (-1.3, 2.1), (3, 2)])
def test_known_displacements_of_real_texture_are_found(real: Path, down_px: float, right_px: float) -> None:
    for file in sorted((real / "sen2naip_hr").glob("*.png")):
        image = np.asarray(Image.open(file).convert("RGB"), dtype=np.float64).transpose(2, 0, 1) / 255
        sr, lr = displaced(image[:, 100:276, 100:276], down_px, right_px)
        found = registration_displacement(sr, sr, "corrected", None, lr)[0].numpy()
        assert np.hypot(found[0] - down_px, found[1] - right_px) < TOLERANCE_PX, file.name


@pytest.mark.parametrize("sensor", ["naip", "spot"])
def test_real_detail_is_no_displacement(real: Path, sensor: str) -> None:
    """Bicubic plus the real reference's own detail lies where bicubic lies.

    Means in LR px with no detail, with it once and twice: opensr-test says 0.016, 0.044, 0.064 for NAIP and 0.015,
    0.041, 0.055 for SPOT; ours are 0.017, 0.006, 0.013 and 0.013, 0.012, 0.026.
    """
    hr, lr = real_pairs(real, sensor)
    outputs = [with_real_detail(lr[:, 0], hr, weight) for weight in (0, 1, 2)]
    theirs = [opensr_score("spatial")(sr, hr, "corrected", None, lr).mean().item() for sr in outputs]
    ours = [registration_shift(sr, hr, "corrected", None, lr).mean().item() / SCALE for sr in outputs]
    assert theirs[0] < theirs[1] < theirs[2]
    assert theirs[2] > 0.05 > 0.03 > max(ours)


@given(seed=st.integers(0, 10_000), factor=st.floats(0.5, 1), offset=st.floats(0, 0.1))
@EXAMPLES
def test_brightness_and_contrast_are_no_displacement(seed: int, factor: float, offset: float) -> None:
    hr, lr = random_pair(seed)
    plain = registration_displacement(hr, hr, "corrected", None, lr)
    changed = registration_displacement(factor * hr + offset, hr, "corrected", None, lr)
    torch.testing.assert_close(changed, plain, rtol=0, atol=0.02 * SCALE)


def test_the_direction_follows_the_axes() -> None:
    hr, lr = random_pair(0, size_px=128)
    sr = enlarged(lr.median(dim=1).values[:, :3])
    still = registration_displacement(sr, hr, "corrected", None, lr)
    for axis in (0, 1):
        moved = registration_displacement(sr.roll(2, 2 + axis), hr, "corrected", None, lr)
        torch.testing.assert_close(moved - still, 2.0 * torch.eye(2).double()[[axis, axis]], rtol=0, atol=TOLERANCE_PX)


def test_published_only_rounds_to_8_bit() -> None:
    hr, lr = random_pair(1)
    rounded = [(image * 255).round() / 255 for image in (hr, lr)]
    published = registration_shift(hr, hr, "published", None, lr)
    assert torch.equal(published, registration_shift(rounded[0], rounded[0], "corrected", None, rounded[1]))


@each_protocol
def test_target_and_mask_are_ignored(protocol: Protocol) -> None:
    hr, lr = random_pair(2)
    plain = registration_shift(hr, hr, protocol, None, lr)
    assert torch.equal(plain, registration_shift(hr, 1 - hr, protocol, torch.zeros(2, 96, 96, dtype=torch.bool), lr))


def test_what_has_no_likeness_stays_within_the_limit() -> None:
    sr = torch.rand(4, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    _, lr = random_pair(3, images=4)
    found = registration_displacement(sr, sr, "corrected", None, lr)
    assert found.isfinite().all()
    assert found.abs().max() <= 5 * SCALE


def test_unusable_images_are_refused() -> None:
    hr, lr = random_pair(4)
    flat = hr.clone()
    flat[1] = 0.5
    with pytest.raises(ValueError, match="image 1: got sr without texture"):
        registration_shift(flat, hr, "corrected", None, lr)
    with pytest.raises(ValueError, match="image 1: got lr without texture"):
        registration_shift(hr, hr, "corrected", None, torch.stack([lr[0], torch.full_like(lr[1], 0.5)]))
    with pytest.raises(ValueError, match="got lr 15x15 px, expected at least 16x16"):
        registration_shift(hr[..., :60, :60], hr[..., :60, :60], "corrected", None, lr[..., :15, :15])
    with pytest.raises(ValueError, match="got no lr"):
        registration_shift(hr, hr, "corrected")
