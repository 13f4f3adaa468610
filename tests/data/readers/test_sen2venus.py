"""The reader of SEN2VENuS: values, bands, splits by site, and files that must not run code."""

from __future__ import annotations

from collections import OrderedDict
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch

from satsr.data.reader import days_since_1970
from satsr.data.readers.sen2venus import Sen2Venus
from tests.made import make_sen2venus as made

RGB = ("red", "green", "blue")
TILE = "ALSACE_32ULU_2018-07-21_0002"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write(tmp_path)


def test_values_of_one_patch(folder: Path) -> None:
    sample = Sen2Venus(folder, "train").sample(TILE, (*RGB, "b08"))
    assert sample.series.shape == (1, 128, 128, 4)
    assert sample.series[0, 0, 0].tolist() == [2200, 2100, 2000, 2300]  # patch 2; files are blue first
    assert sample.series[0, 5, 0, 0] - sample.series[0, 0, 0, 0] == 2  # a row further down
    assert sample.series[0, 0, 5, 0] - sample.series[0, 0, 0, 0] == 1  # a column to the right
    assert sample.hr.shape == (256, 256, 3)
    assert sample.hr[0, 0].tolist() == [7200, 7100, 7000]
    assert (sample.white, sample.hr_white) == (10000, 10000)
    assert sample.days.tolist() == [sample.day] == [days_since_1970(date(2018, 7, 21))]
    assert sample.good.all()


def test_red_edge_is_repeated_onto_the_grid_of_10_m(folder: Path) -> None:
    sample = Sen2Venus(folder, "train").sample(TILE, ("b8a", "b05"))
    assert sample.series[0, 0, 0].tolist() == [2300, 2000]
    assert sample.series[0, 0, :4, 1].tolist() == [2000, 2000, 2001, 2001]


def test_splits_keep_sites_together(folder: Path) -> None:
    train, test = Sen2Venus(folder, "train"), Sen2Venus(folder, "test")
    assert train.tiles == [
        *(f"ALSACE_32ULU_2018-07-21_000{n}" for n in range(3)),
        "NARYN_C__43TFG_2019-07-25_0000",  # the site's name in files differs from its folder
    ]
    assert test.tiles == ["SO2_31TCH_2019-02-03_0000", "SO2_31TCH_2019-02-03_0001"]
    assert [train.region(tile) for tile in train.tiles] == ["ALSACE"] * 3 + ["NARYN"]
    assert all(path.is_file() for path in train.files(TILE))
    with pytest.raises(FileNotFoundError, match=r"index\.csv of ARM, FR-LAM, MAD-AMBO, found none"):
        Sen2Venus(folder, "val")


@pytest.mark.parametrize("separator", [",", ";"])
def test_other_separators(tmp_path: Path, separator: str) -> None:
    assert len(Sen2Venus(made.write(tmp_path, separator), "train").tiles) == 4


def test_fill_is_not_valid(folder: Path) -> None:
    path = folder / "ALSACE" / "ALSACE_32ULU_2018-07-21_10m_b2b3b4b8.pt"
    tensor = made.tensor("10m_b2b3b4b8", 3)
    tensor[2, 1, 7, 9] = -10000
    torch.save(tensor, path)
    sample = Sen2Venus(folder, "train").sample(TILE, RGB)
    assert np.argwhere(~sample.valid).tolist() == [[0, 7, 9]]
    assert not sample.good.any()


def test_files_that_would_run_code_are_refused(folder: Path) -> None:
    path = folder / "ALSACE" / "ALSACE_32ULU_2018-07-21_10m_b2b3b4b8.pt"
    torch.save({"hidden": Path("x")}, path)  # any class of its own is refused, without being built
    with pytest.raises(ValueError, match=r"10m_b2b3b4b8\.pt cannot be read \(Weights only load failed"):
        Sen2Venus(folder, "train").sample(TILE, RGB)


def test_bad_files(folder: Path) -> None:
    path = folder / "ALSACE" / "ALSACE_32ULU_2018-07-21_10m_b2b3b4b8.pt"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"\.pt cannot be read .*download that site again"):
        Sen2Venus(folder, "train").sample(TILE, RGB)
    for other in (torch.zeros(2, 4, 128, 128), torch.zeros(3, 4, 64, 64), OrderedDict()):
        torch.save(other, path)
        with pytest.raises(ValueError, match=r"expected at least 3 patches \(4, 128, 128\), got"):
            Sen2Venus(folder, "train").sample(TILE, RGB)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"b2b3b4b8\.pt is missing"):
        Sen2Venus(folder, "train").sample(TILE, RGB)


def test_bad_index_and_band(folder: Path) -> None:
    with pytest.raises(ValueError, match="got band 'b11', expected one of red"):
        Sen2Venus(folder, "train").sample(TILE, ("b11",))
    index = folder / "ALSACE" / "index.csv"
    index.write_text(index.read_text().replace("nb_patches", "patches"))
    with pytest.raises(ValueError, match=r"index\.csv: got no column nb_patches"):
        _ = Sen2Venus(folder, "train").tiles
