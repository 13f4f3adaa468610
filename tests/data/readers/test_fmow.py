"""fMoW: pairs of the two data sets by the recipe, and reading and writing them."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.warp import transform

from satsr.data.reader import Scene
from satsr.data.readers import fmow_pairs
from satsr.data.readers.fmow import FMoW, write_data_set
from satsr.data.readers.fmow_pairs import pair_index, read_pairs, summary, write_pairs_index
from satsr.data.readers.fmow_write import BANDS
from tests.made import make_fmow as made

RGB = ("b04", "b03", "b02")
HOME = "multi-unit_residential_7_3"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    return made.write(tmp_path)


@pytest.fixture
def folder(bare: Path) -> Path:
    write_pairs_index(bare / "fmow-rgb", bare / "fmow-sentinel", bare / "pairs.csv")
    return bare


@pytest.fixture
def pairs(bare: Path) -> pd.DataFrame:
    rgb = fmow_pairs.fmow_rgb_index(bare / "fmow-rgb")
    found = pair_index(rgb, fmow_pairs.fmow_sentinel_index(bare / "fmow-sentinel"))
    return found.set_index(["split", "category", "location_id", "image_id"])


def test_every_rgb_image_has_a_row_and_a_status(pairs: pd.DataFrame) -> None:
    assert pairs.status.to_dict() == {
        ("train", "airport", 0, 0): "ok",
        ("train", "airport", 0, 1): "too far in time",
        ("train", "airport", 0, 2): "no overlap",
        ("train", "airport", 0, 10): "ok",  # 40 days from a composite of 45 days to each side
        ("train", "airport", 1, 0): "no Sentinel image",
        ("val", "multi-unit_residential", 7, 3): "ok",
        ("test", "zoo", 3, 0): "ok",  # the folder's name is test_gt
    }


def test_sentinel_images_are_listed_by_nearness_with_signed_days(pairs: pd.DataFrame) -> None:
    row = pairs.loc[("train", "airport", 0, 0)]
    assert row.sentinel_ids == (0, 101, 100)
    start = pd.Timestamp("2017-05-05T10:30")
    expected = [0.0, *((pd.Timestamp(t) - start) / pd.Timedelta(days=1) for t in ("2017-10-01", "2015-10-01"))]
    np.testing.assert_allclose(row.dt_days, expected, atol=1e-5)
    assert row.dt_days[2] < 0 < row.dt_days[1]
    assert pairs.loc[("train", "airport", 0, 10)].dt_days[0] == -40.0


def test_overlap_is_the_share_of_the_rgb_footprint(pairs: pd.DataFrame) -> None:
    row = pairs.loc[("val", "multi-unit_residential", 7, 3)]
    overlap = dict(zip(row.sentinel_ids, row.overlap, strict=True))
    assert overlap[3] == pytest.approx(1, abs=1e-3)
    assert overlap[104] == pytest.approx(38 / 40 * 35 / 36, abs=1e-3)
    assert pairs.loc[("test", "zoo", 3, 0)].overlap[0] == pytest.approx(0.5, abs=1e-3)


def test_the_index_says_how_many_were_dropped_and_reads_back(bare: Path, pairs: pd.DataFrame) -> None:
    counts = write_pairs_index(bare / "fmow-rgb", bare / "fmow-sentinel", bare / "made" / "pairs.csv")
    assert counts == {"ok": 4, "no Sentinel image": 1, "no overlap": 1, "too far in time": 1}
    assert summary(counts).startswith("4 pairs of 7 RGB images; dropped: 1 no Sentinel image, 1 no overlap, 1 too far")
    found = read_pairs(bare / "made" / "pairs.csv")
    expected = pairs.reset_index()[found.columns]
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_equal_numbers_in_other_splits_and_categories_do_not_match(bare: Path) -> None:
    rgb = fmow_pairs.fmow_rgb_index(bare / "fmow-rgb")
    sentinel = fmow_pairs.fmow_sentinel_index(bare / "fmow-sentinel")
    for change in ({"split": "val"}, {"category": "airport_hangar"}):
        found = pair_index(rgb[rgb.category == "airport"], sentinel[sentinel.category == "airport"].assign(**change))
        assert set(found.status) == {"no Sentinel image"}


def test_tables_may_lie_beside_the_images_and_the_limit_in_days_may_change(bare: Path) -> None:
    for table in (bare / "fmow-sentinel").glob("*.csv"):
        table.rename(bare / table.name)
    counts = write_pairs_index(bare / "fmow-rgb", bare / "fmow-sentinel", bare / "pairs.csv", max_days=600)
    assert counts["too far in time"] == 0
    assert write_pairs_index(bare / "fmow-rgb", bare / "fmow-sentinel", bare / "pairs.csv")["too far in time"] == 1


def test_index_of_other_folders_and_files_is_refused(bare: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"_rgb\.json, found none"):
        fmow_pairs.fmow_rgb_index(bare / "fmow-sentinel")
    with pytest.raises(FileNotFoundError, match=r"expected train\.csv"):
        fmow_pairs.fmow_sentinel_index(bare / "fmow-rgb")
    table = bare / "fmow-sentinel" / "val.csv"
    table.write_text(table.read_text().replace("polygon", "outline"))
    with pytest.raises(ValueError, match=r"val\.csv: got no column polygon"):
        fmow_pairs.fmow_sentinel_index(bare / "fmow-sentinel")
    broken = bare / "fmow-rgb" / "train" / "airport" / "airport_0" / "airport_0_0_rgb.json"
    broken.write_text("{")
    with pytest.raises(ValueError, match=r"airport_0_0_rgb\.json: .*expected JSON, an object"):
        fmow_pairs.fmow_rgb_index(bare / "fmow-rgb")


def test_only_pairs_of_the_split_are_read(folder: Path) -> None:
    assert FMoW(folder, "train").tiles == ["airport_0_0", "airport_0_10"]
    assert FMoW(folder, "val").tiles == [HOME]
    assert FMoW(folder, "test").tiles == ["zoo_3_0"]


def test_frames_are_in_the_order_of_time_and_unchanged_on_their_grid(folder: Path) -> None:
    sample = FMoW(folder, "train").sample("airport_0_0", ("b8a", "b10"))
    assert sample.series.shape == (3, 32, 32, 2)
    for number, frame in zip((100, 0, 101), sample.series, strict=True):
        expected = made.lr(number, (0, 0))[[8, 10], 2:34, 4:36]  # the middle of 36 x 40
        np.testing.assert_array_equal(np.moveaxis(frame, -1, 0), expected)
    day = (date(2017, 5, 5) - date(1970, 1, 1)).days
    assert sample.day == day
    np.testing.assert_array_equal(sample.days - day, [-582, 0, 149])
    assert sample.good.all()
    assert sample.valid.all()


def test_dates_do_not_slip_over_midnight(folder: Path) -> None:
    sample = FMoW(folder, "val").sample(HOME, RGB)
    assert sample.day == (date(2018, 1, 2) - date(1970, 1, 1)).days
    np.testing.assert_array_equal(sample.days - sample.day, [-93, 0, 89])  # 2017-10-01, 2018-01-02, 2018-04-01


def test_hr_covers_the_ground_of_lr(folder: Path) -> None:
    sample = FMoW(folder, "train").sample("airport_0_0", RGB)
    assert sample.hr.shape == (128, 128, 3)
    along = (np.arange(128) + 0.5) / 4  # in LR pixels
    red, green = 40 + ((along + 4) * 15 - 0.5) / 5, 60 + ((along + 2) * 15 - 0.5) / 5
    np.testing.assert_allclose(sample.hr[..., 0].mean(axis=0), red, atol=0.5)  # to the east
    np.testing.assert_allclose(sample.hr[..., 1].mean(axis=1), green, atol=0.5)  # to the south
    assert sample.hr_valid.all()
    assert sample.unusable == ""


def test_frames_on_other_grids_show_the_same_ground(folder: Path) -> None:
    before, at, after = FMoW(folder, "val").sample(HOME, ("b01",)).series[..., 0]
    # common ground: columns 2 to 40, rows 1 to 36 of the nearest; 32 x 32 in its middle
    np.testing.assert_array_equal(at, made.lr(3, (0, 0))[0, 2:34, 5:37])
    np.testing.assert_array_equal(before, at + 101)
    np.testing.assert_allclose(after, at + 102, atol=0.51)  # moved by half a pixel, stored as whole numbers


def test_scaling_of_values(folder: Path) -> None:
    sample = FMoW(folder, "val").sample(HOME, RGB)
    assert sample.white == pytest.approx(3558)
    assert sample.hr_white == 255


def test_images_of_a_location_are_one_region(folder: Path) -> None:
    reader = FMoW(folder, "train")
    assert [reader.region(tile) for tile in reader.tiles] == ["airport_0", "airport_0"]
    assert FMoW(folder, "val").region(HOME) == "multi-unit_residential_7"


def test_position_is_that_of_what_is_cut_from_the_middle(folder: Path) -> None:
    reader = FMoW(folder, "train")
    tile = next(iter(reader.tiles))
    polygon = shapely.from_wkt(reader._pairs[tile].polygon)
    west, south, east, north = polygon.bounds
    x, y = transform("EPSG:4326", "EPSG:3857", [west, east, (west + east) / 2], [north, south, (north + south) / 2])
    stretch = 1 / math.cos(math.radians((north + south) / 2))  # Mercator's metres on one of the ground
    half = min(160 * stretch, (x[1] - x[0]) / 2), min(160 * stretch, (y[0] - y[1]) / 2)
    assert reader.position(tile) == pytest.approx(((x[0] + x[1]) / 2 - half[0], (y[0] + y[1]) / 2 + half[1]), abs=1.0)


def test_little_common_ground_is_unusable(folder: Path) -> None:
    sample = FMoW(folder, "test").sample("zoo_3_0", RGB)
    assert sample.unusable == "less than 32 px of common ground"
    assert sample.series.shape == (1, 32, 20, 3)
    assert sample.hr.shape == (128, 80, 3)


def test_fill_is_not_valid_and_not_preferred(folder: Path) -> None:
    path = folder / "fmow-sentinel/train/airport/airport_0/airport_0_101.tif"
    with rasterio.open(path, "r+") as file:
        image = file.read()
        image[:, 10, 10] = 0
        file.write(image)
    sample = FMoW(folder, "train").sample("airport_0_0", RGB)
    np.testing.assert_array_equal(np.argwhere(~sample.valid), [[2, 8, 6]])
    np.testing.assert_array_equal(sample.good, [True, True, False])


def test_composites_may_hold_real_numbers_and_nan(folder: Path) -> None:
    path = folder / "fmow-sentinel/train/airport/airport_0/airport_0_0.tif"
    image = made.lr(0, (0, 0)).astype(np.float64)
    image[:, 2, 4] = np.nan
    with rasterio.open(path) as file:
        profile = file.profile | {"dtype": "float64"}
    with rasterio.open(path, "w", **profile) as file:
        file.write(image)
    sample = FMoW(folder, "train").sample("airport_0_0", RGB)
    np.testing.assert_array_equal(np.argwhere(~sample.valid), [[1, 0, 0]])
    assert np.isfinite(sample.series).all()


def test_files_are_those_that_are_read(folder: Path) -> None:
    files = FMoW(folder, "train").files("airport_0_0")
    assert [path.name for path in files] == [
        "airport_0_0.tif", "airport_0_101.tif", "airport_0_100.tif", "airport_0_0_rgb.jpg",
    ]  # fmt: skip
    assert all(path.is_file() for path in files)


def test_missing_and_bad_files_are_named(folder: Path) -> None:
    reader = FMoW(folder, "train")
    single = folder / "fmow-sentinel/train/airport/airport_0/airport_0_100.tif"
    with rasterio.open(single) as file:
        profile = file.profile | {"count": 1}
    with rasterio.open(single, "w", **profile) as file:  # as a failed download looks
        file.write(np.zeros((1, *made.SIZE), np.uint16))
    with pytest.raises(ValueError, match=r"airport_0_100\.tif: got 1 bands, expected 13"):
        reader.sample("airport_0_0", RGB)
    single.unlink()
    with pytest.raises(FileNotFoundError, match=r"airport_0_100\.tif is missing"):
        reader.sample("airport_0_0", RGB)
    photo = folder / f"fmow-rgb/val/multi-unit_residential/multi-unit_residential_7/{HOME}_rgb.jpg"
    photo.write_bytes(photo.read_bytes()[:300])
    with pytest.raises(ValueError, match=r"_rgb\.jpg cannot be read"):
        FMoW(folder, "val").sample(HOME, RGB)


def test_frames_in_other_coordinates_are_refused(folder: Path) -> None:
    with rasterio.open(folder / "fmow-sentinel/train/airport/airport_0/airport_0_101.tif", "r+") as file:
        file.crs = "EPSG:32643"
    with pytest.raises(ValueError, match=r"airport_0_101\.tif: got coordinates EPSG:32643, expected EPSG:4326"):
        FMoW(folder, "train").sample("airport_0_0", RGB)


def test_without_an_index_the_remedy_is_named(bare: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"pairs\.csv is missing: make it with `satsr data pair-fmow`"):
        FMoW(bare, "train")


def made_up_scene(split: str, hr_px: int) -> Scene:
    rng = np.random.default_rng(hr_px)
    valid = np.ones((3, 40, 40), bool)
    valid[1, 20, 20] = False
    return Scene(
        name=f"scene-{split}",
        split=split,
        region=f"region-{split}",
        lr=rng.uniform(0.01, 1.2, (3, 13, 40, 40)).astype(np.float32),
        lr_bands=tuple(reversed(BANDS)),
        lr_valid=valid,
        dates=(date(2018, 5, 1), date(2021, 9, 1), date(2022, 7, 1)),  # none within the recipe's 45 days
        hr=smooth(hr_px),
        hr_bands=("blue", "green", "red"),
        hr_valid=np.ones((hr_px, hr_px), bool),
        day=date(2021, 6, 11),
        corner=(300_000.0, 4_600_000.0),  # far from the zone's middle, where north is not up
        crs="EPSG:32613",
        lr_gsd_m=10.0,
        hr_gsd_m=400 / hr_px,
    )


def smooth(px: int) -> NDArray[np.float32]:
    rows, columns = np.mgrid[0:px, 0:px] / px
    return np.stack([0.05 + 0.2 * rows, 0.1 + 0.2 * columns, 0.3 - 0.1 * rows]).astype(np.float32)


def test_round_trip(tmp_path: Path) -> None:
    scenes = [made_up_scene("train", 160), made_up_scene("val", 160), made_up_scene("test", 400)]
    write_data_set(tmp_path, scenes)
    for number, scene in enumerate(scenes):
        reader = FMoW(tmp_path, scene.split)
        tile = f"embedded_{number}_0"
        assert reader.tiles == [tile]
        assert reader.region(tile) == scene.region
        sample = reader.sample(tile, RGB)
        expected = np.moveaxis(scene.bands(*RGB), 1, -1)[:, 4:36, 4:36]
        valid = scene.lr_valid[:, 4:36, 4:36]
        np.testing.assert_array_equal(sample.valid, valid)
        np.testing.assert_allclose(sample.series[valid] / 10_000, expected[valid], atol=0.5001 / 10_000)
        np.testing.assert_array_equal(sample.days - sample.day, [-1137, 82, 385])
        np.testing.assert_array_equal(sample.good, [True, False, True])
        hr = np.moveaxis(smooth(160)[::-1], 0, -1)[16:144, 16:144]
        np.testing.assert_allclose(sample.hr / sample.hr_white * 0.3558, hr, atol=0.006)  # JPEG: about 4 of 255
        assert sample.unusable == ""


def test_round_trip_of_holes(tmp_path: Path) -> None:
    scene = made_up_scene("train", 160)
    scene.hr_valid[40:80, 40:80] = False
    write_data_set(tmp_path, [scene])
    sample = FMoW(tmp_path, "train").sample("embedded_0_0", RGB)
    assert sample.unusable == "black HR pixels"
    assert not sample.hr_valid[28:60, 28:60].any()


def test_single_dark_pixels_do_not_make_a_place_unusable(tmp_path: Path) -> None:
    scene = made_up_scene("train", 160)
    scene.hr_valid[40:44, 40:44] = False
    write_data_set(tmp_path, [scene])
    sample = FMoW(tmp_path, "train").sample("embedded_0_0", RGB)
    assert sample.unusable == ""
    assert not sample.hr_valid.all()
