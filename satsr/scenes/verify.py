"""Whether an image and the record beside it belong together, byte for byte."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from satsr.common.digests import file_digest
from satsr.data.rasters import open_raster
from satsr.scenes.block_file import item_path
from satsr.scenes.item import ASSET, SHA256, band_facts, place_facts
from satsr.scenes.record import SYNTHETIC, TAG

LIMIT = "This tells that image and record belong together and are unchanged since. It does not tell who made them."
REMEDY = "get both files again from where they were made"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        passed: whether it is as it should be.
        said: in words, what was found.
    """

    passed: bool
    said: str


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes:
        path: of the image.
        checks: all of them, in the order of the page.
    """

    path: Path
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether all is as it should be."""
        return all(check.passed for check in self.checks)

    def lines(self) -> list[str]:
        """Return what to tell a person."""
        verdict = "belong together" if self.passed else f"do NOT belong together: {REMEDY}"
        found = [f"{'pass' if check.passed else 'FAIL'}  {check.said}" for check in self.checks]
        return [*found, f"{self.together} {verdict}.", LIMIT]

    @property
    def together(self) -> str:
        """What was compared, in words."""
        return f"{self.path.name} and {item_path(self.path).name}"


def verify(path: Path) -> Verified:
    """Compare an image with the STAC item beside it.

    Args:
        path: of the image, `OUT.tif`; its item is `OUT.json`.

    Raises:
        FileNotFoundError: one of them is missing.
        ValueError: the item is none that satsr wrote.
    """
    item = _item(path)
    asset, properties = item["assets"][ASSET], item["properties"]
    return Verified(path, (*_file_checks(path, asset), *_inside_checks(path, asset, properties)))


def _item(path: Path) -> dict[str, Any]:
    beside = item_path(path)
    for there in (path, beside):
        if not there.is_file():
            raise FileNotFoundError(f"{there} is missing: an image and its record come together, {REMEDY}")
    try:
        item = json.loads(beside.read_text(encoding="utf-8"))
        expected = {"asset": item["assets"][ASSET]["href"], "record": item["properties"]["satsr:record"]}
    except (ValueError, KeyError, TypeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{beside} is no STAC item that satsr wrote ({what}): {REMEDY}") from None
    if not isinstance(expected["record"], dict):
        raise ValueError(f"{beside} is no STAC item that satsr wrote (its record is empty): {REMEDY}")
    return dict(item)


def _file_checks(path: Path, asset: dict[str, Any]) -> list[Check]:
    size, noted = path.stat().st_size, asset.get("file:size")
    digest, expected = SHA256 + file_digest(path), asset.get("file:checksum")
    return [
        _compare("the name", f"./{path.name}", asset["href"]),
        _compare("the size in bytes", size, noted),
        _compare("the sha256 (multihash)", digest, expected),
    ]


def _inside_checks(path: Path, asset: dict[str, Any], properties: dict[str, Any]) -> list[Check]:
    try:
        with open_raster(path) as file:
            if file.crs is None:
                return [Check(False, "the grid: the image has no coordinate system")]
            tag, place, bands = file.tags().get(TAG), place_facts(file), band_facts(file)
    except ValueError as error:
        return [Check(False, str(error))]
    statement = (properties.get("satsr:synthetic"), properties.get("satsr:statement"))
    return [
        _compare_records(tag, properties["satsr:record"]),
        _compare("the grid", place, {name: properties.get(name) for name in place}),
        _compare("the bands", bands, asset.get("raster:bands")),
        _compare("the statement", (True, SYNTHETIC), statement),
    ]


def _compare_records(tag: str | None, noted: dict[str, Any]) -> Check:
    try:
        inside = None if tag is None else json.loads(tag)
    except ValueError:
        return Check(False, "the record inside the image: damaged")
    if inside == noted:
        return Check(True, "the record inside the image: the item's")
    found = "missing" if tag is None else "another than the item's"
    return Check(False, f"the record inside the image: {found}")


def _compare(what: str, there: object, noted: object) -> Check:
    if there == noted:
        return Check(True, f"{what}: as the item says")
    return Check(False, f"{what}: {there}, and the item says {noted}")
