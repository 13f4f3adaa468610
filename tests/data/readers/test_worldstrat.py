"""WorldStrat: read in its published layout, written and read back."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from satsr.data.reader import Scene
from satsr.data.readers.worldstrat import WorldStrat, WorldStratL2A, write_data_set
from satsr.data.readers.worldstrat_write import L1C_BANDS
from tests.made import make_worldstrat as made

RGB = ("b04", "b03", "b02")
TILE = "Landcover-773616"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write(tmp_path)


def test_places_of_a_split_come_from_the_list_and_must_be_on_disk(folder: Path) -> None:
    reader = WorldStrat(folder, "train")
    assert reader.tiles == ["ASMSpotter-22-3-2", TILE]
    assert reader.missing == ["Landcover-1"]
    assert WorldStrat(folder, "val").tiles == ["UNHCR-GHAs003590"]
    assert WorldStrat(folder, "test").tiles == ["Amnesty POI-4-2-3"]


def test_images_are_cut_in_the_middle_to_the_smallest_of_the_split(folder: Path) -> None:
    reader = WorldStrat(folder, "train")
    assert reader.size == (20, 23)
    shapes = {reader.sample(tile, RGB).series.shape for tile in reader.tiles}
    assert shapes == {(11, 20, 23, 3)}
    assert {reader.sample(tile, RGB).hr.shape for tile in reader.tiles} == {(80, 92, 3)}
    cut = reader.sample("ASMSpotter-22-3-2", RGB).series[0]
    np.testing.assert_array_equal(cut[..., 0], made.lr(1, (22, 23), 13)[3, 1:21])


def test_bands_and_revisits_are_in_order_and_unchanged(folder: Path) -> None:
    sample = WorldStrat(folder, "val").sample("UNHCR-GHAs003590", ("b8a", "b10", "b12"))
    for n, frame in enumerate(sample.series, start=1):  # 10 and 11 come after 9, not after 1
        expected = made.lr(n, (20, 21), 13)[[8, 10, 12]]
        np.testing.assert_array_equal(np.moveaxis(frame, -1, 0), expected)


def test_l2a_has_no_b10(folder: Path) -> None:
    reader = WorldStratL2A(folder, "val")
    assert "b10" not in reader.facts.bands
    assert reader.facts.name != WorldStrat.facts.name
    sample = reader.sample("UNHCR-GHAs003590", ("b11",))
    np.testing.assert_array_equal(sample.series[0, ..., 0], made.lr(1, (20, 21), 12)[10])


def test_hr_covers_the_same_ground_with_four_pixels_for_one(folder: Path) -> None:
    sample = WorldStrat(folder, "test").sample("Amnesty POI-4-2-3", RGB)
    assert sample.hr.shape == (80, 80, 3)
    # the middle of an output pixel lies at 2 * (i + 0.5) - 0.5 of the 160 px; the filter keeps slopes inside
    along = 2 * np.arange(80) + 0.5
    inside = slice(2, -2)
    np.testing.assert_allclose(sample.hr[inside, 5, 0], (1000 + 10 * along)[inside], rtol=1e-5)
    np.testing.assert_allclose(sample.hr[5, inside, 1], (2000 + 10 * along)[inside], rtol=1e-5)
    np.testing.assert_allclose(sample.hr[..., 2], 300, rtol=1e-6)
    assert sample.hr_valid.all()
    assert sample.unusable == ""


def test_hr_of_a_cut_place_is_cut_too(folder: Path) -> None:
    hr = WorldStrat(folder, "train").sample("ASMSpotter-22-3-2", RGB).hr
    first = (1 + 0.5 / 4 + 1) * 160 / 22 - 0.5  # middle of row 4 of the output: one LR row lower, one row cut off
    np.testing.assert_allclose(hr[4, :, 0], 1000 + 10 * first, atol=0.3)  # a thirtieth of an HR pixel


def test_scaling_of_values(folder: Path) -> None:
    sample = WorldStrat(folder, "val").sample("UNHCR-GHAs003590", RGB)
    assert sample.white == pytest.approx(0.3558)  # reflectance of ESA's white
    assert sample.hr_white == pytest.approx(10_000 * sample.white)  # HR and LR have one tone


def test_dates_and_cloud_cover_come_from_the_metadata(folder: Path) -> None:
    sample = WorldStrat(folder, "val").sample("UNHCR-GHAs003590", RGB)
    first = (date(2020, 1, 1) - date(1970, 1, 1)).days
    np.testing.assert_array_equal(sample.days, first + np.arange(11))
    assert sample.day == first + 4
    np.testing.assert_array_equal(sample.good, [True] * 3 + [False] * 8)  # 0, 3.5, 7.0, 10.5 %, ...


def test_a_revisit_of_ten_percent_cloud_is_not_preferred(folder: Path) -> None:
    path = folder / "metadata.csv"
    path.write_text(path.read_text().replace(",7.0,", ",10.0,"))
    np.testing.assert_array_equal(WorldStrat(folder, "val").sample("UNHCR-GHAs003590", RGB).good[:4], [1, 1, 0, 0])


def test_clouds_and_fill_are_not_valid(folder: Path) -> None:
    tile = "UNHCR-GHAs003590"
    series = folder / "lr_dataset" / tile / "L1C"
    _change(series / f"{tile}-1-L1C_data.tiff", (slice(None), 0, 0), 0)
    _change(series / f"{tile}-1-dataMask.tiff", (0, 0, 1), 0)
    _change(series / f"{tile}-1-CLM.tiff", (0, 0, 2), 255)
    valid = WorldStrat(folder, "val").sample(tile, RGB).valid
    np.testing.assert_array_equal(valid[0, 0], [False] * 3 + [True] * 18)
    assert valid[0, 1:].all()
    assert not valid[5, :5].any()
    assert valid[5, 5:].all()


def test_without_masks_what_is_not_zero_is_valid(folder: Path) -> None:
    for mask in [*folder.glob("lr_dataset/*/*/*-CLM.tiff"), *folder.glob("lr_dataset/*/*/*-dataMask.tiff")]:
        mask.unlink()
    assert WorldStrat(folder, "val").sample("UNHCR-GHAs003590", RGB).valid.all()


def test_black_hr_makes_a_place_unusable(folder: Path) -> None:
    _change(folder / "hr_dataset" / TILE / f"{TILE}_ps.tiff", (slice(None), slice(0, 20)), 0)
    sample = WorldStrat(folder, "train").sample(TILE, RGB)
    assert sample.unusable == "black HR pixels"
    assert not sample.hr_valid[:9].any()
    assert sample.hr_valid[12:].all()


def test_tiles_of_one_site_are_one_region(folder: Path) -> None:
    reader = WorldStrat(folder, "train")
    assert reader.region("ASMSpotter-22-3-2") == "ASMSpotter-22"
    assert reader.region("Amnesty POI-4-2-3") == "Amnesty POI-4"
    assert reader.region(TILE) == TILE


def test_the_layouts_of_kaggle_and_of_the_first_release(folder: Path) -> None:
    expected = WorldStrat(folder, "val").sample("UNHCR-GHAs003590", RGB)
    (folder / "hr_dataset").rename(folder / "12bit")
    (folder / "hr_dataset").mkdir()
    (folder / "12bit").rename(folder / "hr_dataset" / "12bit")
    path = folder / "metadata.csv"
    path.write_text(path.read_text().removeprefix("tile"))  # its first column has no name
    found = WorldStrat(folder, "val").sample("UNHCR-GHAs003590", RGB)
    np.testing.assert_array_equal(found.hr, expected.hr)
    np.testing.assert_array_equal(found.days, expected.days)


def test_files_are_those_that_are_read(folder: Path) -> None:
    reader = WorldStrat(folder, "val")
    files = reader.files("UNHCR-GHAs003590")
    assert len(files) == len(set(files)) == 3 * 11 + 1
    assert all(path.is_file() for path in files)


@pytest.mark.parametrize("file", ["metadata.csv", "stratified_train_val_test_split.csv"])
def test_missing_tables_are_named(folder: Path, file: str) -> None:
    (folder / file).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{file} is missing: download"):
        WorldStrat(folder, "val").sample("UNHCR-GHAs003590", RGB)


def test_empty_folder_and_unknown_split(folder: Path) -> None:
    with pytest.raises(ValueError, match="got split 'all', expected one of train, val, test"):
        WorldStrat(folder, "all")
    (folder / "lr_dataset").rename(folder / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"expected lr_dataset/\{tile\}/L1C/ for 1 val places"):
        WorldStrat(folder, "val")


def test_bad_files_are_named(folder: Path) -> None:
    tile = "UNHCR-GHAs003590"
    path = folder / "lr_dataset" / tile / "L1C" / f"{tile}-2-L1C_data.tiff"
    whole = path.read_bytes()
    path.write_bytes((folder / "lr_dataset" / tile / "L2A" / f"{tile}-2-L2A_data.tiff").read_bytes())
    with pytest.raises(ValueError, match=r"-2-L1C_data\.tiff: got 12 bands, expected 13"):
        WorldStrat(folder, "val").sample(tile, RGB)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"-2-L1C_data\.tiff cannot be read .*again"):
        WorldStrat(folder, "val").sample(tile, RGB)
    path.write_bytes(whole)
    (folder / "hr_dataset" / tile / f"{tile}_ps.tiff").unlink()
    with pytest.raises(FileNotFoundError, match=r"_ps\.tiff is missing"):
        WorldStrat(folder, "val").sample(tile, RGB)


def test_a_revisit_of_another_size_is_refused(folder: Path) -> None:
    tile = "UNHCR-GHAs003590"
    for kind in ("L1C_data", "CLM", "dataMask"):
        other = folder / "lr_dataset" / TILE / "L1C" / f"{TILE}-2-{kind}.tiff"
        (folder / "lr_dataset" / tile / "L1C" / f"{tile}-2-{kind}.tiff").write_bytes(other.read_bytes())
    with pytest.raises(ValueError, match=r"-2-L1C_data\.tiff: got \(20, 24\), expected \(20, 21\)"):
        WorldStrat(folder, "val").sample(tile, RGB)


@pytest.mark.parametrize(("gone", "first"), [('",4,', 4), ('",', 1)])  # one row, and all rows of a place
def test_a_revisit_without_a_row_is_refused(folder: Path, gone: str, first: int) -> None:
    path = folder / "metadata.csv"
    kept = [line for line in path.read_text().splitlines() if not (line.startswith("UNHCR") and gone in line)]
    path.write_text("\n".join(kept) + "\n")
    with pytest.raises(ValueError, match=rf"metadata\.csv: UNHCR-GHAs003590 has no row for n = {first},"):
        WorldStrat(folder, "val").sample("UNHCR-GHAs003590", RGB)


def made_up_scene(name: str = "region-3", split: str = "train", hr_px: int = 160) -> Scene:
    rng = np.random.default_rng(len(name))
    valid = np.ones((3, 40, 40), bool)
    valid[1, :10] = False
    return Scene(
        name=name,
        split=split,
        region="east",
        lr=rng.uniform(0.01, 1.2, (3, 13, 40, 40)).astype(np.float32),
        lr_bands=tuple(reversed(L1C_BANDS)),
        lr_valid=valid,
        dates=(date(2021, 5, 1), date(2021, 6, 1), date(2021, 7, 1)),
        hr=rng.uniform(0.01, 1.2, (4, hr_px, hr_px)).astype(np.float32),
        hr_bands=("nir", "blue", "green", "red"),
        hr_valid=np.ones((hr_px, hr_px), bool),
        day=date(2021, 6, 11),
        corner=(500_000.0, 4_600_000.0),
        crs="EPSG:32613",
        lr_gsd_m=10.0,
        hr_gsd_m=400 / hr_px,
    )


def test_round_trip(tmp_path: Path) -> None:
    scene = made_up_scene()
    write_data_set(tmp_path, [scene, made_up_scene("0007", "test")])
    reader = WorldStrat(tmp_path, "train")
    sample = reader.sample("region-3", RGB)
    assert reader.tiles == ["region-3"]
    assert WorldStrat(tmp_path, "test").sample("0007", RGB).good.any()  # a name that looks like a number
    assert reader.region("region-3") == "east"
    np.testing.assert_array_equal(np.moveaxis(sample.series, -1, 1), scene.bands(*RGB))
    np.testing.assert_array_equal(sample.valid, scene.lr_valid)
    np.testing.assert_array_equal(sample.good, [True, False, True])  # a quarter of the second is under cloud
    np.testing.assert_array_equal(sample.days - sample.day, [-41, -10, 20])
    hr = np.moveaxis(sample.hr, -1, 0) / 10_000
    np.testing.assert_allclose(hr, scene.hr_of("red", "green", "blue"), atol=0.5001 / 10_000)
    assert sample.unusable == ""


def test_round_trip_of_the_sensor_s_own_hr_grid(tmp_path: Path) -> None:
    flat = made_up_scene(hr_px=267)  # 1.5 m
    scene = replace(flat, hr=np.full_like(flat.hr, 0.2), hr_bands=flat.hr_bands)
    write_data_set(tmp_path, [scene])
    sample = WorldStrat(tmp_path, "train").sample("region-3", RGB)
    assert sample.hr.shape == (160, 160, 3)
    np.testing.assert_allclose(sample.hr / 10_000, 0.2, rtol=1e-6)


def test_holes_in_hr_are_kept_and_dark_pixels_are_no_holes(tmp_path: Path) -> None:
    scene = made_up_scene()
    scene.hr[:, 5, 5] = 0.0
    scene.hr_valid[7, 9] = False
    write_data_set(tmp_path, [replace(scene, hr=scene.hr[1:], hr_bands=scene.hr_bands[1:])])  # without nir
    sample = WorldStrat(tmp_path, "train").sample("region-3", RGB)
    np.testing.assert_array_equal(sample.hr_valid, scene.hr_valid)
    assert sample.unusable == ""


@pytest.mark.parametrize(("rim", "value", "kept"), [(1, 0, True), (3, 0, True), (1, np.nan, True), (40, 0, False)])
def test_a_rim_without_values_is_masked_and_the_place_kept_up_to_a_tenth(
    tmp_path: Path, rim: int, value: float, kept: bool
) -> None:
    """Published HR images have rims of zeros, one to four pixels wide."""
    scene = made_up_scene()
    write_data_set(tmp_path, [scene])
    path = next((tmp_path / "hr_dataset").glob("*/*_ps.tiff"))
    before = WorldStrat(tmp_path, "train").sample("region-3", RGB)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as file:
            image, how = file.read().astype(np.float32), {**file.profile, "dtype": "float32"}
        image[:, -rim:] = value
        with rasterio.open(path, "w", **how) as file:
            file.write(image)
    sample = WorldStrat(tmp_path, "train").sample("region-3", RGB)
    assert sample.unusable == ("" if kept else "black HR pixels")
    assert np.isfinite(sample.hr).all()
    assert before.hr_valid.all()
    assert not sample.hr_valid[-(rim // 2) or -1 :].any()
    np.testing.assert_array_equal(sample.hr[sample.hr_valid], before.hr[sample.hr_valid])
    assert sample.hr_valid.mean() > 1 - (rim + 3) / image.shape[1]


def _change(path: Path, where: object, value: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "r+") as file:
            image = file.read()
            image[where] = value
            file.write(image)
