"""What JupyterLab may save in this project: an extension of its server, which `make lab` switches on (`.jupyter/`).

A notebook of the study is kept without outputs, in its canonical form: outputs would be a change that git shows, and
for which DVC would run the notebook's stage again. An executed notebook is a result, and is not written at all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tornado.web import HTTPError

from satsr.common.paths import project_root
from satsr.pipeline.execute import canonical
from satsr.pipeline.quick_imports import nbformat
from satsr.pipeline.threads import limit_threads

RESULTS = ("book/executed", "book/notebooks")
# Kernels inherit these, too. What they silence says nothing of a notebook: that bars of other packages are not drawn as
# widgets, and when PyTorch's profiler began and ended.
QUIET = {"PYTHONWARNINGS": "ignore:IProgress not found", "KINETO_LOG_LEVEL": "6"}


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    server.contents_manager.register_pre_save_hook(keep_source)
    limit_threads(os.environ)  # as the study computes; kernels inherit it
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def keep_source(model: dict[str, Any], path: str, contents_manager: Any) -> None:
    """Bring one of the study's notebooks into its canonical form before it is saved; leave all else as it is.

    Args:
        model: what is saved, in Jupyter's form; its content is replaced.
        path: where, from the server's folder.
        contents_manager: who saves it.

    Raises:
        HTTPError: it is an executed notebook.
    """
    if model["type"] != "notebook":
        return
    target = (Path(contents_manager.root_dir) / path.lstrip("/")).resolve()
    root = project_root(target.parent)
    if any(target.is_relative_to(root / folder) for folder in RESULTS):
        raise HTTPError(403, f"{target.name} is a result of the study: work on it in notebooks/, or save a copy")
    if target.parent == root / "notebooks":
        model["content"] = canonical(nbformat.from_dict(model["content"]))
