"""Write the fingerprint of the code behind every notebook: the stage `code`, on which all others depend.

`python -m satsr.pipeline.fingerprints FOLDER` writes one file per notebook. A notebook that is run for one method, or
for one data set, gets one for each, which leaves out the networks, or the readers, of the others.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from satsr.common.code import bound_modules, fingerprint, imported
from satsr.common.paths import project_root
from satsr.pipeline.notebook_source import code_of, declared_parameters

# parameter of a notebook -> module and dictionary that bind its values to code
CHOICES = {"method": ("satsr.models.superresolver", "NETWORKS"), "dataset": ("satsr.data.catalogue", "ENTRIES")}


def fingerprints(notebook: Path) -> dict[str, str]:
    """Return the fingerprint of a notebook by its file's name, or several, one for each thing it may be run for."""
    tree = ast.parse(code_of(notebook))
    start, chosen = imported(tree), [c for c in CHOICES if c in declared_parameters(notebook)]
    if not chosen:
        return {notebook.stem: fingerprint(start, more=(tree,))}
    (parameter,) = chosen
    module, table = CHOICES[parameter]
    return {
        f"{notebook.stem}.{name}": fingerprint(start, {module: others}, (tree,))
        for name, others in others_of(module, table).items()
    }


def others_of(module: str, table: str) -> dict[str, set[str]]:
    """Return, for each name that a dictionary binds, the modules that only other names need."""
    bound = bound_modules(module, table)
    every = set().union(*bound.values())
    return {name: every - own for name, own in bound.items()}


def write_fingerprints(folder: Path) -> None:
    """Write all fingerprints into a folder; a file of a notebook that is gone is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    found = dict(_all(project_root() / "notebooks"))
    for path in folder.iterdir():
        if path.name not in found:
            path.unlink()
    for name, digits in found.items():
        (folder / name).write_text(f"{digits}\n")


def _all(notebooks: Path) -> Iterator[tuple[str, str]]:
    for notebook in sorted(notebooks.glob("*.ipynb")):
        yield from fingerprints(notebook).items()


if __name__ == "__main__":
    write_fingerprints(Path(sys.argv[1]))
