"""Executed notebooks as pages: code folded, and what the ledger says of a page's claims right under its title."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

FOLDED = "hide-input"
INTERVAL = re.compile(r"(\d) \[([^\[\]<>,]{1,20}), ([^\[\]<>,]{1,20})\]")  # a number with its interval


def dressed(notebook: bytes, said: Sequence[str]) -> bytes:
    """Return an executed notebook as the book shows it; its cells and their order stay, so that it still runs.

    Args:
        notebook: as executed.
        said: lines in Markdown on the claims that it answers.

    Raises:
        ValueError: a figure has no text for those who cannot see it.
    """
    page: dict[str, Any] = json.loads(notebook)
    for cell in page["cells"]:
        if cell["cell_type"] == "code":
            _check_figure(cell)
            for output in cell["outputs"]:
                _keep_numbers_whole(output.get("data", {}))
            tags = cell["metadata"].setdefault("tags", [])
            if FOLDED not in tags:
                tags.append(FOLDED)
    if said:
        cell = {"cell_type": "markdown", "id": "by-rule", "metadata": {}, "source": "\n\n".join(said)}
        page["cells"].insert(1, cell)
    return json.dumps(page, ensure_ascii=False, indent=1).encode() + b"\n"


def _check_figure(cell: dict[str, Any]) -> None:
    shown = any("image/png" in output.get("data", {}) for output in cell["outputs"])
    if shown and not cell["metadata"].get("mystnb", {}).get("image", {}).get("alt"):
        code = "".join(cell["source"]).strip().splitlines()
        raise ValueError(
            f"the figure of {code[-1] if code else 'a cell'!r} has no text: add mystnb.image.alt to the cell"
        )


def _keep_numbers_whole(shown: dict[str, Any]) -> None:
    """Let a table's column be as wide as a number with its interval: a narrow page scrolls it."""
    if "text/html" in shown:
        shown["text/html"] = INTERVAL.sub(r"\1&nbsp;[\2,&nbsp;\3]", "".join(shown["text/html"]))
