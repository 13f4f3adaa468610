"""What a map page is put together from: its own files, and Leaflet 1.9.4 (BSD-2-Clause) as npm delivers it."""

from __future__ import annotations

from pathlib import Path

PAGE, STYLE, SCRIPT = "page.html", "page.css", "page.js"
LEAFLET, LEAFLET_STYLE, LEAFLET_LICENSE = "leaflet.js", "leaflet.css", "leaflet.LICENSE"


def read(name: str) -> str:
    """Return the text of one of the files."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
