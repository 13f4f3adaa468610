"""DVC's command line, which writes `dvc.lock` quickly: `python -m satsr.pipeline.quick_dvc ARGUMENTS`.

After every stage DVC reads the whole lock with a parser that keeps comments, and writes all of it anew, both in Python.
A lock has no comments, so DVC's own quick parser will do, and the blocks of stages that did not change are written as
they were read. What is written is the same, byte by byte (a test compares).
"""

from __future__ import annotations

import copy
import io
import re
import sys
from pathlib import Path
from typing import Any, TextIO

from dvc.cli import main
from dvc.utils.serialize import _yaml

LOCK = "dvc.lock"
PARTS = ["schema", "stages"]
ANCHOR = re.compile(r"(?<= &)id\d{3,}$", re.MULTILINE)
ALIAS = re.compile(r"(?<= \*)id\d{3,}$", re.MULTILINE)

_for_update, _dump_all = _yaml.parse_yaml_for_update, _yaml._dump
_read: dict[str, tuple[str, Any]] = {}  # of the lock that is being changed: stage -> its text, and what that says


def _parse(text: str, path: str) -> Any:
    if Path(path).name != LOCK:
        return _for_update(text, path)
    data = _yaml.parse_yaml(text, path)
    _read.clear()
    _read.update(_blocks(text, data))
    return data


def _blocks(text: str, data: Any) -> dict[str, tuple[str, Any]]:
    """Return the text and a copy of the value of every stage; nothing of a lock that is not laid out as expected."""
    stages = data.get("stages") or {}
    head, *blocks = re.split(r"^(?=  \S)", text, flags=re.MULTILINE)
    if list(data) != PARTS or not head.endswith("\nstages:\n") or len(blocks) != len(stages):
        return {}
    if not all(set(ALIAS.findall(block)) <= set(ANCHOR.findall(block)) for block in blocks):
        return {}  # a block that points into another one
    return {name: (block, copy.deepcopy(value)) for block, (name, value) in zip(blocks, stages.items(), strict=True)}


def _dump(data: Any, stream: TextIO) -> None:
    if Path(getattr(stream, "name", "")).name != LOCK or list(data) != PARTS or not _read:
        _dump_all(data, stream)
        return
    stream.write(f"schema: '{data['schema']}'\nstages:\n")
    anchors = 0  # they are numbered through the file
    for name, value in data["stages"].items():
        block, before = _read.get(name, ("", None))
        if value != before:
            own = io.StringIO()
            _dump_all({"stages": {name: value}}, own)
            block = own.getvalue().removeprefix("stages:\n")
        numbers = {old: number for number, old in enumerate(ANCHOR.findall(block), anchors + 1)}
        anchors += len(numbers)
        for pattern in (ANCHOR, ALIAS):
            block = pattern.sub(lambda found: f"id{numbers[found[0]]:03d}", block)  # noqa: B023  # called at once
        stream.write(block)


if __name__ == "__main__":
    _yaml.parse_yaml_for_update, _yaml._dump = _parse, _dump
    sys.exit(main(sys.argv[1:]))
