"""Outputs in agreement with what the sensor saw: known answers, an independent sensor, and where agreement ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage
from torch import Tensor

from satsr.models.consistent import BACK_PX, SensorModel, halo_px, make_consistent, noise_gain, observe
from satsr.world.cameras.sensors import SENTINEL2

RGB = ("red", "green", "blue")
SENSOR = SensorModel.of(RGB, 4)
HALF_A_LEVEL = 0.5 / 255


def textured(lr_px: int = 40, scale: int = 4, count: int = 1, seed: int = 0) -> Tensor:
    """Images (count, 3, H, H) in [0, 1] of smooth ground, edges and fine texture."""
    generator = torch.Generator().manual_seed(seed)
    side = lr_px * scale
    coarse = torch.randn(count, 3, side // 8, side // 8, generator=generator)
    ground = F.interpolate(coarse, size=side, mode="bicubic", align_corners=False)
    ground = 0.4 + 0.1 * ground + 0.2 * (ground > 0.8)
    return (ground + 0.02 * torch.randn(ground.shape, generator=generator)).clamp(0, 1)


def below_nyquist(image: Tensor, scale: int) -> Tensor:
    """What of an image lies below the LR Nyquist frequency."""
    frequencies = torch.fft.fftfreq(image.shape[-1], 1 / scale).abs() < 0.5
    return torch.fft.ifft2(torch.fft.fft2(image) * (frequencies[:, None] & frequencies)).real


def inside(image: Tensor, px: int) -> Tensor:
    return image[..., px:-px, px:-px]


def psnr(image: Tensor, truth: Tensor, margin: int = 24) -> float:
    return -10 * float(inside(image - truth, margin).square().mean().log10())


def in_another_tone(truth: Tensor, scale: int) -> Tensor:
    """The truth with gain 0.9, offset 0.03 and an error that grows to the right, as it is above the Nyquist."""
    ramp = 0.03 * torch.linspace(0, np.pi, truth.shape[-1]).sin()
    return truth + below_nyquist(0.9 * truth + 0.03 + ramp - truth, scale)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_uniform_image_is_seen_as_it_is_and_stays(scale: int) -> None:
    sensor = SensorModel.of((*RGB, "b08"), scale)
    flat = torch.full((1, 4, 32 * scale, 33 * scale), 0.3)
    seen = observe(flat, sensor)
    torch.testing.assert_close(seen, torch.full((1, 4, 32, 33), 0.3))
    torch.testing.assert_close(make_consistent(flat, seen + 0.1, sensor), flat + 0.1)  # and a change of tone is no grid


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_sees_as_a_filter_on_a_finer_grid(scale: int) -> None:
    """An independent sensor: SciPy's Gaussian in nine samples per output pixel, read at the LR pixels' centres."""
    fine, sensor = 9, SensorModel.of(("b04", "b02"), scale)
    image = ndimage.gaussian_filter(
        np.random.default_rng(1).standard_normal((2, 16 * scale, 18 * scale)), (0, 1.5, 1.5)
    )
    image = 0.5 + 0.3 * image / abs(image).max()
    for band, name in enumerate(("b04", "b02")):
        sigma = SENTINEL2.band(name).blur_m / 10 * scale * fine
        smooth = ndimage.zoom(image[band], fine, order=3, mode="nearest", grid_mode=True)
        blurred = ndimage.gaussian_filter(smooth, sigma, mode="nearest")
        centres = (np.arange(18) + 0.5) * scale * fine - 0.5  # of a pixel that begins at 0
        rows, columns = np.meshgrid(centres[:16], centres, indexing="ij")
        expected = ndimage.map_coordinates(blurred, [rows, columns], order=1)
        seen = observe(torch.from_numpy(image)[None].float(), sensor)[0, band].numpy()
        np.testing.assert_allclose(seen[2:-2, 2:-2], expected[2:-2, 2:-2], atol=1e-3)


@pytest.mark.parametrize("scale", [3, 4])
def test_a_point_stays_where_it_is(scale: int) -> None:
    """Its centroid in metres, where pixels are areas: seen at 10 m, and added by back-projection."""
    sensor = SensorModel.of(("red",), scale)
    row, column = 16 * scale + 1, 17 * scale
    point = torch.zeros(1, 1, 32 * scale, 32 * scale)
    point[..., row, column] = 1
    seen = observe(point, sensor)
    expected = (np.array([row, column]) + 0.5) / scale
    assert centroid(seen) == pytest.approx(expected, abs=0.03)  # sampled at 10 m, a Gaussian of 5 m is aliased a little
    added = make_consistent(torch.zeros_like(point), seen, sensor)
    assert centroid(added) / scale == pytest.approx(expected, abs=0.03)


def centroid(image: Tensor) -> np.ndarray:
    weights = image[0, 0].double().numpy()
    return np.array(ndimage.center_of_mass(weights)) + 0.5


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_outputs_agree_with_what_was_seen(scale: int) -> None:
    sensor = SensorModel.of(RGB, scale)
    truth, invented = textured(scale=scale, count=2), textured(scale=scale, count=2, seed=7)
    seen = observe(truth, sensor)
    bicubic = F.interpolate(seen, scale_factor=scale, mode="bicubic", align_corners=False)
    for output in (bicubic, truth.roll(1, -1), bicubic + 0.2 * (invented - bicubic)):
        residual = seen - observe(make_consistent(output, seen, sensor), sensor)
        assert inside(residual, 2).abs().max() < HALF_A_LEVEL


@pytest.mark.parametrize("scale", [2, 4])
def test_gives_the_truth_back(scale: int) -> None:
    sensor, truth = SensorModel.of(RGB, scale), textured(scale=scale, lr_px=48)
    seen = observe(truth, sensor)
    assert torch.equal(make_consistent(truth, seen, sensor), truth)
    distorted = in_another_tone(truth, scale)
    assert psnr(distorted, truth) < 40
    assert psnr(make_consistent(distorted, seen, sensor), truth) > 50


def test_gives_real_ground_back(real: Path) -> None:
    folder = real / "aid150"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    for name in ("Airport", "DenseResidential", "Farmland"):
        pixels = np.asarray(Image.open(min((folder / name).glob("*.jpg"))).convert("RGB"), np.float32)[:148, :148]
        truth = torch.from_numpy(pixels / 255).permute(2, 0, 1)[None]
        distorted = in_another_tone(truth, 4)
        seen = observe(truth, SENSOR)
        back = make_consistent(distorted, seen, SENSOR)
        assert psnr(back, truth) > max(50, psnr(distorted, truth) + 15)
        assert inside(seen - observe(back, SENSOR), 2).abs().max() < HALF_A_LEVEL


@pytest.mark.parametrize(("scale", "steps"), [(2, 2), (4, 1), (4, 2), (3, 3)])
def test_nothing_beyond_the_halo_counts(scale: int, steps: int) -> None:
    sensor = SensorModel.of(RGB, scale)
    halo, lr_px = halo_px(sensor, steps), 48
    output, seen = textured(lr_px, scale), observe(textured(lr_px, scale, seed=1), sensor)
    other, other_seen = 1 - output, 1 - seen
    middle = slice(halo + 1, lr_px - halo - 1)  # of what is left as it was
    left = slice(1, lr_px - 1)
    kept = slice(left.start * scale, left.stop * scale)
    other[..., kept, kept], other_seen[..., left, left] = output[..., kept, kept], seen[..., left, left]
    whole, changed = (make_consistent(x, y, sensor, steps=steps) for x, y in ((output, seen), (other, other_seen)))
    cut = make_consistent(output[..., kept, kept], seen[..., left, left], sensor, steps=steps)
    at = slice(middle.start * scale, middle.stop * scale)
    assert torch.equal(changed[..., at, at], whole[..., at, at])
    in_cut = slice(halo * scale, halo * scale + at.stop - at.start)
    torch.testing.assert_close(cut[..., in_cut, in_cut], whole[..., at, at], atol=1e-6, rtol=0)


def test_halo_is_what_the_filters_span() -> None:
    assert halo_px(SENSOR, 2) == 2 * (BACK_PX + 2) == 12


@pytest.mark.parametrize("bands", [1, 3])
def test_the_unknown_forces_nothing(bands: int) -> None:
    """Neither values nor NaN under a mask change anything, and its neighbours agree all the same."""
    truth = textured(64)
    seen, output = observe(truth, SENSOR), in_another_tone(truth, 4)
    known = torch.ones(1, bands, 64, 64, dtype=torch.bool)
    known[..., 10:54, 8:56] = False  # a cloud
    known[..., 3, 3] = False  # and one pixel
    changed = make_consistent(output, seen, SENSOR, known)
    lost = torch.where(known, seen, torch.nan)
    assert torch.equal(make_consistent(output, lost, SENSOR, known), changed)
    middle = (..., slice(4 * 24, 4 * 40), slice(4 * 22, 4 * 42))
    assert torch.equal(changed[middle], output[middle])
    residual = torch.where(known, seen - observe(changed, SENSOR), 0)
    assert inside(residual, 2).abs().max() < HALF_A_LEVEL
    assert torch.equal(make_consistent(output, lost, SENSOR, torch.zeros_like(known)), output)


def test_a_second_time_changes_nothing() -> None:
    truth = textured()
    seen = observe(truth, SENSOR)
    once = make_consistent(in_another_tone(truth, 4), seen, SENSOR)
    assert inside(make_consistent(once, seen, SENSOR) - once, 16).abs().max() < 1e-3


def test_images_do_not_depend_on_their_batch() -> None:
    outputs, seen = textured(count=3), observe(textured(count=3, seed=1), SENSOR)
    together = make_consistent(outputs, seen, SENSOR)
    for one in range(3):
        assert torch.equal(make_consistent(outputs[one : one + 1], seen[one : one + 1], SENSOR)[0], together[one])


def test_a_band_depends_on_no_other() -> None:
    output, seen = textured(), observe(textured(seed=1), SENSOR)
    alone = make_consistent(output[:, 1:2], seen[:, 1:2], SensorModel.of(("green",), 4))
    torch.testing.assert_close(alone, make_consistent(output, seen, SENSOR)[:, 1:2], atol=1e-5, rtol=0)


def test_noise_is_amplified_within_bounds() -> None:
    """No more than undamped (3.1), less when damped more or tolerated, and the more the blurrier a band is."""
    assert 2.8 < noise_gain(SENSOR) < 3.2
    assert noise_gain(SENSOR, steps=20) < 3.4
    assert noise_gain(SENSOR, steps=1, damping=0.2) < 1.6
    assert noise_gain(SENSOR, tolerance=2.0) < 0.5
    assert noise_gain(SensorModel.of(("b02",), 4)) < noise_gain(SensorModel.of(("b08",), 4))
    assert noise_gain(SENSOR, seed=1) == noise_gain(SENSOR, seed=1) != noise_gain(SENSOR, seed=2)


def test_differences_within_the_tolerance_stay() -> None:
    truth = textured()
    seen = observe(truth, SENSOR)
    noise = 0.01 * (2 * torch.rand(seen.shape, generator=torch.Generator().manual_seed(0)) - 1)
    assert torch.equal(make_consistent(truth, seen + noise, SENSOR, tolerance=0.011), truth)
    everywhere = torch.full_like(seen, 0.011)
    assert torch.equal(make_consistent(truth, seen + noise, SENSOR, tolerance=everywhere), truth)
    changed = make_consistent(0.9 * truth, seen + noise, SENSOR, tolerance=0.011)
    assert inside(seen + noise - observe(changed, SENSOR), 2).abs().max() < 0.011 + HALF_A_LEVEL


def test_gradients_reach_the_output() -> None:
    output = textured(16).requires_grad_()
    make_consistent(output, observe(textured(16, seed=1), SENSOR), SENSOR).square().sum().backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()


def test_half_precision_is_computed_in_full() -> None:
    output, seen = textured(16).half(), observe(textured(16, seed=1), SENSOR)
    assert torch.equal(make_consistent(output, seen, SENSOR), make_consistent(output.float(), seen, SENSOR))


def test_sigma_is_the_bands_own_in_output_pixels() -> None:
    assert SensorModel.of(("b04",), 4).sigma_px == pytest.approx([0.4 * SENTINEL2.band("b04").blur_m])
    assert SensorModel.of(("red", "nir"), 4).sigma_px == SensorModel.of(("b04", "b08"), 4).sigma_px
    assert SensorModel.of(("b04",), 4, lr_gsd_m=20).sigma_px == pytest.approx([0.2 * SENTINEL2.band("b04").blur_m])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SensorModel.of(("red", "b11"), 4), "'b11'.*expected some of.*'b08'.*'red'"),
        (lambda: SensorModel.of(RGB, 1), "got scale 1"),
        (lambda: SensorModel.of((), 4), "expected one above 0 for each band"),
        (lambda: SensorModel.of(RGB, 4, lr_gsd_m=0), "got lr_gsd_m 0"),
        (lambda: replace(SENSOR, sigma_px=(1.0,)), "expected one above 0 for each band"),
        (lambda: observe(torch.zeros(1, 3, 16, 18), SENSOR), r"got sr \(1, 3, 16, 18\), expected \(N, C=3, 4 \* h"),
        (lambda: observe(torch.zeros(1, 2, 16, 16), SENSOR), "take the sensor of the output's bands"),
        (lambda: observe(torch.zeros(3, 16, 16), SENSOR), "got sr"),
        (lambda: consistent_zeros(reference=torch.zeros(1, 3, 5, 4)), r"got reference .* expected \(1, 3, 4, 4\)"),
        (lambda: consistent_zeros(known=torch.ones(1, 3, 4, 4)), "got known torch.float32"),
        (lambda: consistent_zeros(known=torch.ones(1, 2, 4, 4, dtype=torch.bool)), r"expected bool \(1, 3, 4, 4\)"),
        (lambda: consistent_zeros(damping=0.0), "got damping 0.0"),
    ],
)
def test_says_what_does_not_fit(make: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()  # type: ignore[operator]


def consistent_zeros(**changes: object) -> Tensor:
    given = {"sr": torch.zeros(1, 3, 16, 16), "reference": torch.zeros(1, 3, 4, 4), "sensor": SENSOR, **changes}
    return make_consistent(**given)  # type: ignore[arg-type]
