"""The reader of MuS2: revisits by date, band pairs, cloud and evaluation masks, clear errors."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from satsr.data.reader import days_since_1970
from satsr.data.readers.mus2 import MuS2, scene_date
from tests.made import make_mus2 as made

RGB = ("red", "green", "blue")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write(tmp_path)


def test_revisits_are_in_the_order_of_their_dates(folder: Path) -> None:
    reader = MuS2(folder, "test")
    assert reader.tiles == [made.SCENE]
    sample = reader.sample(made.SCENE, (*RGB, "b08"))
    assert sample.series.shape == (3, 20, 24, 4)
    assert sample.days.tolist() == [days_since_1970(date(2019, *d)) for d in ((6, 12), (6, 30), (8, 1))]
    assert sample.series[:, 0, 0].tolist() == [[1000 * t + 100 * b for b in (2, 1, 0, 3)] for t in (2, 3, 1)]
    assert sample.series[0, 5, 12, 0] == 2200 + 5 + 50  # rows down, columns to the right
    assert (sample.white, sample.hr_white) == (10000, 255)


def test_hr_bands_are_the_published_pairs(folder: Path) -> None:
    sample = MuS2(folder, "test").sample(made.SCENE, RGB)
    assert sample.hr.shape == (60, 72, 3)
    assert sample.hr[0, 0].tolist() == [41, 21, 11]  # mul_band_4, 2, 1
    assert sample.hr[4, 7].tolist() == [255, 255, 255]
    assert sample.hr_valid.all()
    assert sample.day == days_since_1970(date(2019, 6, 3))


def test_clouds_of_the_classification_are_not_valid(folder: Path) -> None:
    sample = MuS2(folder, "test").sample(made.SCENE, RGB)
    assert np.argwhere(~sample.valid).tolist() == [[2, row, column] for row in (6, 7) for column in (10, 11)]
    assert sample.good.tolist() == [True, True, False]


def test_without_classification_all_is_valid(folder: Path) -> None:
    (folder / "image_data" / made.SCENE / "SCL").rename(folder / "elsewhere")
    assert MuS2(folder, "test").sample(made.SCENE, RGB).valid.all()


def test_white_of_a_mask_is_excluded(folder: Path) -> None:
    made.write_masks(folder)
    sample = MuS2(folder, "test").sample(made.SCENE, RGB)
    assert np.argwhere(~sample.hr_valid).tolist() == [[10, 20]]  # and nothing of the scene with a longer name


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        ("0_31UFT_11JUN03110252-M2AS", date(2011, 6, 3)),  # 2003 was before the launch
        ("0_31UFT_31AUG121102-2AS_R1C1", date(2012, 8, 31)),
        ("0_31UFT_11JUN12110252-2AS", None),  # 2011 or 2012
        ("0_31UFT_12JUN12110252-2AS", date(2012, 6, 12)),
        ("0_31UFT", None),
    ],
)
def test_date_of_the_scene(scene: str, expected: date | None) -> None:
    assert scene_date(scene) == expected


def test_files_exist(folder: Path) -> None:
    files = MuS2(folder, "test").files(made.SCENE)
    assert len(files) == 3 * 3 + 3
    assert all(path.is_file() for path in files)


def test_bad_requests(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ValueError, match="got split 'train', expected test"):
        MuS2(folder, "train")
    with pytest.raises(ValueError, match="got band 'b11', expected one of red"):
        MuS2(folder, "test").sample(made.SCENE, ("b11",))
    with pytest.raises(FileNotFoundError, match=r"expected \{scene\}/hr_resized"):
        MuS2(tmp_path_factory.mktemp("empty"), "test")
    made.write(folder / "copy")
    with pytest.raises(ValueError, match="two scenes of one name"):
        MuS2(folder, "test")


def test_bad_files(folder: Path) -> None:
    scene = folder / "image_data" / made.SCENE
    reader = MuS2(folder, "test")
    made.save(scene / "hr_resized" / "mul_band_4.tiff", made.hr(4)[:-1], driver="GTiff")
    with pytest.raises(ValueError, match=r"mul_band_4\.tiff: got \(59, 72\) of uint8, expected \(60, 72\)"):
        reader.sample(made.SCENE, RGB)
    made.save(scene / "hr_resized" / "mul_band_4.tiff", np.pad(made.hr(4), ((0, 2), (0, 1))), driver="GTiff")
    assert reader.sample(made.SCENE, RGB).hr.shape == (60, 72, 3)
    path = scene / "b3" / "lrs" / made.name("20190612")
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(ValueError, match=r"S2A_MSIL2A_20190612.*jp2 cannot be read"):
        reader.sample(made.SCENE, RGB)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"S2A_MSIL2A_20190612.*jp2 is missing"):
        reader.sample(made.SCENE, RGB)
