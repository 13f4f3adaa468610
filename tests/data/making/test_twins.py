"""The embedded twins of other data sets: sizes, dates, clouds, one ground in LR and HR, and the same bytes again."""

from __future__ import annotations

from dataclasses import fields
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from satsr.data.catalogue import ENTRIES
from satsr.data.making.twins import CHANGE, FMOW_YEARS, scenes
from satsr.data.reader import Scene
from satsr.data.settings import TwinSettings
from satsr.world.region import BANDS, World

Made = dict[str, list[Scene]]

CLOUDY = TwinSettings(regions=3, chips_per_side=3, cloudy_share=1.0)
VIEWS = {name: entry.twin.view for name, entry in ENTRIES.items() if entry.twin}
FEW_CLOUDS = CLOUDY.model_copy(update={"cloudy_share": 0.2})
NUMBER = 1  # of the landscape
SIDE_M = 3 * 305.748113  # of three tiles of zoom 17

# The HR band of each color, and the LR band that sees it.
SEEN = {
    "probav": {"nir": "nir"},
    "oli2msi": {"red": "red", "green": "green", "blue": "blue"},
    "worldstrat": {"red": "b04", "green": "b03", "blue": "b02"},
    "fmow": {"red": "b04", "green": "b03", "blue": "b02"},
}


@pytest.fixture(scope="module")
def made() -> Made:
    return scenes(FEW_CLOUDS, NUMBER, "val", VIEWS)


@pytest.fixture(scope="module")
def cloudy() -> Made:
    return scenes(CLOUDY, NUMBER, "train", VIEWS)


@pytest.fixture(scope="module")
def cloudless() -> Made:
    return scenes(CLOUDY.model_copy(update={"cloudy_share": 0.0}), 0, "train", VIEWS)


def same(a: Scene, b: Scene) -> bool:
    """Compare everything but the split."""
    parts = ((getattr(a, f.name), getattr(b, f.name)) for f in fields(Scene) if f.name != "split")
    return all(p.tobytes() == q.tobytes() if isinstance(p, np.ndarray) else p == q for p, q in parts)


