"""What a notebook's file says, read without running or importing anything."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any


def code_of(notebook: Path) -> str:
    """Return the code of all cells."""
    return "\n".join("".join(cell["source"]) for cell in _code_cells(notebook))


def declared_parameters(notebook: Path) -> list[str]:
    """Return the names that the cell tagged `parameters` assigns.

    Raises:
        ValueError: no such cell.
    """
    for cell in _code_cells(notebook):
        if "parameters" in cell["metadata"].get("tags", []):
            targets = [t for node in ast.parse("".join(cell["source"])).body for t in _targets(node)]
            return sorted(t.id for t in targets if isinstance(t, ast.Name))
    raise ValueError(f"{notebook} has no cell tagged 'parameters': tag the cell that holds its defaults")


def _code_cells(notebook: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]


def _targets(node: ast.stmt) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
