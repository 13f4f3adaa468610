"""Damaged text files end in one line with the file and a remedy, whoever wrote the parser."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from satsr.common.reading_text import parse_json, read_json, read_names, read_text, readable
from satsr.data.reader import Reader
from satsr.data.readers import fmow_pairs, sen2venus
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.s2naip_folder import S2NAIPFolder
from satsr.data.readers.s2naip_v2_dates import naip_days, scene_days
from satsr.data.readers.worldstrat import WorldStrat
from satsr.data.shards.shards import Shards
from satsr.pipeline.compare_results import read_main
from satsr.studies.agreement.votes import read_votes

# What happens to files: cut, empty, another encoding, another kind of JSON, a page saved in their place.
DAMAGE = {
    "empty": b"",
    "cut JSON": b'{"a": [1,',
    "a list": b"[]",
    "a number": b"3",
    "UTF-16": '{"a": "b"}'.encode("utf-16"),
    "Latin-1": b"a,b\n\xe9,1\n",
    "a page": b"<!DOCTYPE html>\n<html>, \"'\n",
    "a NUL": b"a,b\n\0\0\n",
    "deep": b"[" * 100_000,
}


def shards(path: Path) -> Shards:
    (path.parent / "train").mkdir(exist_ok=True)
    path.replace(path.parent / "train" / "facts.json")
    return Shards(path.parent, "train")


def chips(path: Path) -> S2NAIPFolder:
    (path.parent / "naip" / "m_20200101" / "1_2").mkdir(parents=True, exist_ok=True)
    return S2NAIPFolder(path.parent)


def dates(path: Path) -> Any:
    there = path.parent / "sentinel2" / "1_2"
    there.mkdir(parents=True, exist_ok=True)
    path.replace(there / path.name)
    return chips(path).dates("1_2")


def weights(path: Path) -> Any:
    (path.parent / "train_tile_weights").mkdir(exist_ok=True)
    path.replace(path.parent / "train_tile_weights" / path.name)
    return chips(path).weights


def norms(path: Path) -> Any:
    (path.parent / "train" / "NIR" / "imgset0001").mkdir(parents=True, exist_ok=True)
    return ProbaV(path.parent, "train").baseline_cpsnr("imgset0001")


def rgb(path: Path) -> Any:
    there = path.parent / "train" / "airport" / "airport_0"
    there.mkdir(parents=True, exist_ok=True)
    path.replace(there / path.name)
    return fmow_pairs.fmow_rgb_index(path.parent)


PARSERS = {
    "regions.json": lambda path: Reader._regions.func(type("R", (), {"folder": path.parent})()),  # type: ignore[attr-defined]
    "stratified_train_val_test_split.csv": lambda path: WorldStrat(path.parent, "train"),
    "index.csv": sen2venus.read_index,
    "sentinel2.csv": lambda path: scene_days(path, ["1"]),
    "naip.csv": lambda path: naip_days(path, ["1"]),
    "pairs.csv": fmow_pairs.read_pairs,
    "train.csv": lambda path: fmow_pairs.fmow_sentinel_index(path.parent),
    "airport_0_0_rgb.json": rgb,
    "facts.json": shards,
    "captions.json": lambda path: chips(path).caption("1_2"),
    "positions.json": lambda path: chips(path).positions,
    "osm_chips_to_masks.json": lambda path: chips(path).objects("1_2"),
    "weights.json": weights,
    "dates.csv": dates,
    "norm.csv": norms,
    "main.csv": read_main,
    "votes.csv": lambda path: read_votes(path, ["a", "b"]),
}
NOTHING_SAID = {("norm.csv", "empty")}  # such a table is of no place


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named_in_one_line_with_a_remedy(tmp_path: Path, name: str, damage: str) -> None:
    path = tmp_path / name
    path.write_bytes(DAMAGE[damage])
    if (name, damage) in NOTHING_SAID:
        assert not PARSERS[name](path)
        return
    with pytest.raises((ValueError, OSError)) as error:
        PARSERS[name](path)
    text = str(error.value)
    assert name in text
    assert "\n" not in text
    assert ": got " in text
    assert text.rpartition(": ")[2].split()[0] in (
        "download",
        "correct",
        "convert",
        "make",
        "name",
        "collect",
        "delete",
    )


def test_a_folder_in_place_of_a_file_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").mkdir()
    with pytest.raises(IsADirectoryError, match=r"a\.json: got a folder, expected text in UTF-8: mend it"):
        read_json(tmp_path / "a.json", "mend it")
    with pytest.raises(FileNotFoundError, match=r"b\.json is missing: mend it"):
        read_json(tmp_path / "b.json", "mend it")
    assert read_names(tmp_path / "b.json", "") == {}


def test_what_an_editor_puts_first_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": "b"}')
    assert read_names(tmp_path / "a.json", "") == {"a": "b"}
    assert read_text(tmp_path / "a.json", "").startswith("{")


@pytest.mark.parametrize("value", [3, ["r"], None, {"a": 1}, True])
def test_a_region_is_a_text(tmp_path: Path, value: object) -> None:
    (tmp_path / "regions.json").write_text(f'{{"tile": {pd.io.json.ujson_dumps(value)}}}')
    with pytest.raises(ValueError, match=r"regions\.json: got .* for tile, expected a text: mend it"):
        read_names(tmp_path / "regions.json", "mend it")


@pytest.mark.parametrize(
    "error", [KeyError("low"), csv.Error("line contains NUL"), pd.errors.EmptyDataError("No columns\n"), TypeError()]
)
def test_every_library_speaks_in_one_line(error: Exception) -> None:
    said = r"^a\.csv: got what cannot be read \(.+\), expected a table: mend it$"
    with pytest.raises(ValueError, match=said), readable("a.csv", "a table", "mend it"):
        raise error


def test_what_names_the_file_already_stays_and_the_systems_errors_get_its_name() -> None:
    with pytest.raises(ValueError, match=r"^a\.csv, line 2: no$"), readable("a.csv", "a table", "mend it"):
        raise ValueError("a.csv, line 2: no")
    with pytest.raises(OSError, match=r"\[Errno 5\] .*: 'a\.csv'"), readable("a.csv", "a table", "mend it"):
        raise OSError(5, os.strerror(5))


def test_json_of_an_archive_is_named_by_its_member() -> None:
    with pytest.raises(ValueError, match=r"^a/b\.geojson: got \[1\], expected an object: mend it$"):
        parse_json(b"[1]", "a/b.geojson", "mend it")


def test_reading_text_opens_no_heavy_library() -> None:
    code = "import sys, satsr.common.reading_text; sys.exit(bool({'pandas', 'numpy', 'yaml'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
