"""Where things are: the project's root, and the folders that belong to one profile."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

MAIN = "s2naip"  # name of the main data set: in S2-NAIP's layout, whoever fills it
VARIANTS = "variants"  # name of the data set of the studies that change one thing of a training at a time
SKETCH = "sketch"  # the profile of a notebook that is opened by hand: small, and never part of the pipeline


def project_root(start: Path | None = None) -> Path:
    """Return the folder that holds `dvc.yaml` and `params.yaml`.

    Looked for in `start` (default: the working folder) and above it, then beside the installed package, so
    that a notebook finds its inputs from any folder.

    Raises:
        FileNotFoundError: neither place holds the project.
    """
    here = (start or Path.cwd()).resolve()
    package = Path(__file__).resolve().parents[2]
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
    """

    root: Path
    profile: str

    @classmethod
    def of(cls, profile: str, root: Path | None = None) -> Workspace:
        """Return the workspace of a profile in the project around the working folder."""
        base = root or project_root()
        return cls(base / "scratch" / SKETCH if profile == SKETCH else base, profile)

    def data_set(self, name: str) -> DataFolders:
        """Return the folders of a data set, the main one or another."""
        return DataFolders(self, name)

    def study(self, name: str) -> Path:
        """Return the folder of a study's small tables (git), made when it is not there."""
        folder = self.results / "studies" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def data(self) -> Path:
        """One folder per data set (DVC)."""
        return self.root / "data" / self.profile

    @property
    def artifacts(self) -> Path:
        """Trained models and what else is large (DVC)."""
        return self.root / "artifacts" / self.profile

    @property
    def latent(self) -> Path:
        """The autoencoder and the latent U-Net (DVC)."""
        return self.artifacts / "latent"

    @property
    def results(self) -> Path:
        """Small tables and scores (git)."""
        return self.root / "results" / self.profile

    @property
    def judges(self) -> Path:
        """Which networks judge (git)."""
        return self.results / "studies" / "agreement" / "judges.json"

    @property
    def scratch(self) -> Path:
        """Unfinished and reusable work, keyed by its configuration (neither)."""
        return self.root / "scratch" / self.profile

    @property
    def logs(self) -> Path:
        """Wall times, devices and failed notebooks (neither)."""
        return self.root / "logs" / self.profile


@dataclass(frozen=True)
class DataFolders:
    """The folders of one data set in a profile.

    Attributes:
        here: the profile's folders.
        name: of the data set, as the catalogue has it.
    """

    here: Workspace
    name: str

    @property
    def files(self) -> Path:
        """Images in the published layout, where the study makes them (DVC)."""
        return self.here.data / self.name / "files"

    @property
    def index(self) -> Path:
        """What each place holds, one file for each split (DVC)."""
        return self.files.with_name("index")

    @property
    def models(self) -> Path:
        """One folder per method and seed (DVC)."""
        return self.here.artifacts / "data" / self.name / "models"

    @property
    def outputs(self) -> Path:
        """What every method makes of the test split (DVC)."""
        return self.here.artifacts / "data" / self.name / "outputs"

    @property
    def results(self) -> Path:
        """Small tables and scores (git); what a study makes for itself is its own, not a row of the data sets."""
        return self.here.results / ("studies" if self.name == VARIANTS else "data") / self.name

    @property
    def manifest(self) -> Path:
        """What the data set holds, with digests (git)."""
        return self.results / "manifest.json"

    @property
    def scratch(self) -> Path:
        """Unfinished and reusable work (neither)."""
        return self.here.scratch / "data" / self.name
