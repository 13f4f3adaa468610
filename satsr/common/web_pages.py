"""Web pages that were saved under another file's name: a login page, a notice, an error."""

from __future__ import annotations

from pathlib import Path

BEGINNINGS = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<!doctype xml")
LOOKED_AT = 512  # bytes


def is_web_page(path: Path) -> bool:
    """Return whether a file begins as a page of HTML or XML does, whatever it is called."""
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(BEGINNINGS)
