"""The map page in a real browser: it asks for nothing, the line divides input and output, and places are right."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from rasterio.warp import transform
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from satsr.scenes.preview import preview
from satsr.scenes.record import SYNTHETIC
from tests.browser import browser
from tests.scenes.previews import PLACE, RGB, coarser, write
from tests.scenes.test_preview import evil_image

pytestmark = pytest.mark.book

SIDE = 240
RED, BLUE = (255, 0, 0), (0, 0, 255)
WIDE, PHONE = (1200, 800), (390, 800)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browser(tmp_path_factory.mktemp("user")) as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output is red, with a corner of no data; the input is blue."""
    folder = tmp_path_factory.mktemp("page")
    image = np.ones((4, SIDE, SIDE), np.uint16)
    image[0], image[3] = 3000, 2
    image[:, :40, -40:] = 0
    write(folder / "OUT.tif", image, (*RGB, "clear dates"), scales=[1e-4] * 3 + [1])
    kept = np.ones((3, SIDE // 4, SIDE // 4), np.uint16)
    kept[2] = 3000
    write(folder / "OUT.input.tif", kept, place=coarser(4))
    return preview(folder / "OUT.tif")


class Shown:
    """A page as its reader sees and uses it."""

    def __init__(
        self, driver: webdriver.Chrome, page: Path, size: tuple[int, int] = WIDE, scheme: str = "light"
    ) -> None:
        self.driver, self.size = driver, size
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},  # so that nothing has to be waited for
        ]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        driver.get("about:blank")
        for log in ("performance", "browser"):
            driver.get_log(log)
        driver.get(page.as_uri())
        WebDriverWait(driver, 20, 0.02).until(
            lambda d: d.execute_script("return document.body.dataset.state") == "ready"
        )

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    @property
    def slider(self) -> WebElement:
        return self.find("#slider")

    def screen(self) -> NDArray[np.uint8]:
        return np.asarray(Image.open(io.BytesIO(self.driver.get_screenshot_as_png())).convert("RGB"))

    def share(self, colour: tuple[int, int, int]) -> float:
        """Return which share of the image's area on the screen has a colour."""
        screen = self.screen()
        area = screen.reshape(-1, 3)
        both = sum((area == one).all(axis=-1).sum() for one in (RED, BLUE))
        return float((area == colour).all(axis=-1).sum() / max(both, 1))

    def divides_at_the_line(self) -> bool:
        """Whether all that is blue lies left of the slider, and all that is red right of it."""
        box, screen = self.slider.rect, self.screen()
        middle = box["x"] + box["width"] / 2
        blue, red = ((screen == colour).all(axis=-1).any(axis=0).nonzero()[0] for colour in (BLUE, RED))
        return len(blue) > 0 and len(red) > 0 and blue.max() < middle < red.min()

    def requested(self) -> list[str]:
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@pytest.fixture
def shown(driver: webdriver.Chrome, page: Path) -> Shown:
    return Shown(driver, page)


def test_it_asks_for_nothing_and_nothing_goes_wrong(driver: webdriver.Chrome, page: Path) -> None:
    shown = Shown(driver, page)
    shown.find("[data-layer=extra0]").click()
    assert [a for a in shown.requested() if not a.startswith("data:")] == [page.as_uri()]
    assert driver.get_log("browser") == []  # nor did the page's policy stop anything
    assert [box.get_attribute("data-layer") for box in driver.find_elements(By.CSS_SELECTOR, "[data-layer]")] == [
        "output", "input", "extra0", "nodata",
    ]  # fmt: skip
    assert len(driver.find_elements(By.CSS_SELECTOR, "img.leaflet-image-layer")) == 4


def test_keys_move_the_line(shown: Shown) -> None:
    assert shown.share(BLUE) == pytest.approx(0.5, abs=0.05)
    assert shown.divides_at_the_line()
    assert shown.slider.accessible_name == "Line between the input, on its left, and the output, on its right"
    for keys, share in [(Keys.END, 1), (Keys.PAGE_DOWN, None), (Keys.HOME, 0), (Keys.ARROW_RIGHT * 25, 0.5)]:
        shown.slider.send_keys(keys)
        if share is None:
            assert shown.slider.get_attribute("aria-valuenow") == "90"
        else:
            assert shown.share(BLUE) == pytest.approx(share, abs=0.05)
    assert shown.slider.get_attribute("aria-valuetext") == "50 % input, 50 % output"
    assert shown.divides_at_the_line()


