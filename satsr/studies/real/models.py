"""Whose models are tried on real pairs: those of the main table, and the global models of the runs that kept one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from satsr.common.paths import MAIN, Workspace
from satsr.models.files import CARD
from satsr.models.methods import METHODS

GLOBAL_MODELS = "artifacts/global_models"  # one folder for every profile that kept one


def gather_global_models(root: Path, copy: Path, profiles: Sequence[str]) -> list[str]:
    """Copy the global models that runs kept to where the check on real pairs looks for them.

    Args:
        root: the project's root, where the default study ran; others ran in copies below it.
        copy: the project's copy in which the check runs.
        profiles: whose models are asked for.

    Returns:
        the profiles that kept one.
    """
    target = copy / GLOBAL_MODELS
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    found = []
    for profile in profiles:
        places = (root, root / ".runs" / profile)
        kept = (Workspace.of(profile, place).artifacts / "global_model" for place in places)
        if folder := next((folder for folder in kept if (folder / CARD).is_file()), None):
            shutil.copytree(folder, target / profile)
            found.append(profile)
    return found


def tried_models(root: Path, runs: Sequence[str], methods: Sequence[str], seed: int) -> dict[str, Path]:
    """Return the folders of the models to try by a name that tells the run they come from.

    Args:
        root: of the project, or of its copy.
        runs: profiles whose main models are tried.
        methods: names; those that do not learn have no model.
        seed: of the trainings.
    """
    learned = [method for method in methods if METHODS[method].learns]
    of_table = {
        f"{method} ({run})": Workspace.of(run, root).data_set(MAIN).models / method / f"seed-{seed}"
        for run in runs
        for method in learned
    }
    kept = sorted((root / GLOBAL_MODELS).glob(f"*/{CARD}"))
    return {**of_table, **{f"global model ({card.parent.name})": card.parent for card in kept}}
