"""What is written is whole, or was never there."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from satsr.common.stray import is_stray
from satsr.common.writing import write_whole
from satsr.data.rasters import north_up, write_geotiff
from satsr.data.shards.index import write_index


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "scores.csv"
    write_whole(path, "good")
    assert path.read_text() == "good"
    monkeypatch.setattr(Path, "write_bytes", lambda self, _: os.write(os.open(self, os.O_CREAT | os.O_WRONLY), b"ha"))
    with pytest.raises(OSError, match="was not written as it should be"):
        write_whole(path, "half")
    assert path.read_text() == "good"
    assert [found.name for found in path.parent.iterdir()] == ["scores.csv"]


@contextmanager
def full_disk(at: int) -> Iterator[None]:
    """Let no file be longer than that, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def raster(path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (1, 64, 64), dtype=np.uint8)
    write_geotiff(path, image, "EPSG:3857", north_up((10.0, 20.0), 2.0))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_whole(path, "a line\n" * 1000),
        lambda path: write_index(path, {"tile": [f"tile {number * 7919}" for number in range(1000)]}),
        raster,
    ],
)
def test_on_a_full_disk_the_old_file_stays_and_the_error_names_it(tmp_path: Path, write: Callable) -> None:
    path = tmp_path / "a.bin"
    path.write_text("good")
    with full_disk(at=500), pytest.raises(OSError, match=r"a\.bin'$") as error:
        write(path)
    assert error.value.errno == errno.EFBIG
    assert path.read_text() == "good"
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]
    write(path)
    assert path.stat().st_size > 500


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/a\.csv'$"):
        write_whole(tmp_path / "file" / "a.csv", "")


def test_a_link_and_a_device_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "there.csv")
    write_whole(tmp_path / "link.csv", "good")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "there.csv").read_text() == "good"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(tmp_path / "pipe", "good")
    assert os.read(reader, 9) == b"good"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("name", "stray"),
    [("a.png", False), ("._a.png", True), (".DS_Store", True), ("__MACOSX/a.png", True), ("x/a.b.png", False)],
)
def test_hidden_files_and_those_of_archives_are_stray(name: str, stray: bool) -> None:
    assert is_stray(Path(name)) == stray
