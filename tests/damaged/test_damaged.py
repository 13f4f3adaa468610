"""Damaged files at every door: one line that a user can follow, nothing half-written, nothing good overwritten.

`SATSR_DAMAGED=100 pytest tests/damaged` tries so many damages at each door, 6 without it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from satsr.cli.app import main
from tests.damaged.damage import EVERY
from tests.damaged.doors import DOORS, Command, Door

CASES = int(os.environ.get("SATSR_DAMAGED", "6"))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["satsr", *map(str, words)])
        capsys.readouterr()
        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), capsys.readouterr().err
        return 0, capsys.readouterr().err

    return run


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def opened(door: Door, given: Path, made: Path, command: Command) -> str:
    """Return what is said of the input; empty where it is taken."""
    try:
        found = door.open(given, made, command)
    except (ValueError, OSError) as error:
        return str(error)
    status, said = found if isinstance(found, tuple) else (0, "")
    if not status:
        return ""
    lines = [line.removeprefix("satsr: ") for line in said.splitlines() if line.startswith("satsr: ")]
    assert len(lines) <= 1, said
    return lines[0] if lines else "findings"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("door", DOORS, ids=[door.name for door in DOORS])
def test_damage_ends_in_one_line_and_costs_nothing(door: Door, tmp_path: Path, command: Command) -> None:
    given, made, before = tmp_path / "given", tmp_path / "made", tmp_path / "before"
    door.make(given)
    made.mkdir()
    assert opened(door, given, made, command) in ("", "findings"), "valid input must be taken"
    shutil.copytree(made, before)
    good = content(given)
    names = [name for name in good if not door.suffixes or name.endswith(door.suffixes)]
    for case in range(CASES):
        rng = np.random.default_rng([case, len(door.name)])
        name, damage = names[int(rng.integers(len(names)))], EVERY[int(rng.integers(len(EVERY)))]
        where = f"case {case}: {damage.__name__} {name}"
        shutil.rmtree(made)
        shutil.copytree(before, made)
        (given / name).write_bytes(damage(good[name], rng))
        try:
            said = opened(door, given, made, command)
        except Exception as error:
            raise AssertionError(f"{where}: {type(error).__name__}: {error}") from error
        finally:
            (given / name).write_bytes(good[name])
        if said:
            assert "\n" not in said.strip(), where
            assert not door.tells or Path(name).name in said or Path(name).stem in said, f"{where}: {said}"
            assert content(made) == content(before), f"{where}: {said}"
        assert not [path for path in content(made) if "partial" in path], where
