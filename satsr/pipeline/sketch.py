"""Inputs for a notebook that is opened by hand.

In the pipeline, DVC makes a notebook's inputs first. Opened in JupyterLab or run by plain papermill, a notebook has
the profile `sketch`: what it needs is then made, small, by the notebooks before it, under `scratch/sketch`.
"""

from __future__ import annotations

import sys

from satsr.common.paths import SKETCH, Workspace, project_root
from satsr.pipeline.stages import Stage, read_stages

SKETCHED = {"train": ("srcnn", "esrgan"), "train_latent": ("satdiffmoe",), "data_set": ("fmow",)}  # of groups of stages


def workspace(profile: str, needs: tuple[str, ...] = ()) -> Workspace:
    """Return the folders of a profile; for `sketch`, make what a notebook needs when it is not there yet.

    Args:
        profile: a profile's name.
        needs: stages of `dvc.yaml`, in an order in which they can run.

    Raises:
        FileNotFoundError: another profile lacks an input.
    """
    here = Workspace.of(profile)
    stages = read_stages(project_root()) if needs else {}
    for need in needs:
        for key in _keys(stages[need], profile):
            made = [here.root / path for path in stages[need].makes(profile, key) if not path.startswith("book/")]
            missing = [path for path in made if not path.exists()]
            if missing and profile != SKETCH:
                raise FileNotFoundError(f"{missing[0]} is missing: run `make study` (or `dvc repro`) first")
            if missing:
                _run(stages[need], key)
    return here


def _keys(stage: Stage, profile: str) -> tuple[str, ...]:
    """Return the stages of a group that are looked at: in a sketch a few; elsewhere DVC knows."""
    if not stage.group and stage.own_keys == ("",):
        return ("",)
    return SKETCHED.get(stage.name, stage.own_keys) if profile == SKETCH else ()


def _run(stage: Stage, key: str) -> None:
    import papermill

    root = project_root()
    executed = Workspace.of(SKETCH).logs / stage.notebook
    executed.parent.mkdir(parents=True, exist_ok=True)
    values = {stage.parameter: key} if key else {}
    print(f"making inputs with {stage.notebook} {values or ''}", file=sys.stderr)
    papermill.execute_notebook(root / "notebooks" / stage.notebook, executed, values, cwd=root, progress_bar=False)
