"""`satsr preview`: the page it writes, and errors in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from satsr.cli.app import app
from tests.cli.test_app import run
from tests.scenes.previews import Parsed, write


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write(tmp_path / "OUT.tif", np.full((3, 40, 60), 1000, np.uint16))


def test_it_writes_the_page_that_is_asked_for(image: Path) -> None:
    page = image.with_suffix(".html")
    result = CliRunner().invoke(app, ["preview", str(image)])
    assert (result.exit_code, result.stdout) == (0, f"wrote {page}\n")
    assert Parsed(page).view["factor"] == 1
    options = [
        "--side",
        "10",
        "--window",
        "0,20,40,40",
        "--stretch",
        "percentile",
        "--overwrite",
        "--output",
        str(page),
    ]
    assert CliRunner().invoke(app, ["preview", str(image), *options, "--before", str(image)]).exit_code == 0
    found = Parsed(page)
    assert (found.view["factor"], found.view["box"]) == (4, [0, 20, 40, 60])
    assert found.layer("input")["box"] == [0, 20, 40, 60]
    assert "percentiles 2 to 98" in found.words


def test_errors_are_one_line(image: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    image.with_suffix(".html").write_text("")
    for options, said in [
        ([], "is there already"),
        (["--output", "a.png"], "got a.png, expected a name that ends in .html"),
        (["--overwrite", "--window", "1,2,3"], "got --window 1,2,3, expected four numbers"),
        (["--overwrite", "--before", "gone.tif"], "gone.tif is missing"),
    ]:
        code, printed = run(monkeypatch, capsys, "preview", image, *options)
        assert code == 1
        assert said in printed
        assert printed.count("\n") == 1
