"""A browser that nobody sees, for pages that are used as a reader uses them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
CHROMEDRIVER = shutil.which("chromedriver")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"]


@contextmanager
def browser(user: Path, size: tuple[int, int] = (1280, 900)) -> Iterator[webdriver.Chrome]:
    """Open a browser without a past; skip the test where there is none.

    Args:
        user: folder for what it keeps.
        size: of its window, width and height in pixels.
    """
    if not CHROMIUM or not CHROMEDRIVER:
        pytest.skip("no Chromium with its driver here: .ci/run installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={user}", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    # A named driver: without one, selenium looks for it on the network.
    with webdriver.Chrome(options=options, service=Service(executable_path=CHROMEDRIVER)) as driver:
        yield driver
