"""Executed notebooks as pages: code folded, and what the ledger says of a page's claims right under its title."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

FOLDED = "hide-input"


def dressed(notebook: bytes, said: Sequence[str]) -> bytes:
    """Return an executed notebook as the book shows it; its cells and their order stay, so that it still runs.

    Args:
        notebook: as executed.
        said: lines in Markdown on the claims that it answers.
    """
    page: dict[str, Any] = json.loads(notebook)
    for cell in page["cells"]:
        if cell["cell_type"] == "code":
            tags = cell["metadata"].setdefault("tags", [])
            if FOLDED not in tags:
                tags.append(FOLDED)
    if said:
        cell = {"cell_type": "markdown", "id": "by-rule", "metadata": {}, "source": "\n\n".join(said)}
        page["cells"].insert(1, cell)
    return json.dumps(page, ensure_ascii=False, indent=1).encode() + b"\n"
