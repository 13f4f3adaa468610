"""The voting page in a real browser: what is pressed is what the votes file says, and nothing comes from elsewhere."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from satsr.studies.voting.server import VotingServer
from tests.browser import browser
from tests.studies.voting.voting_questions import MODEL_OF, TARGET, Color, preferred, rows, voting

pytestmark = pytest.mark.book

SHOWN_COLOR = """
    const image = document.querySelector(`[data-view=${arguments[0]}] img`);
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.drawImage(image, 0, 0);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
"""
PRESS = """
    for (const options of arguments[0]) dispatchEvent(new KeyboardEvent("keydown", options));
    return document.body.dataset.state;
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browser(tmp_path_factory.mktemp("user")) as driver:
        yield driver


class Page:
    """The voting page as its voter sees and uses it."""

    def __init__(self, driver: webdriver.Chrome, server: VotingServer) -> None:
        self.driver, self.server = driver, server
        self.open()

    def open(self) -> None:
        self.driver.get(self.server.url)

    def wait(self, state: str) -> None:
        WebDriverWait(self.driver, 20, 0.02).until(lambda d: self.state == state, f"never {state}, is {self.state}")

    @property
    def state(self) -> str:
        return self.driver.execute_script("return document.body.dataset.state")

    def color(self, view: str) -> Color:
        red, green, blue = self.driver.execute_script(SHOWN_COLOR, view)
        return red, green, blue

    def press(self, key: str) -> None:
        self.driver.find_element(By.TAG_NAME, "body").send_keys(key)

    def click(self, selector: str) -> None:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()

    def text(self, selector: str) -> str:
        return self.driver.find_element(By.CSS_SELECTOR, selector).text

    def answer(self, choice: str, key: str | None = None) -> str | None:
        """Answer by key, or by button without one; return the model on the chosen side, None for neither."""
        self.wait("asking")
        meant = None if choice == "neither" else MODEL_OF[self.color(choice)]
        self.press(key) if key else self.click(f"[data-choice={choice}]")
        return meant


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "votes.csv"


@contextlib.contextmanager
def voting_page(chromium: webdriver.Chrome, out: Path) -> Iterator[Page]:
    """The page in a browser without a past."""
    forget(chromium)
    with voting(out) as server:
        yield Page(chromium, server)
        chromium.get("about:blank")


def forget(driver: webdriver.Chrome) -> None:
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    for log in ("performance", "browser"):
        driver.get_log(log)


def requested(driver: webdriver.Chrome) -> list[str]:
    """Addresses that the page asked for."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


def test_votes_say_what_was_pressed_and_nothing_comes_from_elsewhere(chromium: webdriver.Chrome, out: Path) -> None:
    answers = [("left", "1"), ("right", "2"), ("neither", "0"), ("left", None), ("neither", None), ("right", None)]
    with voting_page(chromium, out) as page:
        meant = []
        for number, (choice, key) in enumerate(answers, 1):
            page.wait("asking")
            assert page.text("#count") == f"{number} of 6"
            assert page.color("target") == TARGET
            meant.append(page.answer(choice, key))
        page.wait("done")
        assert page.text("#thanks h1") == "Thank you"
        assert page.text("#file") == "votes.csv"
        assert [preferred(row) for row in rows(out)] == meant
        addresses = requested(chromium)
        assert len(addresses) >= 3 * 6
        assert [a for a in addresses if not a.startswith(page.server.url)] == []
        assert chromium.get_log("browser") == []  # nor did the security policy stop anything


def test_a_reload_shows_the_same_question_and_goes_on(chromium: webdriver.Chrome, out: Path) -> None:
    with voting_page(chromium, out) as page:
        page.answer("left", "1")
        page.answer("right", "2")
        page.wait("asking")
        before = [page.color(view) for view in ("left", "target", "right")]
        page.open()
        page.wait("asking")
        assert page.text("#count") == "3 of 6"
        assert [page.color(view) for view in ("left", "target", "right")] == before
        for _ in range(4):
            page.answer("neither", "0")
        page.wait("done")
        page.open()
        page.wait("done")
    votes = rows(out)
    assert len({tuple(row[1:4]) for row in votes}) == len(votes) == 6
    assert len({row[0] for row in votes}) == 1


def test_two_presses_at_once_and_a_held_key_count_once(chromium: webdriver.Chrome, out: Path) -> None:
    with voting_page(chromium, out) as page:
        page.wait("asking")
        held = [{"key": "1", "repeat": True}, {"key": "1", "ctrlKey": True}, {"key": "7"}]
        assert chromium.execute_script(PRESS, held) == "asking"
        assert chromium.execute_script(PRESS, [{"key": "1"}, {"key": "1"}, {"key": "2"}]) == "saving"
        page.wait("asking")
        assert page.text("#count") == "2 of 6"
        assert len(rows(out)) == 1


def test_an_answer_outlives_the_server(chromium: webdriver.Chrome, out: Path) -> None:
    forget(chromium)
    with voting(out) as server:
        page = Page(chromium, server)
        page.wait("asking")
    meant = page.answer("right", "2")
    page.wait("trouble")
    assert "does not answer" in page.text("#trouble")
    assert rows(out) == []
    with voting(out, port=server.server_port):
        page.click("#retry")
        page.wait("asking")
        assert [preferred(row) for row in rows(out)] == [meant]
        chromium.get("about:blank")


@pytest.mark.parametrize("size", [(1280, 800), (390, 844), (844, 390), (320, 480)])
def test_it_fits_the_window_with_three_images_of_one_size(
    chromium: webdriver.Chrome, out: Path, size: tuple[int, int]
) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    with voting_page(chromium, out) as page:
        page.wait("asking")
        images = chromium.find_elements(By.TAG_NAME, "img")
        (width, height), *others = [(i.rect["width"], i.rect["height"]) for i in images]
        assert others == [(width, height)] * 2
        assert width == height
        assert width % 8 == 0  # a whole number of screen pixels for each of the 8 pixels
        shown = [*images, *chromium.find_elements(By.CSS_SELECTOR, "h1, [data-choice], #count")]
        for element in (e for e in shown if e.is_displayed()):
            box = element.rect
            assert 0 <= box["x"] <= size[0] - box["width"], element.text
            assert 0 <= box["y"] <= size[1] - box["height"], element.text
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_everything_has_a_name_for_those_who_do_not_see_it(chromium: webdriver.Chrome, out: Path) -> None:
    with voting_page(chromium, out) as page:
        page.answer("left", "1")
        page.wait("asking")
        names = [image.accessible_name for image in chromium.find_elements(By.TAG_NAME, "img")]
        assert names == ["Candidate 1", "Middle image, the target", "Candidate 2"]
        buttons = chromium.find_elements(By.CSS_SELECTOR, "[data-choice]")
        assert [b.accessible_name for b in buttons] == ["1 Left", "0 Cannot tell", "2 Right"]
        assert chromium.find_element(By.ID, "bar").accessible_name == "Questions answered"
