"""Checking a data set: every kind of damage is found and named, and a good one has none."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from satsr.cli.data import register
from satsr.data.catalogue import reader_class
from satsr.data.checks.check import Report, check_folder, read_all
from satsr.data.checks.misnamed import Known
from satsr.data.reader import Facts, Reader, Sample
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.shards.index import TileIndex, write_index
from tests.data.readers.published_chips import UUID, published
from tests.made import make_mus2, make_probav, make_s2naip_old, make_s2naip_v2, make_worldstrat

TRAIN, VAL = "train_urban_set", "val_set"
app = typer.Typer()
register(app)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return published(tmp_path / "s2naip")


def found(folder: Path) -> list[tuple[str, str, str]]:
    return [(f.split, f.tile, f.kind) for f in check_folder("s2naip", folder).findings]


def test_a_good_set_has_no_findings(folder: Path) -> None:
    report = check_folder("s2naip", folder)
    assert report.good
    assert {split: len(places) for split, places in report.places.items()} == {"train": 6, "val": 3, "test": 2}
    assert (folder / "check.txt").read_text() == report.summary() + "\n"
    assert pd.read_csv(folder / "check.csv").empty


def test_what_lies_beside_the_images_is_not_misnamed(folder: Path) -> None:
    tile = "33488_48869"
    for name in (f"old_naip/{tile}.png", f"land_cover/{tile}.png", f"sentinel2/{tile}/b05.png"):
        path = folder / TRAIN / name
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (32, 32), 9).save(path)
    (folder / TRAIN / "sentinel2" / tile / "dates.csv").write_text(
        "frame,date\n" + "".join(f"{n},2020-06-0{n + 1}\n" for n in range(4))
    )
    shutil.copytree(folder / VAL, folder / "small_val_set")
    grid = folder / "test_set" / "sentinel2" / "2000_3000" / "0_0.png"
    grid.parent.mkdir(parents=True)
    Image.new("RGB", (32, 64), (1, 2, 3)).save(grid)
    assert found(folder) == []
    assert found(folder) == []  # its own reports are not misnamed either


def test_missing(folder: Path) -> None:
    (folder / VAL / "sentinel2" / "33589_48869" / "tci.png").unlink()
    assert found(folder) == [("val", "33589_48869", "missing")]


def test_truncated(folder: Path) -> None:
    path = folder / TRAIN / "sentinel2" / "33489_48869" / "tci.png"
    path.write_bytes(path.read_bytes()[:300])
    report = check_folder("s2naip", folder)
    assert [(f.tile, f.kind) for f in report.findings] == [("33489_48869", "unreadable")]
    assert str(path) in report.findings[0].detail


def test_a_zip_of_no_bytes_and_a_wrong_size_are_unreadable(folder: Path) -> None:
    (folder / TRAIN / "sentinel2" / "33489_48869" / "tci.png").write_bytes(b"")
    Image.new("RGB", (33, 64), (1, 2, 3)).save(folder / TRAIN / "sentinel2" / "33490_48869" / "tci.png")
    assert [kind for _, _, kind in found(folder)] == ["unreadable", "unreadable"]


@pytest.mark.parametrize("name", ["sentinel2/33588_48869/tci.png", f"naip/{UUID[:-1]}0/33588_48869/rgb.png"])
def test_black(folder: Path, name: str) -> None:
    with Image.open(folder / VAL / name) as image:
        Image.new("RGB", image.size).save(folder / VAL / name)
    assert found(folder) == [("val", "33588_48869", "black")]


@pytest.mark.parametrize(
    ("right", "wrong", "more"),
    [
        ("sentinel2/33588_48869/tci.png", "sentinel2/33588_48869/tcii.png", [("33588_48869", "missing")]),
        ("sentinel2/33588_48869", "sentinel2/33588-48869", [("33588_48869", "missing")]),
        (f"naip/{UUID[:-1]}1/33589_48869", f"naip/{UUID[:-1]}1/3358948869", []),
    ],
)
def test_misnamed(folder: Path, right: str, wrong: str, more: list[tuple[str, str]]) -> None:
    (folder / VAL / right).rename(folder / VAL / wrong)
    findings = check_folder("s2naip", folder).findings
    assert [(f.tile, f.kind) for f in findings if f.kind != "misnamed"] == more
    misnamed = {f.tile for f in findings if f.kind == "misnamed"}
    assert any(name.startswith(f"{VAL}/{wrong}") for name in misnamed)
    assert {f.split for f in findings} == {"val"}


def test_other_products_of_a_data_set_are_not_misnamed(tmp_path: Path) -> None:
    for number, write_set in enumerate((make_s2naip_v2.write, make_s2naip_v2.write_shards)):
        write_set(tmp_path / str(number))
        assert check_folder("s2naip-v2", tmp_path / str(number)).good


def test_a_file_of_no_place_among_those_of_places_is_misnamed() -> None:
    known = Known([])
    known.add(("train_lr", "scene_20190923_N0071_8.TIF"), ("train", "a"))
    known.add(("train_lr", "scene_20190924_N0072_8.TIF"), ("train", "b"))
    known.finish()
    names = ("scene_20200101_N0001_8.TIF", "scene_20200101_N0001_16.TIF", "readme.txt")
    assert [known.looks_like_one(("train_lr", name), set()) for name in names] == [True, False, False]


def test_a_benchmark_has_one_split(tmp_path: Path) -> None:
    make_mus2.write(tmp_path)
    assert list(check_folder("mus2", tmp_path).places) == ["test"]


def test_duplicates_are_found_across_splits(folder: Path) -> None:
    copy = (("naip", f"{UUID[:-1]}0/33488_48869/rgb.png", f"{UUID[:-1]}0/33688_48869/rgb.png"),)
    copy += (("sentinel2", "33488_48869/tci.png", "33688_48869/tci.png"),)
    for part, source, target in copy:
        shutil.copyfile(folder / TRAIN / part / source, folder / "held_out_set" / part / target)
    findings = check_folder("s2naip", folder).findings
    assert [(f.split, f.tile, f.kind) for f in findings] == [("test", "33688_48869", "duplicate")]
    assert findings[0].detail == "same LR and HR as train 33488_48869"


def test_same_hr_with_other_lr_is_no_duplicate(folder: Path) -> None:
    hr = [folder / TRAIN / "naip" / f"{UUID[:-1]}0" / tile / "rgb.png" for tile in ("33488_48869", "33490_48869")]
    shutil.copyfile(*hr)
    assert found(folder) == []


def test_a_split_that_is_absent_is_said(folder: Path) -> None:
    shutil.rmtree(folder / "held_out_set")
    report = check_folder("s2naip", folder)
    assert report.good
    assert "test  not on disk" in report.summary()


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected naip/"):
        check_folder("s2naip", tmp_path)


def test_index_has_a_row_per_place(folder: Path) -> None:
    path = folder / TRAIN / "sentinel2" / "33489_48869" / "tci.png"
    with Image.open(path) as image:
        stack = np.array(image)
    stack[32, 5] = 0  # one black pixel of frame 1
    Image.fromarray(stack).save(path)
    (folder / TRAIN / "sentinel2" / "33490_48869" / "tci.png").unlink()
    check_folder("s2naip", folder)
    index = pq.read_table(folder / "index.parquet").to_pandas()
    assert list(index.columns) == ["split", "tile", "region", "frames", "good_frames", "unusable"]
    row = index.set_index("tile").loc["33489_48869"]
    assert (row.split, row.region, row.frames, row.good_frames, row.unusable) == ("train", "2093_3054", 4, 3, "")
    assert "is missing" in index.set_index("tile").unusable["33490_48869"]
    train = TileIndex(folder / "index.parquet", "train")
    assert list(train.tiles) == [f"{33488 + n}_48869" for n in range(6)]
    assert train.value("33489_48869", "good_frames") == 3


def test_processes_find_the_same(folder: Path) -> None:
    shutil.rmtree(folder / TRAIN)  # every split starts processes of its own: two are enough
    (folder / VAL / "sentinel2" / "33589_48869" / "tci.png").unlink()
    alone, together = (read_all(S2NAIP, folder, workers) for workers in (0, 2))
    assert [len(places) for places in alone.places.values()] == [3, 2]
    assert alone.places == together.places
    assert alone.findings == together.findings


def test_exit_code_says_whether_something_is_wrong(folder: Path) -> None:
    root = str(folder.parent)
    good = CliRunner().invoke(app, ["check", "s2naip", "--root", root])
    assert (good.exit_code, "11 places read" in good.stdout) == (0, True)
    (folder / VAL / "sentinel2" / "33589_48869" / "tci.png").unlink()
    bad = CliRunner().invoke(app, ["check", "s2naip", "--root", root])
    assert bad.exit_code == 1
    assert "missing    1, such as val 33589_48869" in bad.stdout


class Plain(Reader):
    """A data set of one pixel per place that does not tell its files."""

    facts: ClassVar[Facts] = S2NAIP.facts

    @property
    def tiles(self) -> Sequence[str]:
        return ["a", "b"] if self.split == "train" else []

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        ones = np.ones((1, 1, 1), np.bool_)
        lr, hr = np.full((1, 1, 1, 3), ord(tile), np.uint16), np.full((4, 4, 3), ord(tile), np.uint16)
        unusable = "cloud" if tile == "b" else ""
        return Sample(lr, ones, ones[0, 0], np.zeros(1), hr, np.ones((4, 4), np.bool_), 0.0, 1.0, 1.0, unusable)


def test_a_reader_without_files_is_read_all_the_same(tmp_path: Path) -> None:
    report: Report = read_all(Plain, tmp_path)
    assert [(f.tile, f.kind, f.detail) for f in report.findings] == [("b", "unusable", "cloud")]


# The index


def test_names_are_found_and_sliced(tmp_path: Path) -> None:
    names = [f"{number:04d}" for number in range(0, 10_000, 3)]
    write_index(tmp_path / "index.parquet", {"tile": names, "frames": list(range(len(names)))})
    index = TileIndex(tmp_path / "index.parquet")
    assert list(index.tiles) == names
    assert (index.tiles[-1], list(index.tiles[2:8:3])) == (names[-1], names[2:8:3])
    assert [index.tiles.number(name) for name in names[::500]] == list(range(0, len(names), 500))
    with pytest.raises(KeyError, match="got tile '0001'"):
        index.tiles.number("0001")
    with pytest.raises(IndexError):
        index.tiles[len(names)]


def test_missing_index_says_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="satsr data check"):
        TileIndex(tmp_path / "index.parquet")


# One bad file is a finding, not the end


def test_a_place_with_a_name_of_no_place_is_misnamed_and_the_others_are_read(tmp_path: Path) -> None:
    make_s2naip_old.write(tmp_path / "old")
    chip = sorted((tmp_path / "old").rglob("naip_128/*/tci/*.png"))[0]
    shutil.copy(chip, chip.with_name(f"{chip.stem}_2.png"))  # of a double download
    report = check_folder("s2naip-old", tmp_path / "old")
    assert [(f.kind, f.tile) for f in report.findings] == [("misnamed", f"{chip.stem}_2")]
    assert "rename or remove its files" in report.findings[0].detail
    make_s2naip_v2.write(tmp_path / "v2")
    for file in sorted((tmp_path / "v2").rglob("32613_40_-5000*")):
        shutil.copy(file, file.with_name(file.name.replace("-5000", "-5000_2")))
    assert ("misnamed", "32613_40_-5000_2") in [
        (f.kind, f.tile) for f in check_folder("s2naip-v2", tmp_path / "v2").findings
    ]


@pytest.mark.parametrize("damage", ["cut", "gone", "misnumbered"])
def test_the_first_file_of_a_place_says_nothing_of_other_places(tmp_path: Path, damage: str) -> None:
    """WorldStrat's images are cut to the smallest, so that all first files are looked at for every place."""
    tmp_path.joinpath("w").mkdir()
    make_worldstrat.write(tmp_path / "w")
    split = read_all(reader_class("worldstrat"), tmp_path / "w").places["train"]
    first = sorted((tmp_path / "w" / "lr_dataset" / split[0].tile / "L1C").glob("*-L1C_data.tiff"))
    if damage == "cut":
        first[0].write_bytes(first[0].read_bytes()[:50])
    for path in first if damage == "gone" else ():
        path.unlink()
    if damage == "misnumbered":
        shutil.copy(first[0], first[0].with_name(f"{split[0].tile}-x-L1C_data.tiff"))
    report = check_folder("worldstrat", tmp_path / "w")
    assert {f.tile for f in report.findings} == {split[0].tile}
    assert report.findings[0].kind == ("missing" if damage == "gone" else "unreadable")
    assert str(tmp_path) in report.findings[0].detail


@pytest.mark.parametrize("text", ["", '{"a": ', "[]", "3", '{"imgset0596": 3}', '{"imgset0596": ["r"]}'])
def test_damage_that_every_place_shares_ends_the_check_before_anything_is_written(tmp_path: Path, text: str) -> None:
    folder = tmp_path / "set"
    make_probav.write(folder)
    written = {name: f"earlier {name}" for name in ("check.csv", "check.txt", "index.parquet")}
    for name, earlier in written.items():
        (folder / name).write_text(earlier)
    (folder / "regions.json").write_text(text)
    with pytest.raises(ValueError, match=r"regions\.json: got .*: correct it, or remove it"):
        check_folder("probav", folder, workers=0)
    assert {name: (folder / name).read_text() for name in written} == written
    (folder / "regions.json").unlink()  # the remedy
    check_folder("probav", folder, workers=0)
