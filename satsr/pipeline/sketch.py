"""Inputs for a notebook that is opened by hand.

In the pipeline, DVC makes a notebook's inputs first. Opened in JupyterLab or run by plain papermill, a notebook has
the profile `sketch`: what it needs is then made, small, by the notebooks before it, under `scratch/sketch`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from satsr.common.paths import SKETCH, Workspace, project_root

Parameters = dict[str, str]


def workspace(profile: str, needs: tuple[str, ...] = ()) -> Workspace:
    """Return the folders of a profile; for `sketch`, make what a notebook needs when it is not there yet.

    Args:
        profile: a profile's name.
        needs: of `data`, `perception`, `judges`, `latent`, `models`, `latent_models`, `scores`, `tables`, `twins`,
            `set_scores`; in this order, since later ones need earlier ones.

    Raises:
        FileNotFoundError: another profile lacks an input.
    """
    here = Workspace.of(profile)
    for need in needs:
        for path, notebook, values in _made_by(here)[need]:
            if path.exists():
                continue
            if profile != SKETCH:
                raise FileNotFoundError(f"{path} is missing: run `make study` (or `dvc repro`) first")
            _run(notebook, values)
    return here


def _made_by(here: Workspace) -> dict[str, list[tuple[Path, str, Parameters]]]:
    """Return, for each need, what must exist and which notebook makes it."""
    trained = [(here.models / m / "seed-0" / "card.json", "30_train.ipynb", {"method": m}) for m in ("srcnn", "esrgan")]
    fused = here.models / "satdiffmoe"
    return {
        "latent": [(here.artifacts / "latent" / "prior", "40_latent_space.ipynb", {})],
        "latent_models": [(fused, "41_train_latent.ipynb", {})],
        "data": [(here.results / "data.json", "10_data.ipynb", {})],
        "perception": [(here.artifacts / "perception", "20_perception.ipynb", {})],
        "judges": [(here.judges, "21_agreement.ipynb", {})],
        "models": trained if here.profile == SKETCH else [(here.models, "", {})],
        "scores": [(folder, "31_evaluate.ipynb", {}) for folder in (here.results / "scores", here.outputs)],
        "tables": [(here.results / "main.csv", "32_main_table.ipynb", {})],
        "twins": [(here.results / "data_sets.json", "50_data_sets.ipynb", {})],
        "set_scores": [(here.root / "results" / here.profile / "sets", "52_set_methods.ipynb", {})],
    }


def _run(notebook: str, values: Parameters) -> None:
    import papermill

    root = project_root()
    executed = Workspace.of(SKETCH).logs / notebook
    executed.parent.mkdir(parents=True, exist_ok=True)
    print(f"making inputs with {notebook} {values or ''}", file=sys.stderr)
    papermill.execute_notebook(root / "notebooks" / notebook, executed, values, cwd=root, progress_bar=False)
