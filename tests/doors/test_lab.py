"""JupyterLab as `make lab` starts it: two notebooks are run and saved in a real browser, and nothing has changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from tornado.web import HTTPError

from satsr.pipeline.lab import keep_source
from tests.browser import browser
from tests.conftest import ROOT

QUICK = ("10_data.ipynb", "23_counter.ipynb")  # the second finds what the first has made
PATIENCE_S = 240.0
RUN_ALL = ".lm-Menu-item[data-command='runmenu:run-all']"
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden) "  # one that was opened earlier stays open behind it
PROMPTS = f"return [...document.querySelectorAll('{SHOWN} .jp-CodeCell .jp-InputPrompt')].map(p => p.textContent)"
OUTPUTS = SHOWN + ".jp-OutputArea-output:is(.jp-RenderedImage, .jp-RenderedHTMLCommon)"
STDERR = SHOWN + ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']"
ERRORS = SHOWN + ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"


@contextlib.contextmanager
def lab(project: Path, private: Path) -> Iterator[str]:
    """Run `make lab` in a clone, without the part that installs; give its first address, with the token."""
    own = {"HOME": str(private), "JUPYTER_RUNTIME_DIR": str(private / "runtime"), "BROWSER": "true"}
    environment = {**os.environ, **own, "PYTHONPATH": str(project)}
    command = ["make", "-o", "setup", "lab", f"BIN={Path(sys.executable).parent}"]
    log = private / "lab.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            command, cwd=project, env=environment, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        ) as server,
    ):
        try:
            yield until(lambda: address(private / "runtime"), f"no server: {log.read_text()}")
        finally:
            os.killpg(server.pid, signal.SIGTERM)


def address(runtime: Path) -> str:
    """Return the address that a server has noted, empty while there is none."""
    noted = next(iter(runtime.glob("jpserver-*.json")), None)
    found = json.loads(noted.read_text() or "{}") if noted else {}
    return f"{found['url']}lab/tree/notebooks/{{}}?token={found['token']}" if found else ""


def until(condition: Callable[[], Any], otherwise: str) -> Any:
    """Wait until something is true and return it."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, otherwise
        time.sleep(0.1)
    return found


def open_and_run(driver: webdriver.Chrome, page: str) -> None:
    """Open a notebook and choose Run > Run All Cells, as a reader does; return when all have run."""
    driver.get(page)
    wait = WebDriverWait(driver, PATIENCE_S, 0.2)
    wait.until(lambda d: "| Idle" in d.find_element(By.ID, "jp-main-statusbar").text, "no kernel")
    wait.until(lambda d: d.find_elements(By.CSS_SELECTOR, SHOWN + ".jp-CodeCell"), "no cells")
    assert not driver.find_elements(By.CSS_SELECTOR, "dialog, .jp-Dialog, .Toastify__toast")  # nothing is asked
    choose_run_all(driver)
    wait.until(ended, f"not all have run in {page}")
    assert not [e.text for e in driver.find_elements(By.CSS_SELECTOR, ERRORS)]


def choose_run_all(driver: webdriver.Chrome) -> None:
    """Choose Run > Run All Cells, again while the page is too busy to hear it."""
    quick = WebDriverWait(driver, 20.0, 0.2)
    for _ in range(3):
        with contextlib.suppress(WebDriverException):
            next(e for e in driver.find_elements(By.CSS_SELECTOR, ".lm-MenuBar-item") if e.text == "Run").click()
            quick.until(lambda d: d.find_element(By.CSS_SELECTOR, RUN_ALL)).click()
            quick.until(lambda d: any(prompt.strip("[]: ") for prompt in d.execute_script(PROMPTS)))
            return
    raise TimeoutException("no cell began to run")


def ended(driver: webdriver.Chrome) -> bool:
    """Say whether all cells have run, or one has failed."""
    prompts = driver.execute_script(PROMPTS)
    return all(p.strip("[]: ").isdecimal() for p in prompts) or bool(driver.find_elements(By.CSS_SELECTOR, ERRORS))


