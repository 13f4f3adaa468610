"""Which of the project's modules a notebook or module imports, directly or through others."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]


def notebook_modules(path: Path) -> set[str]:
    """Return the files (relative to the root) that a notebook's imports lead to."""
    cells = nbformat.read(path, as_version=4).cells
    code = "\n".join(c.source for c in cells if c.cell_type == "code")
    return closure(_imported(ast.parse(code)))


def closure(modules: set[str]) -> set[str]:
    """Return the files that a set of module names leads to, the packages around them included."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if "." in module:
            waiting.append(module.rsplit(".", 1)[0])  # importing a module runs its packages first
        path = _file(module)
        if path is not None and path not in found:
            found.add(path)
            waiting += _imports_of(path)
    return found


@cache
def _imports_of(path: str) -> set[str]:
    return _imported(ast.parse((ROOT / path).read_text()))


def _imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return {n for n in names if n.split(".")[0] == "satsr"}


def _file(module: str) -> str | None:
    base = module.replace(".", "/")
    for candidate in (f"{base}.py", f"{base}/__init__.py"):
        if (ROOT / candidate).is_file():
            return candidate
    return None
