"""What a map page says of an image's origin, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from satsr.scenes.record import TAG

UNKNOWN = "where this image comes from is not known, so take none of its detail for an observation"
NONE = f"No record of satsr is in this file: {UNKNOWN}."
DAMAGED = f"The record in this file is damaged: {UNKNOWN}."
DIGITS = 16  # of a SHA-256 that are shown

Rows = list[tuple[str, list[str]]]


def find_record(tags: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    """Return the record among a file's tags, empty without one, and what to warn of, empty for nothing."""
    if TAG not in tags:
        return {}, NONE
    try:
        found = json.loads(tags[TAG])
    except (ValueError, RecursionError):
        found = None
    return (found, "") if isinstance(found, dict) and found else ({}, DAMAGED)


def record_rows(record: Mapping[str, Any]) -> Rows:
    """Return the main facts of a record, each a name and lines; what it does not hold is left out."""
    rows = [
        ("model", [_model(record)]),
        ("the model's limits", [_text(record, "model", "card", "provenance", "limits")]),
        ("the model learned from", [_text(record, "model", "card", "provenance", "data_in_words")]),
        ("dates that went in", _texts(record.get("dates"))),
        ("stands for", [_text(record, "options", "wanted")]),
        ("products", [_said(one, "use") for one in _list(record.get("inputs"))]),
        ("left out", [_said(one, "why") for one in _list(_at(record, "options", "left_out"))]),
        ("processing level", [_text(record, "options", "level")]),
        ("agreement with the dates", [_agreement(_at(record, "options", "consistent"))]),
        ("created", [_text(record, "created")]),
        ("software", [_software(record)]),
    ]
    kept = [(name, [line for line in lines if line]) for name, lines in rows]
    return [(name, lines) for name, lines in kept if lines]


def _at(record: Any, *names: str) -> Any:
    """Return what lies under names inside each other, None where there is nothing."""
    for name in names:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _text(record: Any, *names: str) -> str:
    found = _at(record, *names)
    return str(found) if isinstance(found, str | int | float) else ""


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _texts(found: Any) -> list[str]:
    return [one for one in _list(found) if isinstance(one, str)]


def _model(record: Any) -> str:
    name, sha256 = _text(record, "model", "name"), _text(record, "model", "sha256")
    return f"{name} (weights' SHA-256: {sha256[:DIGITS]}…)" if name and sha256 else name


def _said(one: Any, of: str) -> str:
    """Return a product in words: its day, its name, and what became of it."""
    which = " ".join(_text(one, part) for part in ("day", "name")).strip()
    return ": ".join(part for part in (which, _text(one, of)) if part)


def _agreement(consistent: Any) -> str:
    if not isinstance(consistent, bool):
        return ""
    return "brought into agreement with the dates, up to noise" if consistent else "none: left as the model made it"


def _software(record: Any) -> str:
    version, commit = _text(record, "version"), _text(record, "commit")
    return f"satsr {version}" + (f" ({commit})" if commit else "") if version else ""
