"""Who does what in a study: the loss side, the candidates, and the judge that the agreement study chose.

Networks of a profile lie in `artifacts/<profile>/perception/<side>/clip/<name>` and `.../trunk/<name>`. In settings,
`loss` and `judge` stand for them; anything else is what `load_clip` and `load_trunk` take.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from satsr.common.paths import Workspace

Kind = Literal["clip", "trunk"]
LOSS, JUDGE = "loss", "judge"


def folder_of(here: Workspace, kind: Kind, name: str) -> Path:
    """Return the folder of a network of the study."""
    return here.artifacts / "perception" / side_of(name) / kind / name


def side_of(name: str) -> str:
    """Return the side on which a network of the study stands: `loss`, or `judge` for every candidate."""
    return LOSS if name == LOSS else JUDGE


def network_name(here: Workspace, kind: Kind, name: str) -> str:
    """Return what the loaders take for a name in the settings.

    Raises:
        FileNotFoundError: the judge is asked for before it was chosen, or the loss network before it was made.
    """
    if name == JUDGE:
        name = chosen_judges(here)[kind]
    folder = folder_of(here, kind, name)
    if name == LOSS and not folder.is_dir():
        raise FileNotFoundError(f"{folder} is missing: run the perception stage (dvc repro perception)")
    return str(folder) if folder.is_dir() else name


def save_judges(here: Workspace, judges: dict[Kind, str], why: dict[str, object]) -> None:
    """Write which network of each kind judges, and what the choice rests on.

    Args:
        here: the profile's folders.
        judges: kind -> name of the network.
        why: what was compared, for the reader of the file.
    """
    path = here.judges
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"judges": judges, "why": why}, indent=1, sort_keys=True) + "\n")


def chosen_judges(here: Workspace) -> dict[Kind, str]:
    """Read which network of each kind judges.

    Raises:
        FileNotFoundError: the agreement study has not been run.
    """
    path = here.judges
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run the agreement stage (dvc repro agreement)")
    return json.loads(path.read_text())["judges"]
