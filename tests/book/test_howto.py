"""The how-tos: every block of code on their pages runs, in order, in an empty folder."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from satsr.cli.app import app
from satsr.models.methods import METHODS
from satsr.models.superresolver import NETWORKS
from tests.conftest import ROOT

PAGES = sorted((ROOT / "book" / "pages").glob("howto_*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def same_methods() -> Iterator[None]:
    """The methods as they were, after a page that adds one."""
    tables: tuple[dict[str, object], ...] = (METHODS, NETWORKS)  # type: ignore[assignment]
    before = [dict(table) for table in tables]
    yield
    for table, own in zip(tables, before, strict=True):
        table.clear()
        table.update(own)


@pytest.mark.usefixtures("same_methods")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_how_to_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(page.read_text())
    assert {kind for kind, _ in blocks} <= {"python", "bash"}
    assert len(blocks) >= 3
    names: dict[str, object] = {"__name__": page.stem}
    for number, (kind, code) in enumerate(blocks):
        if kind == "python":
            exec(compile(code, f"{page.name}, block {number}", "exec"), names)
        else:
            run_commands(code)


def run_commands(code: str) -> None:
    """Run lines of a shell that are commands of this package."""
    for line in code.replace("\\\n", "").splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "satsr"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, f"{line}: {result.output} {result.exception}"
