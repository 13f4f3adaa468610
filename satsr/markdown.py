"""Tables as Markdown, for the generated pieces of the book's pages."""

from __future__ import annotations

import pandas as pd


def table(rows: pd.DataFrame) -> str:
    """Return a table in Markdown; pipes inside cells are escaped."""
    lines = [list(map(str, rows.columns)), ["---"] * rows.shape[1], *rows.map(str).to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
