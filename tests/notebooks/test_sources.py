"""The committed notebooks: canonical, without outputs, with the fixed skeleton."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from satsr.pipeline.execute import clean
from satsr.pipeline.notebook_source import declared_parameters
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_source_is_canonical(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    assert not clean(copy), f"{path.name} is not in canonical form: make clean-notebooks"


def test_opens_with_a_claim_an_answer_and_ends_with_how_to_rerun(path: Path) -> None:
    prose = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]
    assert prose[0].startswith("# ")
    assert "**Answer.**" in prose[0]
    assert "## Setting" in "\n".join(prose)
    assert "## How to rerun" in prose[-1]


def test_defaults_are_the_sketch(path: Path) -> None:
    assert "profile" in declared_parameters(path)
    (cell,) = [c for c in nbformat.read(path, as_version=4).cells if "parameters" in c.metadata.get("tags", [])]
    assert 'profile = "sketch"' in cell.source


def test_every_figure_has_a_caption_and_alt_text(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and re.search(r"figures\.(picture|map_grid|training_curves|\w+_plot)", cell.source):
            shown = cell.metadata["mystnb"]
            assert shown["figure"]["caption"]
            assert shown["image"]["alt"]
