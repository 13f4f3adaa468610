"""What is written is whole, or was never there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from satsr.common.stray import is_stray
from satsr.common.writing import write_whole


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "scores.csv"
    write_whole(path, "good")
    assert path.read_text() == "good"
    monkeypatch.setattr(Path, "write_text", lambda self, text: os.write(os.open(self, os.O_CREAT | os.O_WRONLY), b"ha"))
    with pytest.raises(OSError, match="was not written as it should be"):
        write_whole(path, "half")
    assert path.read_text() == "good"
    assert [found.name for found in path.parent.iterdir()] == ["scores.csv"]


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
