"""The sensor model against what its parts must do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from satsr.common.tile_grid import HR_GSD_M
from satsr.data.true_colour import eight_bit_band, true_colour
from satsr.world.cameras.aerial import Flight, draw_flight, photograph
from satsr.world.cameras.sensors import SENTINEL2, Conditions, draw_conditions, observe
from satsr.world.light import Sun

RGB = ("b04", "b03", "b02")
CLEAR = Conditions(haze=1.0, shift_m=(0.0, 0.0), cloud_cover=0.0, edge=0.0, shadow_m=(0.0, 0.0))
MARGIN, SCALE = 24, 4


def seen(
    surface: np.ndarray, conditions: Conditions = CLEAR, bands: tuple[str, ...] = RGB, seed: int = 0
) -> np.ndarray:
    rng = np.random.default_rng(seed)
    place = {"pixel_m": HR_GSD_M, "margin": MARGIN, "scale": SCALE}
    return observe(surface.astype(np.float32), bands, SENTINEL2, conditions, rng, **place)[0]


def flat(value: float, size: int = 128, bands: int = 3) -> np.ndarray:
    return np.full((bands, size + 2 * MARGIN, size + 2 * MARGIN), value)


@given(st.floats(0.02, 0.9))
def test_flat_surface_gives_path_plus_transmitted_reflectance(value: float) -> None:
    frame = seen(flat(value))
    assert frame.shape == (3, 32, 32)
    for image, name in zip(frame, RGB, strict=True):
        band = SENTINEL2.band(name)
        expected = band.path + band.transmittance * value
        noise = band.reference / band.snr * np.sqrt(expected / band.reference)
        assert image.mean() == pytest.approx(expected, abs=5 * noise / 32)
        assert 0.5 * noise < image.std() < noise  # resampling to the finer grid averages neighbouring samples


@pytest.mark.parametrize("name", ["b02", "b05", "b01"])
def test_wave_at_nyquist_is_damped_to_the_stated_mtf(name: str) -> None:
    """Sampled at its crests, before resampling: the native samples of a wave of period 2 * gsd."""
    band = SENTINEL2.band(name)
    x = np.arange(-400, 400) * 0.5
    spread = np.exp(-0.5 * (x / band.blur_m) ** 2)
    damped = (spread * np.cos(np.pi * x / band.gsd_m)).sum() / spread.sum()
    assert damped == pytest.approx(band.mtf_nyquist, rel=1e-3)


def test_shift_moves_the_image() -> None:
    surface = flat(0.1)
    surface[:, :, 88:] = 0.5  # an edge in the middle of the region
    right = Conditions(1.0, (0.0, 10.0), 0.0, 0.0, (0.0, 0.0))
    edge = [frame.mean(axis=(0, 1)) for frame in (seen(surface), seen(surface, right))]
    middle = [np.interp(0.3 * 0.9 + 0.04, row, np.arange(32)) for row in edge]
    assert middle[0] - middle[1] == pytest.approx(10.0 / (HR_GSD_M * SCALE), abs=0.1)


def test_coarse_bands_are_smoother_than_fine_ones() -> None:
    surface = np.random.default_rng(0).random((1, 128 + 2 * MARGIN, 128 + 2 * MARGIN))
    spread = {name: seen(surface, bands=(name,)).std() for name in ("b04", "b05", "b01")}
    assert spread["b04"] > spread["b05"] > spread["b01"]


def test_clouds_cover_about_what_was_asked_and_brighten() -> None:
    cloudy = Conditions(1.0, (0.0, 0.0), 0.5, 0.0, (-300.0, 200.0))
    surface = flat(0.05, size=512)
    change = seen(surface, cloudy).mean(axis=0) - seen(surface).mean(axis=0)
    assert 0.35 < (change > 0.02).mean() < 0.55
    assert (change < -0.005).any()  # shadows


def test_the_opacity_of_clouds_is_told_where_they_brighten() -> None:
    surface = flat(0.05, size=512, bands=1).astype(np.float32)
    place = {"pixel_m": HR_GSD_M, "margin": MARGIN, "scale": SCALE}
    cloudy = Conditions(1.0, (0.0, 0.0), 0.5, 0.0, (-300.0, 200.0))
    clear, covered = (
        observe(surface, RGB[:1], SENTINEL2, sky, np.random.default_rng(0), **place) for sky in (CLEAR, cloudy)
    )
    assert clear.cloud.shape == covered.cloud.shape == covered.inside.shape == (128, 128)
    assert not clear.cloud.any()
    assert 0 <= covered.cloud.min() <= covered.cloud.max() <= 1
    assert (covered.cloud > 0).mean() == pytest.approx(0.5, abs=0.02)
    change = covered.image[0] - clear.image[0]
    assert covered.cloud[change > 0.05].min() > 0.05
    assert change[covered.cloud > 0.3].min() > 0.05
    assert change[covered.cloud == 0].max() < 0.05
    assert np.corrcoef(change.ravel(), covered.cloud.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(("azimuth", "down", "right"), [(135, -1, -1), (225, -1, 1), (180, -1, 0), (90, 0, -1)])
def test_cloud_shadows_fall_away_from_the_sun(azimuth: float, down: int, right: int) -> None:
    drawn = draw_conditions(np.random.default_rng(0), SENTINEL2, 1.0, Sun(azimuth, 50.0)).shadow_m
    assert [0 if abs(metres) < 1e-6 else np.sign(metres) for metres in drawn] == [down, right]


def test_swath_edge_is_black_and_only_there() -> None:
    outside = Conditions(1.0, (0.0, 0.0), 0.0, 0.4, (0.0, 0.0))
    place = {"pixel_m": HR_GSD_M, "margin": MARGIN, "scale": SCALE}
    surface = flat(0.0).astype(np.float32)
    frame, inside, _ = observe(surface, RGB, SENTINEL2, outside, np.random.default_rng(0), **place)
    tci = true_colour(frame, RGB, inside)
    assert (tci[~inside] == 0).all()
    assert (tci[inside] > 0).all(), "a dark surface must not look like no data"
    assert (~inside).mean() == pytest.approx(0.4, abs=0.03)


def test_eight_bit_scales() -> None:
    inside = np.ones((1, 1), bool)
    white = np.full((3, 1, 1), 0.3558, np.float32)
    assert true_colour(white, RGB, inside).tolist() == [[[255, 255, 255]]]
    assert eight_bit_band(np.full((1, 1), 0.408, np.float32), inside).item() in (127, 128)


@given(st.integers(0, 2**31))
def test_a_flight_can_be_undone(seed: int) -> None:
    flight = draw_flight(np.random.default_rng(seed))
    reflectance = np.linspace(0.01, 0.8, 30, dtype=np.float32).reshape(10, 3)
    np.testing.assert_allclose(flight.undo(flight.develop(reflectance)), reflectance, rtol=1e-4)


def test_photograph_drops_the_margin_and_is_never_black() -> None:
    image = photograph(
        flat(0.0).astype(np.float32), RGB, Flight(veil=0.0), np.random.default_rng(0), pixel_m=HR_GSD_M, margin=MARGIN
    )
    assert image.shape == (128, 128, 3)
    assert image.min() >= 1


def test_same_generator_same_bytes() -> None:
    surface = np.random.default_rng(3).random((3, 128 + 2 * MARGIN, 128 + 2 * MARGIN))
    cloudy = Conditions(1.2, (2.0, -3.0), 0.4, 0.0, (-300.0, 200.0))
    assert seen(surface, cloudy, seed=5).tobytes() == seen(surface, cloudy, seed=5).tobytes()
