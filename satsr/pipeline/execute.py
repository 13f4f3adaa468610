"""Run a notebook with the study's parameters, and keep notebooks' files equal when their content is."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from satsr.common.paths import Workspace, project_root
from satsr.common.provenance import git_commit, gpu, processor, record
from satsr.pipeline.notebook_source import declared_parameters
from satsr.pipeline.params import Study, load_study
from satsr.pipeline.quick_imports import nbformat
from satsr.pipeline.threads import limit_threads

STYLED_TABLE = re.compile(r"\bT_[0-9a-f]{5}(?=[_\" ])")  # as pandas draws the ids of a Styler


def run(source: Path, name: str, blocks: list[str], extra: dict[str, Any]) -> None:
    """Execute a notebook and put it at `book/executed/<profile>/<name>.ipynb`, whole or not at all.

    Args:
        source: the notebook.
        name: of the executed notebook; it takes its place only when every cell has run.
        blocks: dotted paths into `params.yaml`, as `train.esrgan`; their values become parameters.
        extra: further parameters by name.

    Raises:
        ValueError: a parameter that the notebook's parameters cell does not declare.
        RuntimeError: a cell failed; the message is its last line, the notebook stays under `logs/`.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    limit_threads(os.environ)
    root = project_root()
    study = load_study(root)
    values = {**parameters(study, blocks), "profile": study.profile, **extra}
    check_declared(source, values)
    out = root / "book" / "executed" / study.profile / f"{name}.ipynb"
    logs = Workspace.of(study.profile, root).logs
    partial = logs / "failed" / out.name
    partial.parent.mkdir(parents=True, exist_ok=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    try:
        with tempfile.TemporaryDirectory(prefix="satsr-") as sockets:  # that only this user, and this run, can reach
            papermill.execute_notebook(
                source,
                partial,
                values,
                cwd=root,
                progress_bar=False,
                stderr_file=sys.stderr,
                kernel_name="python3",
                config=Config(KernelManager={"transport": "ipc", "ip": f"{sockets}/kernel"}),
            )
    except PapermillExecutionError as error:
        raise RuntimeError(f"{source.name}: {error.ename}: {error.evalue} (traceback: {partial})") from None
    cells = normalise(partial)
    os.replace(partial, out)
    commit, today = os.environ.get("SATSR_COMMIT") or git_commit(root), datetime.now(UTC).date().isoformat()
    took = {"wall_s": round(time.perf_counter() - started, 1), "cells_s": cells}
    record(study.profile, out.stem, **took, commit=commit, date=today, processor=processor(), GPU=gpu())


def parameters(study: Study, blocks: list[str]) -> dict[str, Any]:
    """Return blocks of the study as parameters.

    `train.esrgan` becomes `train`, with the values of that method; `train:esrgan,srcnn` becomes `train` with these two
    by name.
    """
    values: dict[str, Any] = {}
    for block in blocks:
        path, _, parts = block.partition(":")
        found: Any = study.model_dump(mode="json")
        for step in path.split("."):
            found = _part(found, step, block)
        values[path.split(".")[0]] = {name: _part(found, name, block) for name in parts.split(",")} if parts else found
    return values


def _part(values: Any, name: str, block: str) -> Any:
    if not isinstance(values, dict) or name not in values:
        raise ValueError(f"params.yaml has no block {block!r}: no {name!r} in {', '.join(values)}")
    return values[name]


def check_declared(source: Path, values: dict[str, Any]) -> None:
    """Raise a ValueError unless the notebook's parameters cell declares every name in `values`."""
    declared = declared_parameters(source)
    unknown = sorted(set(values) - set(declared))
    if unknown:
        raise ValueError(f"{source}: unknown parameters {', '.join(unknown)}; it declares {', '.join(declared)}")


def normalise(path: Path) -> list[float]:
    """Keep what a run computed and drop when it ran: equal results give equal bytes.

    Dropped: times, random ids of cells and of styled tables, and the stderr stream, where progress is reported. What is
    printed arrives in as many pieces as the clock has it; they become one.

    Returns:
        Seconds that each cell took, zero for text.
    """
    nb = nbformat.read(path, as_version=4)
    seconds = [round(cell.metadata.get("papermill", {}).get("duration") or 0.0, 2) for cell in nb.cells]
    kept = {k: v for k, v in nb.metadata.get("papermill", {}).items() if k in ("parameters", "version")}
    nb.metadata = nbformat.from_dict({"kernelspec": nb.metadata.get("kernelspec", {}), "papermill": kept})
    for number, cell in enumerate(nb.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in ("tags", "mystnb")})
        if cell.cell_type == "code":
            cell.outputs = _joined([o for o in cell.outputs if o.get("name") != "stderr"])
            _number_tables(cell.outputs, number)
    nbformat.write(nb, path)
    return seconds


def _number_tables(outputs: list[Any], cell: int) -> None:
    """Name styled tables by their place in the notebook: pandas draws their ids by chance."""
    names: dict[str, str] = {}
    for output in outputs:
        data = output.get("data", {})
        if "text/html" in data:
            found = STYLED_TABLE.sub(
                lambda m: names.setdefault(m[0], f"T_{cell:03d}{len(names):02d}"), data["text/html"]
            )
            data["text/html"] = found


def _joined(outputs: list[Any]) -> list[Any]:
    """Return outputs with what was printed piece by piece in one piece."""
    found: list[Any] = []
    for output in outputs:
        if found and output.output_type == found[-1].output_type == "stream":
            found[-1].text += output.text
        else:
            found.append(output)
    return found


def clean(path: Path) -> bool:
    """Bring a source notebook into its canonical form, in place; return whether that changed a byte."""
    before = path.read_text()
    after = nbformat.writes(canonical(nbformat.reads(before, as_version=4)), indent=1, ensure_ascii=False) + "\n"
    if after != before:
        path.write_text(after)
    return after != before


def canonical(nb: Any) -> Any:
    """Bring a source notebook into its canonical form, in place, and return it."""
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nb.metadata = nbformat.from_dict({"kernelspec": kernel})
    nb.nbformat_minor = 5
    nb.cells = [c for c in nb.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    for number, cell in enumerate(nb.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in ("tags", "mystnb") and v})
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nb
