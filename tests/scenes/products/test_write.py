"""A series of products as files, and the command that makes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from satsr.scenes.products import series
from satsr.scenes.products.write import write_series
from tests.cli.test_app import run
from tests.made.make_safe import Made, write

DAYS = ("20200611", "20200601")


def products(folder: Path) -> list[Path]:
    return [write(folder, Made(day=day, seed=seed)) for seed, day in enumerate(DAYS)]


def test_files_hold_the_series(tmp_path: Path) -> None:
    found = series(products(tmp_path))
    paths = write_series(found, tmp_path / "out")
    assert [p.name for p in paths] == ["2020-06-01.tif", "2020-06-11.tif"]
    for number, path in enumerate(paths):
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(np.moveaxis(file.read(), 0, -1), found.images[number])
            np.testing.assert_array_equal(file.dataset_mask() > 0, found.valid[number])
            assert (file.transform, file.crs) == (found.transform, found.crs)
            assert file.descriptions == ("red", "green", "blue")
    assert not list((tmp_path / "out").glob("*.partial"))


def test_the_command_writes_the_best_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [*products(tmp_path), "--output", tmp_path / "out", "--window", "0,0,32,64", "--dates", "1"]
    assert run(monkeypatch, capsys, "data", "sentinel2", *given, "--wanted", "2020-06-02") == (0, "")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["2020-06-01.tif"]
    with rasterio.open(tmp_path / "out" / "2020-06-01.tif") as file:
        assert (file.height, file.width) == (32, 64)


def test_a_set_of_files_arrives_as_one(tmp_path: Path) -> None:
    out = tmp_path / "out"
    both, one = series(products(tmp_path)), series(products(tmp_path)[:1])
    write_series(both, out)
    (out / "dem.tif").write_bytes(b"mine")
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(FileExistsError, match=r"already holds 2020-06-01\.tif of an earlier run, .*--overwrite"):
        write_series(one, out)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    write_series(both, out)  # the same dates again
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before
    assert [p.name for p in write_series(one, out, overwrite=True)] == ["2020-06-11.tif"]
    assert sorted(p.name for p in out.iterdir()) == ["2020-06-11.tif", "dem.tif"]


def test_nothing_is_lost_when_one_file_of_a_set_cannot_be_written(tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = series(products(tmp_path))
    write_series(found, out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    broken = replace(found, images=found.images[:1])  # the second date is missing
    with pytest.raises(IndexError):
        write_series(broken, out, overwrite=True)
    assert {p.name: p.read_bytes() for p in out.iterdir()} == before


def test_older_files_are_named_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [*products(tmp_path), "--output", tmp_path / "out"]
    assert run(monkeypatch, capsys, "data", "sentinel2", *given)[0] == 0
    code, printed = run(monkeypatch, capsys, "data", "sentinel2", *given, "--dates", "1")
    assert (code, printed.count("\n")) == (1, 1)
    assert "already holds 2020-06-01.tif" in printed
    assert run(monkeypatch, capsys, "data", "sentinel2", *given, "--dates", "1", "--overwrite")[0] == 0
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["2020-06-11.tif"]


@pytest.mark.parametrize("window", ["nan,0,1,1", "0,inf,1,1", "1.9,0,3,3"])
def test_a_window_of_other_than_whole_numbers_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], window: str
) -> None:
    given = [tmp_path, "--output", tmp_path, "--window", window]
    code, printed = run(monkeypatch, capsys, "data", "sentinel2", *given)
    assert code == 1
    assert printed.startswith(f"satsr: got --window {window}, expected four whole numbers")
    assert printed.count("\n") == 1


def test_a_window_of_three_numbers_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed = run(monkeypatch, capsys, "data", "sentinel2", tmp_path, "--output", tmp_path, "--window", "0,0,32")
    assert code == 1
    assert printed.strip() == "satsr: got --window 0,0,32, expected four numbers with commas between them"


def test_files_that_no_run_wrote_are_neither_replaced_nor_removed(tmp_path: Path) -> None:
    found = series([write(tmp_path / "a", Made(bands=("B02", "B03", "B04")))])
    out = tmp_path / "out"
    out.mkdir()
    mine = write_series(found, tmp_path / "other")[0]
    with rasterio.open(mine) as file:
        profile, values = file.profile, file.read()
    for name in ("2019-01-01.tif", mine.name):
        with rasterio.open(out / name, "w", **profile) as file:
            file.write(values)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(FileExistsError, match=rf"{mine.name} is there, and no earlier run wrote it"):
        write_series(found, out, overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (out / mine.name).unlink()
    write_series(found, out, overwrite=True)
    assert sorted(path.name for path in out.iterdir()) == ["2019-01-01.tif", mine.name]
