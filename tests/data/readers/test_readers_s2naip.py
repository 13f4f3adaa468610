"""The readers of S2-NAIP's two layouts: the same chip reads equal, frames keep their values, errors are clear."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from satsr.data.reader import days_since_1970
from satsr.data.readers.s2naip import S2NAIP, S2NAIPOld, read_grid
from tests.data.making.chips import made_up_chip, write_split
from tests.made import make_s2naip_old as made

RGB = ("red", "green", "blue")


@pytest.fixture
def today(tmp_path: Path) -> Path:
    made.write_today(tmp_path / "today")
    return tmp_path / "today"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    made.write(tmp_path / "old", with_bands=True)
    return tmp_path / "old"


def test_same_chip_reads_equal_in_both_layouts(today: Path, old: Path) -> None:
    new_reader, old_reader = S2NAIP(today, "train"), S2NAIPOld(old, "train")
    assert list(new_reader.tiles) == list(old_reader.tiles) == ["33488_48869", "33493_48864", "33499_48870"]
    for tile in new_reader.tiles:
        a, b = (r.sample(tile, (*RGB, "b08")) for r in (new_reader, old_reader))
        np.testing.assert_array_equal(a.series, b.series)
        np.testing.assert_array_equal(a.hr, b.hr)
        assert a.day == b.day == days_since_1970(date(2019, 8, 9))
        assert new_reader.region(tile) == old_reader.region(tile)
        assert new_reader.corner(tile) == old_reader.corner(tile)


@pytest.mark.parametrize("with_bands", [False, True])
def test_old_files_are_named_row_first(tmp_path: Path, with_bands: bool) -> None:
    chips = {one.tile: one for one in made.write(tmp_path, with_bands)}
    reader = S2NAIPOld(tmp_path, "train")
    for tile in ("33488_48869", "33493_48864"):  # 5_0.png and 0_5.png of one folder
        np.testing.assert_array_equal(reader.sample(tile, RGB).series, chips[tile].tci)
        assert all(path.is_file() for path in reader.files(tile))
    assert reader.files("33488_48869")[1].name == "5_0.png"


@pytest.mark.parametrize("layout", ["today", "old"])
def test_frame_has_its_own_values_in_every_channel(layout: str, request: pytest.FixtureRequest) -> None:
    """The reference of December 2023 reshaped (C, T*32, 32) to (T, C, 32, 32) and mixed dates with channels."""
    folder = request.getfixturevalue(layout)
    sample = (S2NAIP if layout == "today" else S2NAIPOld)(folder, "train").sample("33488_48869", (*RGB, "b08"))
    assert sample.series.shape == (4, 32, 32, 4)
    for t, frame in enumerate(sample.series):
        assert frame.min() >= 40 * t + 1
        assert frame.max() <= 40 * t + 39
    one = made.chip(33488, 48869)
    np.testing.assert_array_equal(sample.series[2, 3, 7, :3], one.tci[2, 3, 7])  # row 3, column 7 of date 2
    np.testing.assert_array_equal(sample.series[1, ..., 3], one.b08[1])


def test_bands_come_in_the_order_asked_for(today: Path) -> None:
    sample = S2NAIP(today, "train").sample("33499_48870", ("b08", "blue", "red"))
    one = made.chip(33499, 48870)
    np.testing.assert_array_equal(sample.series[..., 0], one.b08)
    np.testing.assert_array_equal(sample.series[..., 1], one.tci[..., 2])
    np.testing.assert_array_equal(sample.series[..., 2], one.tci[..., 0])


def test_black_pixels_are_not_valid(today: Path) -> None:
    path = today / made.SET / "sentinel2" / "33488_48869" / "tci.png"
    stack = np.array(Image.open(path))
    stack[32 + 4, 9] = 0  # date 1
    stack[64 + 4, 9, 1] = 0  # date 2: one channel only, which is not black
    Image.fromarray(stack).save(path)
    sample = S2NAIP(today, "train").sample("33488_48869", RGB)
    assert sample.good.tolist() == [True, False, True, True]
    assert np.argwhere(~sample.valid).tolist() == [[1, 4, 9]]
    assert sample.unusable == ""


def test_black_hr_makes_the_place_unusable(today: Path) -> None:
    path = today / made.SET / "naip" / made.UUID / "33488_48869" / "rgb.png"
    image = np.array(Image.open(path))
    image[100, 5] = 0
    Image.fromarray(image).save(path)
    sample = S2NAIP(today, "train").sample("33488_48869", RGB)
    assert sample.unusable == "black HR pixels"
    assert np.argwhere(~sample.hr_valid).tolist() == [[100, 5]]


def test_dates_weights_and_extras_of_this_projects_own_sets(tmp_path: Path) -> None:
    chip = made_up_chip()
    write_split(tmp_path / "val_set", [chip])
    reader = S2NAIP(tmp_path, "val")
    sample = reader.sample(chip.tile, RGB)
    assert chip.dates is not None
    assert sample.days.tolist() == [days_since_1970(day) for day in chip.dates]
    extras = reader.extras(chip.tile)
    np.testing.assert_array_equal(extras["old_hr"], chip.old_hr)
    np.testing.assert_array_equal(extras["labels"], chip.land_cover)
    assert extras["objects"] == chip.objects
    assert extras["caption"] == chip.caption
    assert all(path.is_file() for path in reader.files(chip.tile))


def test_download_has_no_dates_weights_or_extras(today: Path) -> None:
    reader = S2NAIP(today, "train")
    assert np.isnan(reader.sample("33488_48869", RGB).days).all()
    assert reader.weight("33488_48869") == 1.0
    assert reader.extras("33488_48869") == {"old_hr": None, "objects": {}, "labels": None, "caption": None}


@pytest.mark.parametrize("kind", [S2NAIP, S2NAIPOld])
def test_weights_and_objects_are_read_in_both_layouts(kind: type[S2NAIP], today: Path, old: Path) -> None:
    folder = today if kind is S2NAIP else old
    weights = folder / made.SET / "train_tile_weights" / "urban.json"
    weights.parent.mkdir()
    weights.write_text(json.dumps({"33488_48869": 2.5}))
    objects = {"33488_48869": {"building": [[1, 2, 30, 40]]}}
    (folder / made.SET / "osm_chips_to_masks.json").write_text(json.dumps(objects))
    reader = kind(folder, "train")
    assert [reader.weight(tile) for tile in reader.tiles] == [2.5, 1.0, 1.0]
    assert reader.extras("33488_48869")["objects"] == {"building": [(1, 2, 30, 40)]}


def test_another_set_is_named(today: Path) -> None:
    (today / made.SET).rename(today / "small_val_set")
    assert len(S2NAIP(today, "val", "small_val_set").tiles) == 3
    with pytest.raises(FileNotFoundError, match="val_set: expected naip/"):
        S2NAIP(today, "val")


@pytest.mark.parametrize("kind", [S2NAIP, S2NAIPOld])
def test_missing_band_is_an_error_and_not_zeros(kind: type[S2NAIP], today: Path, old: Path) -> None:
    reader = kind(today if kind is S2NAIP else old, "train")
    with pytest.raises(FileNotFoundError, match=r"is missing: download"):
        reader.sample("33488_48869", ("red", "b11"))


def test_bad_requests_and_files_say_what_was_expected(today: Path, old: Path) -> None:
    with pytest.raises(ValueError, match="got band 'b8a', expected one of red, green"):
        S2NAIP(today, "train").sample("33488_48869", ("b8a",))
    with pytest.raises(ValueError, match="got split 'dev', expected one of train, val, test"):
        S2NAIP(today, "dev")
    with pytest.raises(FileNotFoundError, match=r"expected naip_128/\{uuid\}/tci/"):
        S2NAIPOld(today, "train")
    short = Image.fromarray(np.ones((96, 32), np.uint8))
    short.save(today / made.SET / "sentinel2" / "33488_48869" / "b08.png")
    with pytest.raises(ValueError, match="3 dates of b08, expected 4"):
        S2NAIP(today, "train").sample("33488_48869", ("b08",))
    Image.fromarray(np.ones((33, 32, 3), np.uint8)).save(S2NAIPOld(old, "train").files("33488_48869")[1])
    with pytest.raises(ValueError, match=r"5_0\.png: expected \[T\*32, 32\] with 3 channels, got \(33, 32, 3\)"):
        S2NAIPOld(old, "train").sample("33488_48869", RGB)


def test_grid_of_the_test_set_is_read_row_by_row(tmp_path: Path) -> None:
    made.write_grid(tmp_path, "bolivia")
    chips = read_grid(tmp_path, "bolivia")
    assert len(chips) == 256
    assert [len(chips[0]), len(chips[1])] == [2, 3]  # the number of dates may differ
    assert chips[16 * 3 + 5][1, 0, 0].tolist() == [4, 6, 2]  # row 3, column 5, date 1
    (tmp_path / "sentinel2" / "bolivia" / "7_9.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"7_9\.png is missing"):
        read_grid(tmp_path, "bolivia")
