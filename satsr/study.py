"""Run the study: the default in place, any other profile in a copy of the project that nothing else shares.

A profile's copy lives in `.runs/<profile>`, with its own `params.yaml`, `dvc.lock` and cache, so that a run of one
profile changes no byte of another. Its results come back as `results/<profile>`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from satsr.params import Study, load_study
from satsr.paths import Workspace
from satsr.provenance import git_commit

KEPT_IN_COPY = (
    ".dvc/cache",
    ".dvc/tmp",
    "dvc.lock",
    "data",
    "artifacts",
    "scratch",
    "logs",
    "results",
    "book",
)


def run_study(root: Path, profile: str, targets: list[str]) -> Path:
    """Bring a profile's results up to date and return the folder in which they were made.

    Args:
        root: the project's root.
        profile: a profile's name, `default` for `params.yaml` as it stands.
        targets: what to hand to `dvc repro`; empty runs every stage.

    Raises:
        ValueError: an unknown profile or parameter.
        RuntimeError: a stage failed.
    """
    study = load_study(root, profile)
    if profile == load_study(root).profile:
        _repro(root, targets)
        return root
    copy = prepare_copy(root, study)
    _repro(copy, targets)
    bring_back(copy, root, profile)
    return copy


def prepare_copy(root: Path, study: Study) -> Path:
    """Make or refresh the copy of the project in which a profile runs."""
    copy = root / ".runs" / study.profile
    copy.mkdir(parents=True, exist_ok=True)
    sources = source_files(root)
    for name in sources:
        _copy_if_changed(root / name, copy / name)
    for path in sorted(copy.rglob("*")):
        name = path.relative_to(copy).as_posix()
        if path.is_file() and name not in sources and not name.startswith(KEPT_IN_COPY):
            path.unlink()
    (copy / "params.yaml").write_text(_text(root, study))
    (copy / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
    return copy


def source_files(root: Path) -> set[str]:
    """Return the project's own files: what git tracks or would track, without results and the lock."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    own = (name for name in listed if not name.startswith("results/") and name not in ("dvc.lock", "params.yaml"))
    return {name for name in own if (root / name).is_file()}


def bring_back(copy: Path, root: Path, profile: str) -> None:
    """Replace `results/<profile>` by what the copy made, with the run's provenance beside it."""
    made, kept = copy / "results" / profile, root / "results" / profile
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(made, kept)
    logs = Workspace.of(profile, root).logs
    shutil.copytree(Workspace.of(profile, copy).logs, logs, dirs_exist_ok=True, ignore=shutil.ignore_patterns("failed"))


def _repro(root: Path, targets: list[str]) -> None:
    """Run `dvc repro` with this environment's Python first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {
        **os.environ,
        "PATH": path,
        "SATSR_COMMIT": os.environ.get("SATSR_COMMIT") or git_commit(root),
    }
    done = subprocess.run([sys.executable, "-m", "dvc", "repro", *targets], cwd=root, env=environment)
    if done.returncode:
        raise RuntimeError("a stage failed: the line that begins with 'satsr:' above says why")


def _copy_if_changed(source: Path, target: Path) -> None:
    """Copy a file unless the bytes are there already, which keeps DVC's own bookkeeping valid."""
    if not target.is_file() or source.read_bytes() != target.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _text(root: Path, study: Study) -> str:
    """Return the copy's `params.yaml`: the profile with its overrides applied, and the data folder as a full path."""
    values = study.model_dump(mode="json")
    if values["data"]["path"]:
        values["data"]["path"] = str((root / values["data"]["path"]).resolve())
    return "# Written by `satsr study`: params.yaml with the profile's overrides on top.\n" + yaml.safe_dump(values)
