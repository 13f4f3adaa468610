"""Where things are: the project's root, and the folders that belong to one profile."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

SKETCH = "sketch"  # the profile of a notebook that is opened by hand: small, and never part of the pipeline


def project_root(start: Path | None = None) -> Path:
    """Return the folder that holds `dvc.yaml` and `params.yaml`.

    Looked for in `start` (default: the working folder) and above it, then beside the installed package, so
    that a notebook finds its inputs from any folder.

    Raises:
        FileNotFoundError: neither place holds the project.
    """
    here = (start or Path.cwd()).resolve()
    package = Path(__file__).resolve().parent.parent
    for folder in (here, *here.parents, package):
        if (folder / "dvc.yaml").is_file() and (folder / "params.yaml").is_file():
            return folder
    raise FileNotFoundError(
        f"no folder with dvc.yaml and params.yaml at or above {here}: run this inside a clone of the project"
    )


def real_data(root: Path | None = None) -> Path:
    """Return the folder of real imagery: `$SATSR_REAL_DATA`, else `../shared/data` beside the project."""
    named = os.environ.get("SATSR_REAL_DATA")
    return Path(named) if named else (root or project_root()).parent / "shared" / "data"


@dataclass(frozen=True)
class Workspace:
    """The folders of one profile. Nothing that a run makes lies outside them.

    Attributes:
        root: the project's root, or `scratch/sketch` under it for the sketch profile.
        profile: name of the profile.
        dataset: name of a data set beside the profile's own, whose models and results have folders of their own; the
            networks that look at images stay those of the profile.
    """

    root: Path
    profile: str
    dataset: str = ""

    @classmethod
    def of(cls, profile: str, root: Path | None = None) -> Workspace:
        """Return the workspace of a profile in the project around the working folder."""
        base = root or project_root()
        return cls(base / "scratch" / SKETCH if profile == SKETCH else base, profile)

    def of_set(self, dataset: str) -> Workspace:
        """Return the folders of another data set in the same profile."""
        return replace(self, dataset=dataset)

    @property
    def _own(self) -> Path:
        return Path("sets", self.dataset) if self.dataset else Path()

    @property
    def data(self) -> Path:
        """Chips, in the published layouts (DVC)."""
        return self.root / "data" / self.profile

    @property
    def sets(self) -> Path:
        """The other data sets' embedded twins, one folder each (DVC)."""
        return self.root / "data" / f"{self.profile}-sets"

    @property
    def artifacts(self) -> Path:
        """Trained models and what else is large (DVC)."""
        return self.root / "artifacts" / self.profile

    @property
    def models(self) -> Path:
        """One folder per method and seed (DVC)."""
        return self.artifacts / self._own / "models"

    @property
    def outputs(self) -> Path:
        """What every method makes of the test set (DVC)."""
        return self.artifacts / self._own / "outputs"

    @property
    def results(self) -> Path:
        """Small tables and scores (git)."""
        return self.root / "results" / self.profile / self._own

    @property
    def judges(self) -> Path:
        """Which networks judge (git)."""
        return self.root / "results" / self.profile / "judges.json"

    @property
    def scratch(self) -> Path:
        """Unfinished and reusable work, keyed by its configuration (neither)."""
        return self.root / "scratch" / self.profile / self._own

    @property
    def logs(self) -> Path:
        """Wall times, devices and failed notebooks (neither)."""
        return self.root / "logs" / self.profile