def on_lr_grid(scene: Scene, colors: list[str]) -> NDArray[np.float32]:
    """Average HR over the ground of every LR pixel, (C, h, w)."""
    size, scale = scene.lr.shape[:-3:-1], scene.lr_gsd_m / scene.hr_gsd_m
    edges = [min(pixels * scale, limit) for pixels, limit in zip(size, scene.hr.shape[:0:-1], strict=True)]
    images = (
        Image.fromarray(band).resize(size, Image.Resampling.BOX, box=(0, 0, *edges)) for band in scene.hr_of(*colors)
    )
    return np.stack([np.asarray(image) for image in images])


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the mean correlation of the bands of two images, without the pixels that a shift brings in."""
    inner = np.s_[2:-2, 2:-2]
    return float(np.mean([np.corrcoef(p[inner].ravel(), q[inner].ravel())[0, 1] for p, q in zip(a, b, strict=True)]))


def test_the_same_settings_and_number_give_the_same_bytes(made: Made) -> None:
    again = scenes(FEW_CLOUDS, NUMBER, "train", VIEWS)
    for name, found in made.items():
        assert all(map(same, found, again[name])), name


def test_another_number_gives_another_landscape(made: Made, cloudless: Made) -> None:
    for name, found in made.items():
        for scene, other in zip(found, cloudless[name], strict=True):
            assert scene.corner != other.corner
            assert abs(likeness(scene.hr[:1], other.hr[:1])) < 0.5, name


def test_a_data_set_does_not_depend_on_which_others_there_are(made: Made) -> None:
    found = scenes(FEW_CLOUDS, NUMBER, "val", {name: VIEWS[name] for name in ("oli2msi", "fmow")})
    assert list(found) == ["oli2msi", "fmow"]
    assert all(same(a, b) for name in found for a, b in zip(found[name], made[name], strict=True))


def test_every_scene_says_where_it_belongs_and_has_what_its_parts_promise(made: Made) -> None:
    assert set(made) == {"probav", "oli2msi", "worldstrat", "fmow"}
    for scene in (scene for found in made.values() for scene in found):
        assert (scene.split, scene.region, scene.crs) == ("val", "0001", "EPSG:3857")
        frames, bands, height, width = scene.lr.shape
        assert bands == len(scene.lr_bands)
        assert scene.lr_valid.shape == (frames, height, width)
        assert len(scene.dates) == frames
        assert scene.hr.shape == (len(scene.hr_bands), *scene.hr_valid.shape)
        assert scene.lr.dtype == scene.hr.dtype == np.float32
        assert np.isfinite(scene.lr).all()
        assert 0 < scene.lr.mean() < 0.6  # reflectance


def test_probav_is_one_band_of_300_m_and_100_m(made: Made) -> None:
    (scene,) = made["probav"]
    assert scene.lr_bands == scene.hr_bands == ("nir",)
    assert (scene.lr_gsd_m, scene.hr_gsd_m) == (300, 100)
    assert scene.lr.shape == (10, 1, 128, 128)
    assert scene.hr.shape == (1, 384, 384)
    assert list(scene.dates) == sorted(scene.dates)
    assert all(abs((day - scene.day).days) <= 15 for day in scene.dates)  # a month


def test_oli2msi_is_one_date_shortly_before_an_hr_image_three_times_as_fine(made: Made) -> None:
    (scene,) = made["oli2msi"]
    assert set(scene.lr_bands) == set(scene.hr_bands) == {"red", "green", "blue"}
    assert (scene.lr_gsd_m, scene.hr_gsd_m) == (30, 10)
    assert scene.lr.shape == (1, 3, 30, 30)  # 917 m
    assert scene.hr.shape == (3, 90, 90)
    assert 0 <= (scene.day - scene.dates[0]).days <= 3


def test_worldstrat_has_all_bands_and_hr_covers_the_ground_of_lr(made: Made) -> None:
    (scene,) = made["worldstrat"]
    assert scene.lr_bands == BANDS
    assert len(scene.lr_bands) == 13
    assert scene.hr_bands == ("red", "green", "blue", "nir")
    assert (scene.lr_gsd_m, scene.hr_gsd_m) == (10, 1.5)
    for lr_px, hr_px in zip(scene.lr.shape[-2:], scene.hr.shape[-2:], strict=True):
        assert SIDE_M - 40 < 10 * lr_px <= SIDE_M
        assert 1.5 * hr_px == pytest.approx(10 * lr_px, abs=1.5)
    assert len(set(scene.dates)) == 10
    assert list(scene.dates) == sorted(scene.dates)


def test_fmow_has_two_places_that_do_not_overlap(made: Made) -> None:
    found = made["fmow"]
    assert len(found) == len({scene.name for scene in found}) == 2
    for scene in found:
        assert scene.lr_bands == BANDS
        assert scene.hr_bands == ("red", "green", "blue")
        assert scene.lr.shape == (8, 13, 32, 32)
        assert scene.hr.shape == (3, 128, 128)
        assert (scene.lr_gsd_m, scene.hr_gsd_m) == (10, 2.5)
    for a, b in product(found, found):
        assert a is b or max(abs(p - q) for p, q in zip(a.corner, b.corner, strict=True)) >= 320


def test_the_smallest_landscape_has_places_of_full_size() -> None:
    bound = next(each.ge for each in TwinSettings.model_fields["chips_per_side"].metadata if hasattr(each, "ge"))
    for scene in scenes(TwinSettings(regions=3, chips_per_side=bound), 0, "train", VIEWS)["fmow"]:
        assert (scene.lr.shape[-2:], scene.hr.shape[-2:]) == ((32, 32), (128, 128)), scene.name


def test_fmow_spans_years_and_its_hr_image_is_of_another_day(made: Made) -> None:
    first, last = FMOW_YEARS
    for scene in made["fmow"]:
        assert list(scene.dates) == sorted(set(scene.dates))
        assert first <= min(*scene.dates, scene.day)
        assert max(*scene.dates, scene.day) <= last
        assert scene.dates[0] < CHANGE < scene.dates[-1]
        assert (scene.dates[-1] - scene.dates[0]).days > 2 * 365
        assert scene.day not in scene.dates


@pytest.mark.parametrize("name", list(SEEN))
def test_lr_and_hr_show_the_same_ground(made: Made, name: str) -> None:
    for scene in made[name]:
        target = on_lr_grid(scene, list(SEEN[name]))
        clear = scene.bands(*SEEN[name].values())[scene.lr_valid.all(axis=(1, 2))]

        def best(down: int, right: int, target: NDArray = target, clear: NDArray = clear) -> float:
            return max(likeness(np.roll(frame, (down, right), axis=(1, 2)), target) for frame in clear)

        here = best(0, 0)
        assert here > 0.85, scene.name
        assert here > 0.05 + max(best(2, 0), best(-2, 0), best(0, 2), best(0, -2)), scene.name
        assert here > 0.3 + max(likeness(frame[:, ::-1], target) for frame in clear), "upside down"


def test_corners_of_fmow_places_say_where_they_lie(made: Made) -> None:
    """By another camera's image of the landscape, whose pixels are of the same size."""
    (whole,) = made["worldstrat"]
    whole_clear = whole.bands("b04", "b03", "b02")[whole.lr_valid.all(axis=(1, 2))]
    for scene in made["fmow"]:
        left, top = (round((a - b) / 10) for a, b in zip(scene.corner, whole.corner, strict=True))
        assert (left >= 0, top <= 0) == (True, True)  # y grows to the north
        parts = whole_clear[..., -top : 32 - top, left : left + 32]
        rows, columns = parts.shape[-2:]  # the other camera's image is cut to a multiple of 4 px
        clear = scene.bands("b04", "b03", "b02")[scene.lr_valid.all(axis=(1, 2))][..., :rows, :columns]
        assert max(likeness(a, b) for a in clear for b in parts) > 0.9


