"""The page of findings: every script has a whole head, and a broken one stops the build with its name."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from satsr.book.findings_page import PARTS, findings, head_of, peers
from tests.conftest import ROOT

HEAD = """#!/usr/bin/env bash
# A title that goes on
# in a second line.
#
# With: something 1.0
# Expected: this: and that
# Found: another thing, and
# more of it
# Matters: because of `x`
set -euo pipefail
# Matters: no part of the head
"""


def test_a_head_is_a_title_and_four_parts(tmp_path: Path) -> None:
    script = tmp_path / "one.sh"
    script.write_text(HEAD)
    assert head_of(script) == {
        "title": "A title that goes on in a second line.",
        "With": "something 1.0",
        "Expected": "this: and that",
        "Found": "another thing, and more of it",
        "Matters": "because of `x`",
    }


@pytest.mark.parametrize("part", PARTS)
def test_a_head_that_lacks_a_part_or_has_it_twice_is_refused_by_name(tmp_path: Path, part: str) -> None:
    script = tmp_path / "findings" / "one.sh"
    script.parent.mkdir()
    script.write_text(re.sub(rf"# {part}: ", "# ", HEAD))
    with pytest.raises(ValueError, match=rf"one\.sh: its head has no {part}, expected a title"):
        findings(tmp_path)
    script.write_text(re.sub(rf"(# {part}: .*\n)", r"\1\1", HEAD, count=1))
    with pytest.raises(ValueError, match=rf"one\.sh: its head has {part} twice"):
        findings(tmp_path)


def test_the_page_shows_every_script_and_all_its_parts() -> None:
    page = findings(ROOT)
    scripts = sorted((ROOT / "findings").glob("*.sh"))
    assert [line for line in page.splitlines() if line.startswith("- **try it**")] == [
        f"- **try it**: `bash findings/{script.name}`" for script in scripts
    ]
    for script in scripts:
        assert all(text.removesuffix(".") in page for text in head_of(script).values())


def test_every_script_stops_at_the_first_thing_that_fails() -> None:
    for script in (ROOT / "findings").glob("*.sh"):
        assert script.stat().st_mode & 0o100, f"{script.name} cannot be started"
        assert "\nset -euo pipefail\n" in script.read_text(), script.name


def test_what_is_published_of_other_systems_has_its_source() -> None:
    table = pd.read_csv(ROOT / "book" / "published" / "peers.csv", keep_default_na=False)
    assert (table.map(str.strip) != "").all(axis=None)
    page = peers(ROOT)
    for cell in (*table.system, *table.source):
        assert cell in page
