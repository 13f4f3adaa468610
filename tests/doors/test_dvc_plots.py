"""DVC's own doors: only scalars are metrics, and plots are drawn in a browser without a network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from satsr.pipeline.stages import read_stages
from tests.browser import browser
from tests.conftest import ROOT


def dvc(project: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def page(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `dvc plots show` writes of the committed results."""
    folder = tmp_path_factory.mktemp("plots")
    dvc(project, "plots", "show", "-o", str(folder))
    return folder / "index.html"


def test_plots_are_of_tables_that_are_there(project: Path, page: Path) -> None:
    tables = [path.relative_to(project).as_posix() for path in (project / "results" / "default").rglob("*.csv")]
    drawn = re.findall(r'<div id = "(\w+)"', page.read_text())
    assert len(drawn) == len(set(drawn)) >= 11  # four tables and seven trainings
    assert set(drawn) <= {re.sub(r"\W", "_", name) for name in tables}


def test_metrics_are_numbers(project: Path) -> None:
    files = json.loads(dvc(project, "metrics", "show", "--json"))[""]["data"]
    values = [value for file in files.values() for of_method in file["data"].values() for value in of_method.values()]
    assert values
    assert all(isinstance(value, float) for value in values)


def test_no_stage_plots_what_is_no_curve() -> None:
    """Tables whose lines are not one curve would be drawn as one."""
    plots = [each for stage in read_stages(ROOT).values() for each in stage.text.get("plots", [])]
    assert plots
    assert all({"x", "y"} <= set(next(iter(each.values()))) for each in plots)


def test_a_browser_draws_every_plot_and_asks_for_nothing(page: Path, tmp_path: Path) -> None:
    with browser(tmp_path / "user") as driver:
        driver.get(page.as_uri())
        count = page.read_text().count("vegaEmbed('#")
        drawn = "return document.querySelectorAll('.vega-embed canvas, .vega-embed svg.marks').length"
        WebDriverWait(driver, 60, 0.2).until(lambda d: d.execute_script(drawn) == count, "not all are drawn")
        assert [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"] == []
        asked = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
        urls = [e["params"]["request"]["url"] for e in asked if e["method"] == "Network.requestWillBeSent"]
        assert page.as_uri() in urls
        assert [url for url in urls if url.startswith("http")] == []
