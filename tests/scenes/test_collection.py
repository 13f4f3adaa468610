"""A folder of many images holds the same pixels as one file, is valid STAC, and what was changed in it is seen."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import pytest
import rasterio
from rio_cogeo import cog_validate

from satsr.scenes import collection
from satsr.scenes.collection import finish_collection, verify_collection
from satsr.scenes.verify import verify
from tests.scenes.blocks import BANDS, PLACE, fill, filled, opened, record, scene
from tests.scenes.test_record import offline

MEMBERS = [f"OUT_{row}_{column}" for row in (0, 512) for column in (0, 512, 1024)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with filled(tmp_path_factory.mktemp("made") / "OUT") as blocks:
        return finish_collection(blocks, record())


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "OUT"))


def test_it_holds_what_it_should_and_nothing_else(made: Path) -> None:
    expected = {"collection.json", "mosaic.vrt", *(f"{name}{end}" for name in MEMBERS for end in (".tif", ".json"))}
    assert {path.name for path in made.iterdir()} == expected
    assert list(made.parent.iterdir()) == [made]


def test_the_mosaic_shows_the_pixels_in_their_place(made: Path) -> None:
    image, shown = scene()
    with rasterio.open(made / "mosaic.vrt") as file:
        np.testing.assert_array_equal(file.dataset_mask() > 0, shown)
        np.testing.assert_array_equal(file.read(), np.where(shown, image, 0))
        assert (tuple(file.transform), file.crs.to_epsg()) == (tuple(PLACE), 32633)
        assert file.descriptions == tuple(band.name for band in BANDS)
        assert json.loads(file.tags()["SATSR_RECORD"]) == record().facts()


def test_each_image_is_a_cog_in_its_place(made: Path) -> None:
    image, shown = scene()
    for name in MEMBERS:
        assert cog_validate(made / f"{name}.tif", strict=True, quiet=True) == (True, [], [])
        assert verify(made / f"{name}.tif").passed
        row, column = map(int, name.split("_")[1:])
        with rasterio.open(made / f"{name}.tif") as file:
            part = slice(row, row + file.height), slice(column, column + file.width)
            np.testing.assert_array_equal(file.read(), np.where(shown, image, 0)[:, *part])
            assert file.transform @ (0, 0) == pytest.approx(PLACE @ (column, row), abs=1e-6)


def test_pystac_finds_it_valid_and_all_its_items(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = pystac.Collection.from_file(str(made / "collection.json"))
    items = list(read.get_items())
    assert sorted(item.id for item in items) == sorted(MEMBERS)
    assert {item.collection_id for item in items} == {"OUT"}
    assert all(item.get_collection() is read for item in items)
    west, south, east, north = read.extent.spatial.bboxes[0]
    boxes = np.array([item.bbox for item in items])
    np.testing.assert_allclose(
        [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)], [west, south, east, north], atol=1e-6
    )
    ((first, last),) = read.extent.temporal.intervals
    assert first is not None
    assert last is not None
    assert (first.isoformat(), last.isoformat()) == ("2020-06-01T00:00:00+00:00", "2020-06-06T23:59:59+00:00")
    monkeypatch.setattr(pystac.StacIO, "default", lambda: pytest.fail("a schema was fetched"))
    for path in made.glob("*.json"):
        pystac.validation.validate_dict(json.loads(path.read_text()), validator=offline())


def test_no_path_of_this_machine_is_told(made: Path) -> None:
    assert all(str(made.parent) not in path.read_text() for path in (*made.glob("*.json"), made / "mosaic.vrt"))


def failures(folder: Path) -> list[str]:
    return [check.said for check in verify_collection(folder).checks if not check.passed]


def test_what_was_made_together_passes(folder: Path) -> None:
    found = verify_collection(folder)
    assert found.passed
    assert found.lines()[0] == "pass  6 images with their records, and the mosaic"
    assert found.lines()[1] == "The images of OUT and their records belong together."


def _one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: _one_byte(folder / "OUT_0_512.tif"), "OUT_0_512.tif: the sha256"),
        (lambda folder: (folder / "OUT_512_0.tif").unlink(), "OUT_512_0.tif is missing"),
        (lambda folder: (folder / "OUT_512_0.json").unlink(), "OUT_512_0.json: missing"),
        (lambda folder: (folder / "mosaic.vrt").write_text("<VRTDataset/>"), "mosaic.vrt: another file"),
        (lambda folder: shutil.copy(folder / "OUT_0_0.tif", folder / "OUT_9_9.tif"), "OUT_9_9.tif: not in the coll"),
        (
            lambda folder: os.replace(folder / "OUT_0_0.json", folder / "OUT_0_512.json"),
            "OUT_0_512.json: another file than the collection says",
        ),
    ],
)
def test_what_was_changed_is_seen(folder: Path, change: Callable[[Path], Any], said: str) -> None:
    change(folder)
    assert any(said in line for line in failures(folder))
    assert verify_collection(folder).lines()[0].startswith("FAIL")


def test_what_is_no_collection_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"collection\.json is missing: expected a folder that satsr"):
        verify_collection(tmp_path)
    (folder / "collection.json").write_text("{}")
    with pytest.raises(ValueError, match=r"is no STAC collection that satsr wrote \(KeyError: 'links'\): get both"):
        verify_collection(folder)


class _Stopped(Exception):
    pass


def test_a_try_that_was_stopped_goes_on(tmp_path: Path, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, tried = collection._finish_member, []

    def second_fails(*arguments: Any) -> Path:
        tried.append(arguments)
        if len(tried) == 3:
            raise _Stopped
        return usual(*arguments)

    monkeypatch.setattr(collection, "_finish_member", second_fails)
    with filled(tmp_path / "OUT") as blocks, pytest.raises(_Stopped):
        finish_collection(blocks, record())
    assert not (tmp_path / "OUT").exists()
    finished = {path.name: path.stat().st_ino for path in (tmp_path / ".OUT.partial" / "OUT").glob("*.tif")}
    assert finished
    monkeypatch.setattr(collection, "_finish_member", usual)
    with opened(tmp_path / "OUT") as blocks:
        finish_collection(blocks, record())
    assert {name: (tmp_path / "OUT" / name).stat().st_ino for name in finished} == finished
    for path in made.iterdir():
        assert (tmp_path / "OUT" / path.name).read_bytes() == path.read_bytes()


def test_what_is_there_is_replaced_only_when_it_is_one_of_ours(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="OUT is there already: give another name, or replace it"):
        opened(folder)
    (folder / "old").write_text("")
    with filled(folder, overwrite=True) as blocks:
        finish_collection(blocks, record())
    assert not (folder / "old").exists()
    assert verify_collection(folder).passed
    mine = tmp_path / "mine"
    mine.mkdir()
    with pytest.raises(FileExistsError, match=r"mine is there and holds no collection\.json: give another name"):
        opened(mine, overwrite=True)


def test_blocks_that_are_missing(tmp_path: Path) -> None:
    with opened(tmp_path / "OUT") as blocks:
        fill(blocks, 2)
        with pytest.raises(ValueError, match=r"4 of 6 blocks of .*OUT are missing"):
            finish_collection(blocks, record())
