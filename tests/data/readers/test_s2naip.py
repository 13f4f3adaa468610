"""The S2-NAIP layout: written and read back, in the published places, with clear errors."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from satsr.data.readers.s2naip_folder import S2NAIPFolder, capture_date, region_of, tile_weights
from tests.data.making.chips import made_up_chip, write_split


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_split(tmp_path, [made_up_chip()])


def test_round_trip(folder: Path) -> None:
    chip, reader = made_up_chip(), S2NAIPFolder(folder)
    assert reader.tiles == [chip.tile]
    np.testing.assert_array_equal(reader.hr(chip.tile), chip.hr)
    np.testing.assert_array_equal(reader.series(chip.tile), chip.bands["tci"])
    np.testing.assert_array_equal(reader.series(chip.tile, "b08"), chip.bands["b08"])
    np.testing.assert_array_equal(reader.old_hr(chip.tile), chip.old_hr)
    np.testing.assert_array_equal(reader.land_cover(chip.tile), chip.land_cover)
    assert reader.dates(chip.tile) == chip.dates
    assert reader.objects(chip.tile) == chip.objects
    assert reader.caption(chip.tile) == chip.caption


def test_files_lie_where_they_are_published(folder: Path) -> None:
    tile, uuid = "33488_48869", "m_4108832_ne_16_060_20200611"
    with Image.open(folder / "naip" / uuid / tile / "rgb.png") as image:
        assert (image.mode, image.size) == ("RGB", (128, 128))
    with Image.open(folder / "sentinel2" / tile / "tci.png") as image:
        assert (image.mode, image.size) == ("RGB", (32, 4 * 32))  # dates from top to bottom
    with Image.open(folder / "sentinel2" / tile / "b08.png") as image:
        assert (image.mode, image.size) == ("L", (32, 4 * 32))


def test_dates_are_stacked_by_rows_and_not_mixed_with_channels(folder: Path) -> None:
    series = S2NAIPFolder(folder).series("33488_48869")
    assert [int(frame.min()) // 10 for frame in series] == [0, 1, 2, 3]
    assert [int(frame.max()) // 10 for frame in series] == [0, 1, 2, 3]


def test_optional_parts_may_be_absent(folder: Path) -> None:
    tile = "33488_48869"
    for path in (f"sentinel2/{tile}/dates.csv", f"old_naip/{tile}.png", f"land_cover/{tile}.png", "captions.json"):
        (folder / path).unlink()
    reader = S2NAIPFolder(folder)
    assert reader.dates(tile) is None
    assert reader.old_hr(tile) is None
    assert reader.land_cover(tile) is None
    assert reader.caption(tile) is None


def test_truncated_png_names_the_file_and_the_remedy(folder: Path) -> None:
    path = folder / "sentinel2" / "33488_48869" / "tci.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"tci\.png cannot be read .*again"):
        S2NAIPFolder(folder).series("33488_48869")


def test_missing_png_names_the_file(folder: Path) -> None:
    (folder / "sentinel2" / "33488_48869" / "tci.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"tci\.png is missing"):
        S2NAIPFolder(folder).series("33488_48869")


@pytest.mark.parametrize("shape", [(64, 33, 3), (65, 32, 3), (64, 32)])
def test_wrong_stack_says_expected_and_got(folder: Path, shape: tuple[int, ...]) -> None:
    Image.fromarray(np.ones(shape, np.uint8)).save(folder / "sentinel2" / "33488_48869" / "tci.png")
    with pytest.raises(ValueError, match=r"expected \[T\*32, 32\] with 3 channels, got \("):
        S2NAIPFolder(folder).series("33488_48869")


def test_sixteen_bits_are_refused(folder: Path) -> None:
    Image.fromarray(np.ones((128, 32), np.uint16)).save(folder / "sentinel2" / "33488_48869" / "b08.png")
    with pytest.raises(ValueError, match="got mode I;16, expected an 8-bit gray or RGB image"):
        S2NAIPFolder(folder).series("33488_48869", "b08")


def test_wrong_hr_says_expected_and_got(folder: Path) -> None:
    Image.new("RGB", (64, 64)).save(folder / "old_naip" / "33488_48869.png")
    with pytest.raises(ValueError, match=r"expected \(128, 128, 3\), got \(64, 64, 3\)"):
        S2NAIPFolder(folder).old_hr("33488_48869")


def test_empty_folder_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected naip/\{uuid\}"):
        S2NAIPFolder(tmp_path)


def test_region_is_the_published_group_of_tiles() -> None:
    assert region_of("33488_48869") == "2093_3054"
    assert region_of("15_16") == "0_1"


@pytest.mark.parametrize(
    ("uuid", "expected"),
    [
        ("m_4108832_ne_16_060_20190809", date(2019, 8, 9)),
        ("m_4108832_ne_16_060_20191399", None),
        ("no-date", None),
    ],
)
def test_capture_date(uuid: str, expected: date | None) -> None:
    assert capture_date(uuid) == expected


def test_weight_is_inverse_frequency_of_the_rarest_category() -> None:
    box = [(0, 0, 4, 4)]
    objects = {"a": {"building": box, "pier": box}, "b": {"building": box}, "c": {"building": box}}
    assert tile_weights(["a", "b", "c", "d"], objects) == {"a": 4.0, "b": 4 / 3, "c": 4 / 3, "d": 1.0}