def save(driver: webdriver.Chrome, notebook: Path) -> None:
    """Press Ctrl+S and wait until the file has been written, and Jupyter's copy of what it was is gone."""
    before, copy = notebook.stat().st_mtime_ns, notebook.with_name(f".~{notebook.name}")
    driver.find_element(By.TAG_NAME, "body").send_keys(Keys.CONTROL, "s")
    until(lambda: notebook.stat().st_mtime_ns != before and not copy.exists(), "never saved")


def said(project: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(project)}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
@pytest.mark.xfail(
    raises=TimeoutException, strict=False, reason="one run in four never ends on a busy machine; the cause is not found"
)
def test_a_run_and_saved_notebook_is_no_change(project: Path, tmp_path: Path) -> None:
    status = (sys.executable, "-m", "dvc", "status")
    with browser(tmp_path / "user", (1400, 1000)) as driver, lab(project, tmp_path) as page:
        before, seen = said(project, *status), said(project, "git", "status", "--porcelain")
        for name in QUICK:
            open_and_run(driver, page.format(name))
            # a cell's number comes before its last output is drawn
            shown = WebDriverWait(driver, PATIENCE_S, 0.2)
            shown.until(lambda d: d.find_elements(By.CSS_SELECTOR, OUTPUTS), f"no table or picture in {name}")
            progress = [line for e in driver.find_elements(By.CSS_SELECTOR, STDERR) for line in e.text.splitlines()]
            assert all(" s left" in line for line in progress), progress  # and no package's warnings
            save(driver, project / "notebooks" / name)
        assert said(project, "git", "status", "--porcelain") == seen  # other tests leave profiles in this clone
        assert said(project, *status) == before


@pytest.fixture(scope="module")
def with_outputs() -> Any:
    """A notebook of the study as Lab would save it after a run."""
    notebook = nbformat.read(ROOT / "notebooks" / QUICK[0], as_version=4)
    notebook.metadata["language_info"] = {"name": "python"}
    for number, cell in enumerate(notebook.cells):
        cell.metadata["trusted"] = True
        if cell.cell_type == "code":
            cell.execution_count = number + 1
            cell.outputs = [nbformat.v4.new_output("stream", text="a result\n")]
    return notebook


@pytest.fixture
def contents(tmp_path: Path) -> LargeFileManager:
    """What Lab saves with, in a project that has a notebook, a result and room for one's own."""
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).touch()
    for folder in ("notebooks", "book/executed/default", "scratch"):
        (tmp_path / folder).mkdir(parents=True)
    manager = LargeFileManager(root_dir=str(tmp_path))
    manager.register_pre_save_hook(keep_source)
    return manager


def saved(contents: LargeFileManager, path: str, notebook: Any) -> Path:
    contents.save({"type": "notebook", "format": "json", "content": json.loads(json.dumps(notebook))}, path)
    return Path(contents.root_dir) / path


def test_a_notebook_of_the_study_is_saved_as_it_is_in_git(contents: LargeFileManager, with_outputs: Any) -> None:
    path = saved(contents, f"notebooks/{QUICK[0]}", with_outputs)
    assert path.read_bytes() == (ROOT / "notebooks" / QUICK[0]).read_bytes()


def test_an_edit_is_saved(contents: LargeFileManager, with_outputs: Any) -> None:
    edited = json.loads(json.dumps(with_outputs))
    edited["cells"][2]["source"] = 'profile = "sketch"  # edited'
    found = nbformat.read(saved(contents, f"notebooks/{QUICK[0]}", edited), as_version=4)
    assert found.cells[2].source == 'profile = "sketch"  # edited'


def test_ones_own_notebook_keeps_its_outputs(contents: LargeFileManager, with_outputs: Any) -> None:
    found = nbformat.read(saved(contents, "scratch/mine.ipynb", with_outputs), as_version=4)
    assert next(c.outputs for c in found.cells if c.cell_type == "code")[0].text == "a result\n"


def test_a_result_is_not_written_over(contents: LargeFileManager, with_outputs: Any) -> None:
    result = Path(contents.root_dir) / "book" / "executed" / "default" / "10_data.ipynb"
    result.write_text("as it was")
    with pytest.raises(HTTPError, match="result of the study"):
        saved(contents, "book/executed/default/10_data.ipynb", with_outputs)
    assert result.read_text() == "as it was"
