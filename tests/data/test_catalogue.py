"""The catalogue: names, readers, and what is said to be on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from satsr.cli.data import register
from satsr.data.catalogue import ENTRIES, data_root, listed, on_disk, reader_class
from satsr.data.reader import Reader
from tests.made import make_worldstrat

app = typer.Typer()
register(app)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_name_leads_to_a_reader_with_facts(name: str) -> None:
    kind = reader_class(name)
    assert issubclass(kind, Reader)
    assert kind.facts.name == name
    assert kind.facts.title
    assert kind.facts.licence


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"got data set 's2', expected one of s2naip, .*mus2, .*shards"):
        reader_class("s2")


def test_every_data_set_can_be_downloaded_or_says_how() -> None:
    for name, entry in ENTRIES.items():
        assert entry.source.remotes or entry.source.by_hand, name


def test_files_of_a_data_set_have_names_of_their_own_and_whole_digests() -> None:
    for entry in ENTRIES.values():
        remotes = entry.source.remotes
        names = [remote.name for remote in remotes if remote.kind == "https"]
        assert len(set(names)) == len(names)
        assert all(remote.at.startswith("https://") for remote in remotes if remote.kind == "https")
        assert all(len(remote.md5) == 32 for remote in remotes if remote.md5)


def test_root_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SATSR_DATA", str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.delenv("SATSR_DATA")
    assert data_root().parts[-2:] == ("data", "published")


def test_what_is_on_disk(tmp_path: Path) -> None:
    assert on_disk(tmp_path / "nowhere") == "nothing"
    assert on_disk(tmp_path) == "nothing"
    (tmp_path / "val_set" / "deep").mkdir(parents=True)
    (tmp_path / "val_set" / "deep" / "a.png").write_bytes(bytes(1500))
    (tmp_path / "b.tar").write_bytes(bytes(500))
    assert on_disk(tmp_path) == "2 kB: b.tar, val_set"


def test_list_has_a_row_per_data_set(tmp_path: Path) -> None:
    (tmp_path / "probav").mkdir()
    (tmp_path / "probav" / "norm.csv").write_text("x\n")
    rows = {row[0]: row for row in listed(tmp_path)}
    assert list(rows) == list(ENTRIES)
    assert rows["probav"][-1] == "2 B: norm.csv"
    assert rows["worldstrat"][2] == "107 GB"
    printed = CliRunner().invoke(app, ["list", "--root", str(tmp_path)])
    assert printed.exit_code == 0
    assert all(name in printed.stdout for name in ENTRIES)


def test_worldstrat_with_l2a_is_listed_checked_and_said_to_come_with_worldstrat(tmp_path: Path) -> None:
    """One download holds both levels, so that the folder of the other name is given."""
    there = make_worldstrat.write(tmp_path / "worldstrat")
    assert {row[0]: row[1] for row in listed(tmp_path)}["worldstrat-l2a"] == "WorldStrat (L2A)"
    checked = CliRunner().invoke(app, ["check", "worldstrat-l2a", "--folder", str(there), "--workers", "0"])
    assert checked.exit_code == 0, checked.output
    assert [" ".join(line.split()) for line in checked.output.splitlines()[1:4]] == [
        "train 2 places",
        "val 1 places",
        "test 1 places",
    ]
    got = CliRunner().invoke(app, ["get", "worldstrat-l2a", "--root", str(tmp_path)])
    assert isinstance(got.exception, ValueError)
    assert "its files come with `satsr data get worldstrat`; name that folder with --folder" in str(got.exception)