def test_the_corner_is_that_of_the_landscape(made: Made) -> None:
    place = World(FEW_CLOUDS.seed, 3, 3).region(NUMBER).place
    half = 20037508.342789244  # of the earth's girth on this projection
    for name in ("probav", "oli2msi", "worldstrat"):
        x, y = made[name][0].corner
        assert (x + half) / 305.748113 == pytest.approx(place.col, abs=1e-3)
        assert (half - y) / 305.748113 == pytest.approx(place.row, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "band", "rise"), [("probav", "nir", 0.03), ("worldstrat", "b02", 0.1), ("fmow", "b02", 0.1)]
)
def test_what_is_masked_is_brighter_than_the_same_ground_on_clear_dates(
    cloudy: Made, name: str, band: str, rise: float
) -> None:
    for scene in cloudy[name]:
        assert (~scene.lr_valid).any(axis=(1, 2)).sum() >= len(scene.dates) - 2, (
            "with this share, all dates have clouds"
        )
        seen = scene.lr_valid.any(axis=0)
        image, valid = scene.bands(band)[:, 0][:, seen], scene.lr_valid[:, seen]  # (T, pixels)
        change = image - np.nanmedian(np.where(valid, image, np.nan), axis=0)
        assert change[~valid].mean() > rise
        assert abs(change[valid].mean()) < 0.05
        assert (~valid[change > 0.15]).mean() > 0.95, "no bright cloud counts as ground"


def test_oli2msi_and_the_hr_images_of_three_sets_are_free_of_clouds(cloudy: Made) -> None:
    assert cloudy["oli2msi"][0].lr.max() < 0.5
    for name in ("oli2msi", "worldstrat", "fmow"):
        assert all(scene.hr_valid.all() for scene in cloudy[name])


def test_without_clouds_next_to_nothing_is_masked(cloudless: Made) -> None:
    for scene in (cloudless["probav"][0], cloudless["worldstrat"][0], cloudless["fmow"][0]):
        assert (~scene.lr_valid).any(axis=(1, 2)).sum() <= 2, "4 in 100 dates lie at the swath's edge"
