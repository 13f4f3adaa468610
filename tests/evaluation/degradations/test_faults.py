"""Controlled degradations: stronger means worse, and each does what its name says and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from satsr.evaluation.degradations.faults import DEGRADATIONS, NEEDS_OBJECTS
from tests.evaluation.degradations.villages import (
    EXAMPLES,
    LEVELS,
    NOTHING,
    SEEDS,
    SIZE_PX,
    degrade,
    frequencies,
    mse,
    spectrum,
    village,
)
from tests.metrics.input_series import random_scene

each_degradation = pytest.mark.parametrize("name", DEGRADATIONS)


@each_degradation
@given(seed=SEEDS)
@EXAMPLES
def test_error_grows_with_strength(name: str, seed: int) -> None:
    image = village(seed)
    errors = [mse(degrade(name, image, strength, seed), image) for strength in LEVELS[name]]
    assert errors[0] > 0
    assert errors == sorted(errors)
    # Objects may hide each other, everything else is worse at every step.
    assert name in NEEDS_OBJECTS or len(set(errors)) == len(errors)


@each_degradation
def test_error_grows_with_strength_on_real_images(real: Path, name: str) -> None:
    for file in sorted((real / "sen2naip_hr").glob("*.png")):
        pixels = np.asarray(Image.open(file).convert("RGB"), dtype=np.float32)[200:328, 200:328] / 255
        image = torch.from_numpy(pixels).permute(2, 0, 1)
        errors = [mse(degrade(name, image, strength), image) for strength in LEVELS[name]]
        assert errors[0] > 0, file.name
        assert errors == sorted(errors), file.name


@each_degradation
def test_no_strength_changes_nothing(name: str) -> None:
    image = village(0)
    torch.testing.assert_close(degrade(name, image, NOTHING[name]), image, rtol=0, atol=1e-6)


@each_degradation
@given(seed=SEEDS)
@EXAMPLES
def test_images_are_pure_functions_of_the_seed_within_bounds(name: str, seed: int) -> None:
    image = village(seed)
    before = image.clone()
    outputs = [degrade(name, image, LEVELS[name][-1], seed) for _ in range(2)]
    assert torch.equal(*outputs)
    assert torch.equal(image, before)
    assert outputs[0].shape == image.shape
    assert outputs[0].dtype == torch.float32
    assert ((outputs[0] >= 0) & (outputs[0] <= 1)).all()


@pytest.mark.parametrize("name", sorted(set(DEGRADATIONS) - {"blur", "aliasing"}))
def test_another_seed_is_another_fault(name: str) -> None:
    image = village(1)
    assert len({degrade(name, image, LEVELS[name][1], seed).numpy().tobytes() for seed in range(8)}) > 1


def test_blur_has_the_transfer_of_a_gaussian() -> None:
    image = 0.5 + torch.zeros(1, SIZE_PX, SIZE_PX)
    image[:, SIZE_PX // 2, SIZE_PX // 2] = 1
    ratio = (spectrum(degrade("blur", image, 1.5)) / spectrum(image)).sqrt().float()
    gaussian = torch.exp(-2 * (torch.pi * 1.5 * frequencies(SIZE_PX)) ** 2)
    torch.testing.assert_close(ratio.flatten()[1:], gaussian.flatten()[1:], rtol=0, atol=1e-3)


@pytest.mark.parametrize("step", [2, 3, 4])
def test_aliasing_keeps_every_nth_pixel_and_folds_high_frequencies(step: int) -> None:
    image = village(2)
    kept = degrade("aliasing", image, step)[..., ::step, ::step]
    torch.testing.assert_close(kept, image[..., ::step, ::step], rtol=0, atol=1e-6)
    column = torch.arange(SIZE_PX)
    wave = 0.5 + 0.4 * torch.cos(2 * torch.pi * column * (1 / step - 1 / 32)).repeat(1, SIZE_PX, 1)
    folded = 0.5 + 0.4 * torch.cos(2 * torch.pi * column / 32).repeat(1, SIZE_PX, 1)
    assert mse(degrade("aliasing", wave, step), folded) < 0.02 * mse(wave, folded)


def test_color_cast_keeps_the_mean_gray_and_nothing_of_the_color() -> None:
    image = village(3)
    for seed in range(4):
        cast = degrade("color_cast", image, 0.1, seed)
        assert cast.mean().item() == pytest.approx(image.mean().item(), abs=1e-4)
        first, last = ((cast / image)[band].mean() - 1 for band in (0, -1))
        assert abs(first.item()) == pytest.approx(0.1, abs=1e-4)
        assert first * last < 0
        torch.testing.assert_close(cast[1], image[1])


def test_gain_is_one_factor() -> None:
    image = village(4) * 0.7
    for seed in range(4):
        ratio = degrade("gain", image, 0.2, seed) / image
        torch.testing.assert_close(ratio, ratio[0, 0, 0].expand_as(ratio))
        assert abs(ratio[0, 0, 0].item() - 1) == pytest.approx(0.2, abs=1e-5)


def test_noise_is_white() -> None:
    image = torch.full((3, 256, 256), 0.5)
    error = (degrade("noise", image, 0.05) - image).double()
    assert error.std().item() == pytest.approx(0.05, rel=0.01)
    neighbors = (error[..., 1:] * error[..., :-1]).mean() / error.var()
    bands = (error[0] * error[1]).mean() / error.var()
    assert max(neighbors.abs().item(), bands.abs().item()) < 0.02


@given(seed=SEEDS, length_px=st.floats(0.25, 4))
@EXAMPLES
def test_shift_is_a_displacement_of_that_length(seed: int, length_px: float) -> None:
    from skimage.registration import phase_cross_correlation

    image = torch.from_numpy(random_scene(seed, SIZE_PX)).float()
    moved = degrade("shift", image, length_px, seed)
    window = np.outer(np.hanning(SIZE_PX), np.hanning(SIZE_PX))
    x, y = (window * (i.mean(dim=0) - i.mean()).numpy() for i in (moved, image))
    found = phase_cross_correlation(y, x, upsample_factor=50, normalization=None)[0]
    assert np.hypot(*found) == pytest.approx(length_px, abs=0.25)


@given(seed=SEEDS)
@EXAMPLES
def test_hallucination_has_the_images_own_spectrum_but_not_its_places(seed: int) -> None:
    image = torch.from_numpy(0.3 + 0.4 * random_scene(seed, 128)).float()
    added = degrade("hallucination", image, 1, seed) - image
    bands = [(low, low + 0.05) for low in (0.1, 0.15, 0.2)]
    for low, high in bands:
        ring = (frequencies(128) >= low) & (frequencies(128) < high)
        assert 0.5 < (spectrum(added)[ring].mean() / spectrum(image)[ring].mean()).item() < 2
    assert abs(np.corrcoef(added.flatten(), image.flatten())[0, 1]) < 0.15


def test_checkerboard_alternates_by_one_or_two_pixels() -> None:
    image = torch.full((3, 8, 8), 0.5)
    boards = {round(degrade("checkerboard", image, 0.1, seed)[0, 0, 1].item(), 6) for seed in range(8)}
    assert boards == {0.4, 0.6}
    for seed in range(8):
        board = degrade("checkerboard", image, 0.1, seed) - image
        torch.testing.assert_close(board.abs(), torch.full_like(board, 0.1))
        assert board.sum().abs().item() < 1e-5


@each_degradation
def test_unusable_images_and_strengths_are_refused(name: str) -> None:
    image = village(9)
    for bad in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"got {name} of strength .*, expected a finite number of at least 0"):
            degrade(name, image, bad)
    with pytest.raises(ValueError, match=r"got an image torch\.uint8 \(3, 96, 96\), expected torch\.float32"):
        degrade(name, (image * 255).byte(), NOTHING[name])
    with pytest.raises(ValueError, match=r"expected \[0, 1\]: clip it first"):
        degrade(name, image * 2, NOTHING[name])


def test_what_single_degradations_cannot_do_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got aliasing of strength 2\.5, expected a whole number"):
        degrade("aliasing", village(0), 2.5)
    with pytest.raises(ValueError, match="got one band, expected at least 2"):
        degrade("color_cast", village(0)[:1], 0.1)
    with pytest.raises(ValueError, match="got an image of 20x96 px, expected at least 32x32"):
        degrade("hallucination", village(0)[:, :20], 0.1)
