"""Run the study: the default in place, any other profile in a copy of the project that nothing else shares.

A profile's copy lives in `.runs/<profile>`, with its own `params.yaml`, `dvc.lock` and cache, so that a run of one
profile changes no byte of another. Its results come back as `results/<profile>`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import yaml

from satsr.common.digests import status_digest
from satsr.common.paths import MAIN, Workspace, real_data
from satsr.common.provenance import describe, git_commit
from satsr.data.catalogue import check_data_sets
from satsr.pipeline.params import Study, load_study
from satsr.pipeline.stages import read_stages, with_followers

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


def run_study(root: Path, profile: str, targets: Sequence[str] = ()) -> Path:
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
    _check_source(root, study)
    in_place = profile == load_study(root).profile
    where = root if in_place else prepare_copy(root, study)
    environment = _environment(root)
    for stage, stamp in _changed_sources(where).items():
        _repro(where, ["--force", "--single-item", stage], environment)
        stamp()
    _repro(where, targets, environment)
    if not in_place:
        bring_back(where, root, profile)
    return where


def _check_source(root: Path, study: Study) -> None:
    """Make sure, before anything is spent, that the data sets are known and their downloads there."""
    check_data_sets(study.data_sets)
    folders = {"s2naip": study.data.path} if study.data.source == "s2naip" else {}
    folders |= {name: found.path for name, found in study.data_sets.items() if found.path}
    for name, path in folders.items():
        if not (root / path).is_dir():
            raise FileNotFoundError(
                f"profile {study.profile} needs {name} at {root / path}: `satsr data get {name}` downloads it or says "
                "how; nothing was run"
            )


def run_real(root: Path) -> Path:
    """Run the study on real images, then the default's and its own models on real pairs (`make real`).

    Raises:
        FileNotFoundError: no folder of real images, or the default study has not been run.
    """
    study = load_study(root, "real")
    folder = (root / study.data.path).resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"no real images at {folder}: put them there, or set data.path in profiles/real.yaml")
    default = Workspace.of("default", root).data_set(MAIN).models
    if not default.is_dir():
        raise FileNotFoundError(f"{default} is missing: run `make study` first, its models are checked too")
    copied = Workspace.of("default", root / ".runs" / "real").data_set(MAIN).models
    shutil.rmtree(copied, ignore_errors=True)
    shutil.copytree(default, copied)
    stages = read_stages(root)
    return run_study(root, "real", [name for name in stages if name not in with_followers(stages, "data_sets")])


def prepare_copy(root: Path, study: Study) -> Path:
    """Make or refresh the copy of the project in which a profile runs."""
    copy = root / ".runs" / study.profile
    copy.mkdir(parents=True, exist_ok=True)
    sources, kept = source_files(root), tuple(f"{name}/" for name in KEPT_IN_COPY)
    for name in sources:
        _copy_if_changed(root / name, copy / name)
    for path in sorted(copy.rglob("*")):
        name = path.relative_to(copy).as_posix()
        if path.is_file() and name not in sources and not f"{name}/".startswith(kept):
            path.unlink()
    (copy / "params.yaml").write_text(_text(root, study))
    (copy / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
    return copy


def source_files(root: Path) -> set[str]:
    """Return the project's own files: what git tracks or would track, without results and the lock."""
    command = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        raise RuntimeError(f"{root} is no git clone: clone the project with git, which DVC needs too") from None
    own = (name for name in listed if not name.startswith("results/") and name not in ("dvc.lock", "params.yaml"))
    return {name for name in own if (root / name).is_file()}


def bring_back(copy: Path, root: Path, profile: str) -> None:
    """Replace `results/<profile>` by what the copy made, with the run's provenance beside it."""
    made, kept = copy / "results" / profile, root / "results" / profile
    arriving = kept.with_name(f".{profile}.partial")
    shutil.rmtree(arriving, ignore_errors=True)
    shutil.copytree(made, arriving)
    facts = {**describe(profile, copy), "date": datetime.now(UTC).date().isoformat()}
    run = json.dumps(facts, indent=1, sort_keys=True)
    (arriving / "run.json").write_text(run + "\n")
    shutil.rmtree(kept, ignore_errors=True)
    arriving.rename(kept)


def _changed_sources(where: Path) -> dict[str, Callable[[], object]]:
    """Return the stages whose folders of images have changed since their last run; DVC does not watch them.

    Returns:
        stage -> what to call when it has run, so that a change is not forgotten when it fails.
    """
    study = load_study(where)
    own = [study.data.path] if study.data.path and study.data.source != "world" else []
    others = [found.path for found in study.data_sets.values() if found.path]
    found: dict[str, Callable[[], object]] = {}
    for stage, paths in {"data": own, "data_sets": others}.items():
        stamp = Workspace.of(study.profile, where).scratch / f"source-{stage}"
        now = "".join(status_digest(where / path, (where / path).rglob("*")) for path in paths)
        if paths and not stamp.is_file():  # nothing has run yet
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(now)
        elif paths and stamp.read_text() != now:
            found[stage] = partial(stamp.write_text, now)
    return found


def _environment(root: Path) -> dict[str, str]:
    """Return the environment of the stages: this Python first on the path, and what a copy cannot find by itself."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "SATSR_COMMIT": git_commit(root), "SATSR_REAL_DATA": str(real_data(root))}


def _repro(where: Path, targets: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-m", "dvc", "repro", *targets], cwd=where, env=environment)
    if done.returncode:
        raise RuntimeError("a stage failed: the line that begins with 'satsr:' above says why")


def _copy_if_changed(source: Path, target: Path) -> None:
    """Copy a file unless the bytes are there already, which keeps DVC's own bookkeeping valid."""
    if not target.is_file() or source.read_bytes() != target.read_bytes():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _text(root: Path, study: Study) -> str:
    """Return the copy's `params.yaml`: the profile with its overrides applied, and data folders as full paths."""
    values = study.model_dump(mode="json")
    for found in (values["data"], *values["data_sets"].values()):
        if found["path"]:
            found["path"] = str((root / found["path"]).resolve())
    return "# Written by `satsr study`: params.yaml with the profile's overrides on top.\n" + yaml.safe_dump(values)
