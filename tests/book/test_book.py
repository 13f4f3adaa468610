"""The tiny study's book: complete, and nothing outside it is loaded."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from tests.conftest import TinyRun

pytestmark = [pytest.mark.book, pytest.mark.slow]

CHROMIUM = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)


@pytest.fixture(scope="module")
def html(ran: TinyRun) -> Path:
    return ran.project / ".runs" / "tiny" / "book" / "_build" / "html"


class Loads(HTMLParser):
    """Collect what a page loads, and pictures without alt text."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.silent: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        loads = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
        if (address := found.get(loads.get(tag, ""))) and not (
            tag == "link" and "canonical" in (found.get("rel") or "")
        ):
            self.loaded.append(address)
        if tag == "img" and not (found.get("alt") or "").strip():
            self.silent.append(str(found.get("src")))


def pages(html: Path) -> dict[str, Loads]:
    found = {}
    for path in sorted(html.rglob("*.html")):
        if "_static" not in path.parts:
            found[path.name] = Loads()
            found[path.name].feed(path.read_text())
    return found


def test_every_page_of_the_contents_is_there(html: Path, project: Path) -> None:
    contents = yaml.safe_load((project / "book" / "_toc.yml").read_text())
    named = [contents["root"], *(c["file"] for part in contents["parts"] for c in part["chapters"])]
    assert all((html / f"{name}.html").is_file() for name in named)


def test_no_page_loads_anything_from_outside(html: Path) -> None:
    for name, page in pages(html).items():
        assert not [a for a in page.loaded if re.match(r"(https?:)?//", a)], name


def test_every_picture_has_alt_text(html: Path) -> None:
    for name, page in pages(html).items():
        assert not page.silent, name


def test_the_table_page_shows_intervals_and_its_profile(html: Path) -> None:
    page = (html / "notebooks" / "32_main_table.html").read_text()
    assert "not available" in page
    assert all(f">{method}<" in page for method in ("srcnn", "highresnet", "esrgan", "sr3"))
    assert re.search(r"\d+\.\d\d(?:&nbsp;|\xa0)\[", page), "a number and its interval, on one line"


def test_the_provenance_page_names_commit_lock_and_times(html: Path) -> None:
    page = (html / "pages" / "provenance.html").read_text()
    for word in ("git commit", "lock digest", "wall time", "processor", "sha256", "tiny"):
        assert word in page


def asked_for(page: str, folder: Path) -> set[str]:
    """Return the addresses that a fresh browser asks for while it shows a page, which it leaves as a picture."""
    folder.mkdir()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder / 'user'}"]
    flags += [f"--log-net-log={folder / 'net.json'}", f"--screenshot={folder / 'page.png'}"]
    command = [str(CHROMIUM), *flags, "--virtual-time-budget=4000", page]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return set(re.findall(r'"url":"(https?://[^/"]+)', (folder / "net.json").read_text()))


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: .ci/run installs one")
@pytest.mark.parametrize("page", ["pages/index", "notebooks/32_main_table", "notebooks/33_outputs"])
def test_a_browser_asks_for_nothing_outside(html: Path, tmp_path: Path, page: str) -> None:
    """Beyond what it asks for by itself while it shows an empty page."""
    by_itself = asked_for("about:blank", tmp_path / "blank")
    assert not asked_for((html / f"{page}.html").as_uri(), tmp_path / "page") - by_itself
    assert (tmp_path / "page" / "page.png").stat().st_size > 10_000