def test_the_mouse_drags_the_line_and_the_map_under_it(shown: Shown) -> None:
    before = shown.screen()
    ActionChains(shown.driver).drag_and_drop_by_offset(shown.slider, -150, 0).perform()
    assert shown.divides_at_the_line()
    assert (shown.screen() != before).any(axis=-1).sum() > 10_000
    at = shown.slider.rect["x"]
    ActionChains(shown.driver).move_to_element_with_offset(
        shown.find("#map"), 200, 100
    ).click_and_hold().move_by_offset(-60, 40).release().perform()
    assert shown.divides_at_the_line()
    shown.find(".leaflet-control-zoom-in").click()
    assert shown.divides_at_the_line()
    assert shown.slider.rect["x"] == at


def test_a_finger_drags_the_line(driver: webdriver.Chrome, page: Path) -> None:
    shown = Shown(driver, page, PHONE)
    box = shown.slider.rect
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, at in [("touchStart", x), ("touchMove", x + 40), ("touchMove", x + 80), ("touchEnd", None)]:
        points = [] if at is None else [{"x": at, "y": y}]
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert shown.slider.rect["x"] == pytest.approx(box["x"] + 80, abs=1)
    assert shown.divides_at_the_line()


def test_layers_come_and_go(shown: Shown) -> None:
    shown.find("[data-layer=input]").click()
    assert not shown.slider.is_displayed()
    assert shown.share(RED) == 1
    shown.find("[data-layer=extra0]").click()
    assert shown.share(RED) == 0
    shown.find("[data-layer=extra0]").click()
    shown.find("[data-layer=input]").click()
    shown.find("[data-layer=output]").click()
    shown.find("[data-layer=nodata]").click()
    assert not shown.slider.is_displayed()
    assert shown.share(BLUE) == 1


def test_the_cursor_tells_where_it_is(shown: Shown) -> None:
    image = shown.find("img.leaflet-image-layer").rect
    place = shown.find("#map")
    box = place.rect
    x, y = image["x"] + 0.75 * image["width"] + 0.5, image["y"] + 0.5 * image["height"] + 0.5
    offset = (round(x - box["x"] - box["width"] / 2), round(y - box["y"] - box["height"] / 2))
    ActionChains(shown.driver).move_to_element_with_offset(place, *offset).perform()
    said = shown.find("#place").text
    found = re.search(r"row (\d+), column (\d+) *EPSG:32633: ([\d.]+), ([\d.]+) *([\d.]+)° N, ([\d.]+)° E", said)
    assert found is not None, said
    row, column, east, north, latitude, longitude = map(float, found.groups())
    assert (row, column) == (pytest.approx(SIDE / 2, abs=1), pytest.approx(0.75 * SIDE, abs=1))
    assert (east, north) == pytest.approx(PLACE @ (column + 0.5, row + 0.5), abs=1.3)
    assert (longitude, latitude) == pytest.approx(
        [v[0] for v in transform("EPSG:32633", "EPSG:4326", [east], [north])], abs=2e-5
    )


def test_the_scale_bar_has_its_length(shown: Shown) -> None:
    bar, image = shown.find(".leaflet-control-scale-line"), shown.find("img.leaflet-image-layer")
    said = float(bar.text.removesuffix(" m"))
    width = float(bar.value_of_css_property("width").removesuffix("px"))
    assert width / image.rect["width"] * SIDE * 2.5 == pytest.approx(said, rel=0.03)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_the_statement_is_seen_on_any_screen(
    driver: webdriver.Chrome, page: Path, size: tuple[int, int], scheme: str
) -> None:
    shown = Shown(driver, page, size, scheme)
    for summary in driver.find_elements(By.TAG_NAME, "summary"):
        summary.click()
    statement = shown.find("#statement")
    box = statement.rect
    assert statement.text == SYNTHETIC
    assert 0 <= box["x"] <= size[0] - box["width"]
    assert box["y"] >= 0
    on_top = "return document.elementFromPoint(arguments[0], arguments[1]).id"
    assert driver.execute_script(on_top, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == "statement"
    assert driver.execute_script("return document.documentElement.scrollWidth") == size[0]
    assert shown.find("#map").rect["height"] > 200
    assert shown.screen()[5, 5].mean() > 128 if scheme == "light" else shown.screen()[5, 5].mean() < 128


def test_names_that_are_html_do_nothing(driver: webdriver.Chrome, tmp_path: Path) -> None:
    shown = Shown(driver, preview(evil_image(tmp_path)))
    assert driver.execute_script("return window.pwned") is None
    assert "</script>" in shown.find("h1").text
    assert [a for a in shown.requested() if not a.startswith(("data:", "file:"))] == []
    assert driver.get_log("browser") == []
