"""The OLI2MSI layout: bands, dates and regions of names, hold-out, files that are wrong, the writer's round trip."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio

from satsr.data.reader import Scene
from satsr.data.readers.oli2msi import BANDS, NAME, OLI2MSI, write_data_set
from tests.data.readers.days import date_of
from tests.made import make_oli2msi as made

FIRST, LAST = made.TRAIN[0], made.TRAIN[-1]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write(tmp_path / "set")


def test_every_stored_value_comes_back(folder: Path) -> None:
    sample = OLI2MSI(folder, "train").sample(FIRST, BANDS)
    assert (sample.series.shape, sample.hr.shape) == ((1, 4, 6, 3), (12, 18, 3))
    np.testing.assert_array_equal(np.moveaxis(sample.series[0], -1, 0), made.image(made.LR, 0.5))
    np.testing.assert_array_equal(np.moveaxis(sample.hr, -1, 0), made.image(made.HR, 0.6))
    assert (sample.white, sample.hr_white, sample.unusable) == (1.0, 1.0, "")
    assert sample.valid.all()
    assert sample.hr_valid.all()
    assert sample.good.tolist() == [True]


def test_orientation_and_bands_by_name(folder: Path) -> None:
    sample = OLI2MSI(folder, "train").sample(FIRST, ["blue", "red"])
    np.testing.assert_allclose(sample.series[0, 0, 0], [0.3, 0.5], rtol=1e-6)
    np.testing.assert_allclose(sample.series[0, 3, 5], [0.3 - 0.035, 0.5 - 0.035], rtol=1e-6)  # south-east is darker
    np.testing.assert_allclose(sample.hr[0, 0], [0.6, 0.5, 0.4], rtol=1e-6)  # HR keeps red, green, blue


def test_unknown_band_lists_the_valid_ones(folder: Path) -> None:
    with pytest.raises(ValueError, match="got bands nir, expected some of red, green, blue"):
        OLI2MSI(folder, "train").sample(FIRST, ["red", "nir"])


def test_dates_come_from_the_name(folder: Path) -> None:
    sample = OLI2MSI(folder, "train").sample(LAST, BANDS)
    assert date_of(sample.days[0]) == date(2019, 9, 7)
    assert date_of(sample.day) == date(2019, 9, 8)


@pytest.mark.parametrize("name", ["scene_1", "L8_126038_20191399_S2B_20191399_T49RBQ_N0008"])
def test_other_names_have_no_dates(folder: Path, name: str) -> None:
    for kind in ("lr", "hr"):
        (folder / f"train_{kind}" / f"{FIRST}.TIF").rename(folder / f"train_{kind}" / f"{name}.TIF")
    sample = OLI2MSI(folder, "train").sample(name, BANDS)
    assert np.isnan(sample.days).all()
    assert np.isnan(sample.day)


def test_region_is_path_row_and_granule(folder: Path) -> None:
    reader = OLI2MSI(folder, "train")
    assert reader.region(FIRST) == "126038_T49RBQ"
    assert reader.region("scene_1") == "scene_1"
    (folder / "regions.json").write_text(json.dumps({FIRST: "hills"}))
    assert OLI2MSI(folder, "train").region(FIRST) == "hills"


def test_val_is_held_out_by_region(folder: Path) -> None:
    assert OLI2MSI(folder, "train").tiles == [FIRST, LAST]
    assert OLI2MSI(folder, "val").tiles == made.TRAIN[1:3]
    assert OLI2MSI(folder, "test").tiles == made.TEST


def test_val_folders_win(folder: Path) -> None:
    made.write_tiff(folder / "val_lr" / "a.TIF", made.image(made.LR, 0.5), 30)
    made.write_tiff(folder / "val_hr" / "a.TIF", made.image(made.HR, 0.5), 10)
    assert OLI2MSI(folder, "val").tiles == ["a"]
    assert OLI2MSI(folder, "train").tiles == made.TRAIN


def test_zero_in_any_band_is_fill(folder: Path) -> None:
    lr, hr = made.image(made.LR, 0.5), made.image(made.HR, 0.6)
    lr[2, 0, 1], hr[:, 11, 17], hr[0, 3, 4] = 0, 0, np.nan
    made.write_tiff(folder / "train_lr" / f"{FIRST}.TIF", lr, 30)
    made.write_tiff(folder / "train_hr" / f"{FIRST}.TIF", hr, 10)
    sample = OLI2MSI(folder, "train").sample(FIRST, ["red"])  # where blue is missing, red does not count either
    assert np.argwhere(~sample.valid).tolist() == [[0, 0, 1]]
    assert np.argwhere(~sample.hr_valid).tolist() == [[3, 4], [11, 17]]
    assert sample.good.tolist() == [False]
    made.write_tiff(folder / "train_hr" / f"{FIRST}.TIF", hr * 0, 10)
    assert OLI2MSI(folder, "train").sample(FIRST, ["red"]).unusable == "no HR pixels"


def test_missing_partner_is_named(folder: Path) -> None:
    (folder / "train_hr" / f"{LAST}.TIF").unlink()
    with pytest.raises(FileNotFoundError, match=rf"train_hr/{LAST}\.TIF is missing, expected one for each"):
        OLI2MSI(folder, "train")


def test_truncated_file_is_named(folder: Path) -> None:
    path = folder / "train_lr" / f"{FIRST}.TIF"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=rf"{FIRST}\.TIF cannot be read .*again$"):
        OLI2MSI(folder, "train").sample(FIRST, BANDS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones((3, 4, 6), np.uint8), "got uint8, expected float32 reflectance: download the GeoTIFF set"),
        (np.ones((4, 4, 6), np.float32), "got 4 bands, expected 3"),
    ],
)
def test_other_kinds_of_files_are_refused(folder: Path, values: np.ndarray, message: str) -> None:
    made.write_tiff(folder / "train_lr" / f"{FIRST}.TIF", values, 30)
    with pytest.raises(ValueError, match=message):
        OLI2MSI(folder, "train").sample(FIRST, BANDS)


def test_hr_of_another_size_says_got_and_expected(folder: Path) -> None:
    made.write_tiff(folder / "train_hr" / f"{FIRST}.TIF", made.image((12, 17), 0.6), 10)
    with pytest.raises(ValueError, match=r"got \(12, 17, 3\), expected \(12, 18, 3\), 3 times LR"):
        OLI2MSI(folder, "train").sample(FIRST, BANDS)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_empty_folder_says_what_was_expected(tmp_path: Path, split: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"oli2msi {split} is empty, expected \.TIF files in {split}_lr"):
        OLI2MSI(tmp_path, split)


def test_files_and_corners(folder: Path) -> None:
    reader = OLI2MSI(folder, "train")
    assert reader.files(FIRST) == [folder / f"train_{kind}" / f"{FIRST}.TIF" for kind in ("lr", "hr")]
    assert reader.corner(FIRST) != reader.corner(LAST)


def made_up_scene(split: str, seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    bands = ("blue", "nir", "green", "red")
    day = date(2021, 7, 10)
    return Scene(
        name=f"place{seed}",
        split=split,
        region=f"region{seed // 2}",
        lr=rng.uniform(-0.1, 1.2, (3, 4, 5, 4)).astype(np.float32),
        lr_bands=bands,
        lr_valid=np.ones((3, 5, 4), bool),
        dates=tuple(day + timedelta(days=number) for number in (-6, -3, 4)),
        hr=rng.uniform(0.01, 1, (4, 15, 12)).astype(np.float32),
        hr_bands=bands,
        hr_valid=rng.random((15, 12)) < 0.8,
        day=day,
        corner=(500_000.0, 4_600_000.0),
        crs="EPSG:32613",
        lr_gsd_m=30.0,
        hr_gsd_m=10.0,
    )


def test_written_scene_comes_back_unrounded(tmp_path: Path) -> None:
    scene = made_up_scene("train", 0)
    scene.lr_valid[1, 2, 3] = scene.lr_valid[0, :2] = False
    scene.lr_valid[2] = scene.lr_valid[1]  # frames 1 and 2 are equally clear, frame 1 is nearer in time
    write_data_set(tmp_path, [scene, made_up_scene("test", 1)])
    reader = OLI2MSI(tmp_path, "test")
    assert reader.region(reader.tiles[0]) == "region0"
    (path,) = (tmp_path / "train_lr").iterdir()
    assert path.name == "L8_001001_20210707_S2B_20210710_T01NAA_N0001.TIF"
    sample = OLI2MSI(tmp_path, "train").sample(path.stem, BANDS)
    expected = np.moveaxis(scene.bands(*BANDS)[1], 0, -1).clip(1e-6, 1)
    np.testing.assert_array_equal(sample.series[0], np.where(scene.lr_valid[1][..., None], expected, 0))
    expected = np.moveaxis(scene.hr_of(*BANDS), 0, -1)
    np.testing.assert_array_equal(sample.hr, np.where(scene.hr_valid[..., None], expected, 0))
    np.testing.assert_array_equal(sample.valid[0], scene.lr_valid[1])
    np.testing.assert_array_equal(sample.hr_valid, scene.hr_valid)
    assert (date_of(sample.days[0]), date_of(sample.day)) == (scene.dates[1], scene.day)


def test_written_files_are_georeferenced_and_legally_named(tmp_path: Path) -> None:
    write_data_set(
        tmp_path, (made_up_scene(split, seed) for seed, split in enumerate(("train", "train", "val", "test")))
    )
    regions = json.loads((tmp_path / "regions.json").read_text())
    assert sorted(regions.values()) == ["region0", "region0", "region1", "region1"]
    assert all(NAME.fullmatch(name) for name in regions)
    assert [len(OLI2MSI(tmp_path, split).tiles) for split in ("train", "val", "test")] == [2, 1, 1]
    assert OLI2MSI(tmp_path, "val").tiles == ["L8_001002_20210707_S2B_20210710_T01NAA_N0003"]
    with rasterio.open(next((tmp_path / "val_hr").iterdir())) as file:
        assert (file.count, file.shape, file.dtypes[0]) == (3, (15, 12), "float32")
        assert (file.crs.to_epsg(), file.res) == (32613, (10.0, 10.0))
        assert (file.bounds.left, file.bounds.top) == (500_000.0, 4_600_000.0)


def test_writer_refuses_other_bands_and_scales(tmp_path: Path) -> None:
    scene = made_up_scene("train", 0)
    with pytest.raises(ValueError, match="scene place0: red missing, expected red, green and blue"):
        write_data_set(tmp_path, [replace(scene, lr_bands=("blue", "nir", "green", "swir"))])
    with pytest.raises(ValueError, match=r"got HR \(14, 12\) for LR \(5, 4\), expected 3 times LR"):
        write_data_set(tmp_path, [replace(scene, hr=scene.hr[:, :14])])
