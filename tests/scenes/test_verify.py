"""Image and record belong together to the last byte, or it is said what differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any

import numpy as np
import pytest

from satsr.scenes.verify import LIMIT, verify
from tests.scenes.blocks import finished, record


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("made") / "OUT.tif")


@pytest.fixture
def image(made: Path, tmp_path: Path) -> Path:
    copy(made.with_suffix(".json"), tmp_path)
    return Path(copy(made, tmp_path))


def failures(path: Path) -> list[str]:
    return [check.said for check in verify(path).checks if not check.passed]


def change(image: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    beside = image.with_suffix(".json")
    item = json.loads(beside.read_text())
    edit(item)
    beside.write_text(json.dumps(item))


def test_what_was_made_together_passes_and_says_what_that_means(image: Path) -> None:
    found = verify(image)
    assert found.passed
    *checks, verdict, limit = found.lines()
    assert len(checks) == 7
    assert all(line.startswith("pass  ") for line in checks)
    assert (verdict, limit) == ("OUT.tif and OUT.json belong together.", LIMIT)
    assert "does not tell who made them" in limit


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.6, 0.999])
def test_one_changed_byte_is_seen(image: Path, share: float) -> None:
    content = bytearray(image.read_bytes())
    content[int(share * len(content))] ^= 1
    image.write_bytes(content)
    found = verify(image)
    assert not found.passed
    assert any(line.startswith("FAIL  the sha256 (multihash): 1220") for line in found.lines())
    assert "OUT.tif and OUT.json do NOT belong together: get both files again" in found.lines()[-2]


def test_a_file_cut_short_is_seen(image: Path) -> None:
    image.write_bytes(image.read_bytes()[:1000])
    said = failures(image)
    assert said[0].startswith("the size in bytes: 1000, and the item says ")
    image.write_bytes(b"")
    assert any("cannot be read" in line for line in failures(image))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda item: item["properties"]["satsr:record"].update(clipped=0.0), "the record inside the image: another"),
        (lambda item: item["properties"]["satsr:record"]["inputs"].pop(), "the record inside the image: another"),
        (lambda item: item["properties"].pop("proj:transform"), "the grid: "),
        (lambda item: item["properties"].update({"proj:epsg": 32634}), "the grid: "),
        (lambda item: item["assets"]["data"]["raster:bands"].pop(), "the bands: "),
        (lambda item: item["properties"].update({"satsr:synthetic": False}), "the statement: "),
        (lambda item: item["assets"]["data"].pop("file:checksum"), "the sha256 (multihash): "),
        (
            lambda item: item["assets"]["data"].update(href="./OTHER.tif"),
            "the name: ./OUT.tif, and the item says ./OTHER",
        ),
    ],
)
def test_a_changed_item_is_seen(image: Path, edit: Callable[[dict[str, Any]], None], said: str) -> None:
    change(image, edit)
    (failure,) = failures(image)
    assert failure.startswith(said)


def test_the_item_of_another_image_is_seen(image: Path, tmp_path: Path) -> None:
    other = finished(tmp_path / "other" / "OUT.tif", record(title="another"))
    copy(other.with_suffix(".json"), image.parent)
    assert {line.split(":")[0] for line in failures(image)} >= {"the sha256 (multihash)", "the record inside the image"}


def test_an_image_without_a_record_inside(image: Path) -> None:
    from satsr.data.rasters import north_up, write_geotiff

    write_geotiff(image, np.zeros((1, 4, 4), np.uint8), "EPSG:32633", north_up((4e5, 5e6), 10))
    assert "the record inside the image: missing" in failures(image)


def test_what_is_missing_is_one_line(image: Path) -> None:
    beside = image.with_suffix(".json")
    beside.unlink()
    with pytest.raises(FileNotFoundError, match=r"OUT\.json is missing: an image and its record come together") as said:
        verify(image)
    assert "\n" not in str(said.value)
    with pytest.raises(FileNotFoundError, match=r"none\.tif is missing"):
        verify(image.parent / "none.tif")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"assets": {"data": {"href": "x"}}, "properties": {"satsr:record": 1}}']
)
def test_what_is_no_item_is_one_line(image: Path, text: str) -> None:
    image.with_suffix(".json").write_text(text)
    with pytest.raises(ValueError, match=r"OUT\.json is no STAC item that satsr wrote \(.+\): get both") as said:
        verify(image)
    assert "\n" not in str(said.value)
