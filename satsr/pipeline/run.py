"""Run the study: the default in place, any other profile in a copy of the project that nothing else shares.

Its stages run side by side (`side_by_side`), from imports that are there already (`warm`); one that nothing has
touched is passed over (`stamps`).

A profile's copy lives in `.runs/<profile>`, with its own `params.yaml`, `dvc.lock` and cache, so that a run of one
profile changes no byte of another. Its results come back as `results/<profile>`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from satsr.common.digests import status_digest
from satsr.common.paths import MAIN, Workspace, real_data
from satsr.common.provenance import describe, git_commit, records, usable_cores
from satsr.common.reading_yaml import read_yaml
from satsr.pipeline.board import plan
from satsr.pipeline.jobs import Job, chosen, followers, jobs_of, with_makers
from satsr.pipeline.params import Study, load_study
from satsr.pipeline.schedule import Schedule
from satsr.pipeline.seconds import OF_USUAL_SECONDS, own_seconds, read_seconds, write_seconds
from satsr.pipeline.side_by_side import run_jobs
from satsr.pipeline.stages import read_stages
from satsr.pipeline.stamps import Stamps
from satsr.pipeline.threads import limit_threads
from satsr.pipeline.warm import warm_parent

RUN = "run.json"  # in a profile's results: where they come from
OF_ENVIRONMENT = ("lock digest", "system", "versions")
WITH_GLOBAL_MODELS = ("default", "overnight", "gpu")  # profiles whose global model is tried on real pairs
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


def run_study(root: Path, profile: str, workers: int = 0, only: Sequence[str] = (), without: str = "") -> Path:
    """Bring a profile's results up to date, or a part of them, and return the folder in which they were made.

    Args:
        root: the project's root.
        profile: a profile's name, `default` for `params.yaml` as it stands.
        workers: how many stages may run at the same time; 0 is one for every core, or one where there is a GPU.
        only: stages that are wanted, all when none is named; what they need is run too. Of another profile, their
            results alone come back, beside those of earlier parts.
        without: a stage that is not run, nor what needs it.

    Raises:
        ValueError: an unknown profile, parameter or stage.
        RuntimeError: a stage failed, or another `satsr study` runs here.
    """
    study = load_study(root, profile)
    _check_source(root, study)
    in_place = profile == load_study(root).profile
    jobs = jobs_of(read_stages(root), profile, study.model_dump(mode="json"))
    wanted = chosen(jobs, only)
    left_out = followers(jobs, without) if without else set()
    if only and (never := sorted(left_out.intersection(wanted))):
        raise ValueError(f"profile {profile} does not run {', '.join(never)}: name other stages")
    where = root if in_place else prepare_copy(root, study)
    with only_one(where / ".dvc" / "tmp" / "study.lock"):
        environment = _environment(root)
        for stage, stamp in _changed_sources(where).items():
            _repro(where, ["--force", "--single-item", stage], environment)
            stamp()
        running = {name: job for name, job in with_makers(jobs, wanted).items() if name not in left_out}
        _run_jobs(where, study.profile, workers or _workers(), running, environment)
    if in_place and (note := changed_results(root, study.profile)):
        print(note, file=sys.stderr)
    if not in_place and only:
        bring_parts_back(where, root, profile, [jobs[name] for name in wanted])
    elif not in_place:
        bring_back(where, root, profile)
    return where


def changed_results(root: Path, profile: str) -> str:
    """Return a line on what a run in place has changed of what git keeps; empty when that is nothing.

    On another processor than that of the committed run, trainings end elsewhere.
    """
    kept = ["dvc.lock", f"results/{profile}"]
    command = ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=all", "--", *kept]
    count = len(subprocess.run(command, capture_output=True, text=True).stdout.splitlines())
    if not count:
        return ""
    undo = f"git checkout {' '.join(kept)}"
    why = "as after any run on another processor or of other code"
    return f"files of {' and '.join(kept)} that git sees changed: {count}, {why}; `{undo}` undoes that"


def _run_jobs(where: Path, profile: str, workers: int, jobs: Mapping[str, Job], environment: Mapping[str, str]) -> None:
    """Bring some stages of a profile up to date.

    Raises:
        RuntimeError: some failed; the message names each, and what was left out.
    """
    parameters = read_yaml(where / "params.yaml")
    here = Workspace.of(profile, where)
    stamps = Stamps(where, here.scratch / "stamps", parameters)
    left = {name: job for name, job in jobs.items() if not stamps.fresh(job)}
    if not left:
        return
    logs = here.logs / "stages"
    seconds, own = read_seconds(logs), own_seconds(logs)
    usual = dict(seconds)
    guess = Schedule(left, seconds).seconds_left(workers, {})
    print(plan(len(left), workers, guess, left.keys() <= own.keys(), profile == OF_USUAL_SECONDS), file=sys.stderr)
    with warm_parent(where, environment) as warm:
        failed = run_jobs(where, jobs, workers, warm, stamps, logs, seconds)
    write_seconds(logs, {**own, **{name: took for name, took in seconds.items() if took != usual.get(name)}})
    if failed:
        raise RuntimeError(_what_failed(failed))


def _what_failed(reasons: Mapping[str, str]) -> str:
    lines = [f"stage {name} failed: {reason}" for name, reason in reasons.items() if reason]
    waiting = [name for name, reason in reasons.items() if not reason]
    lines += [f"not run, since it needs what failed: {', '.join(waiting)}"] if waiting else []
    return "\n".join(lines)


def _workers() -> int:
    """Return how many stages run side by side when nobody says.

    On a GPU one: several would share its memory, and its host has cores to read with.
    """
    return 1 if Path("/dev/nvidiactl").exists() else usable_cores()


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Hold a lock file while a study runs in a folder; it ends with its process, however that ends.

    Raises:
        RuntimeError: another process holds it.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise RuntimeError(
                f"another `satsr study` (process {file.read() or 'unknown'}) runs here: wait until it ends, or end it"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _check_source(root: Path, study: Study) -> None:
    """Make sure, before anything is spent, that the data sets are known and their downloads there."""
    from satsr.data.catalogue import check_data_sets

    check_data_sets(study.data_sets)
    folders = {"s2naip": study.data.path} if study.data.source == "s2naip" else {}
    folders |= {name: found.path for name, found in study.data_sets.items() if found.path}
    for name, path in folders.items():
        if not (root / path).is_dir():
            raise FileNotFoundError(
                f"profile {study.profile} needs {name} at {root / path}: `satsr data get {name}` downloads it or says "
                "how; nothing was run"
            )


def run_real(root: Path, workers: int = 0, only: Sequence[str] = ()) -> Path:
    """Run the study on real images, then the default's and its own models on real pairs (`make real`).

    Args:
        root: the project's root.
        workers: as of `run_study`.
        only: as of `run_study`.

    Returns:
        the project's root: the book of the default study shows the run, which has no pages of other data sets itself.

    Raises:
        FileNotFoundError: no folder of real images, or the default study has not been run.
    """
    study = load_study(root, "real")
    folder = (root / study.data.path).resolve()
    if not folder.is_dir():
        raise FileNotFoundError(f"no real images at {folder}: put them there, or set data.path in profiles/real.yaml")
    from satsr.studies.real.models import gather_global_models

    ours, copied = (Workspace.of("default", place) for place in (root, root / ".runs" / "real"))
    models, counters = ((here.data_set(MAIN).models, here.artifacts / "counter") for here in (ours, copied))
    for source, target in zip(models, counters, strict=True):
        if not source.is_dir():
            raise FileNotFoundError(f"{source} is missing: run `make study` first, its networks are checked too")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    gather_global_models(root, root / ".runs" / "real", WITH_GLOBAL_MODELS)
    run_study(root, "real", workers, only, without="data_sets")
    return root


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
    except OSError as error:
        raise RuntimeError(f"git cannot be run ({error}): install git, which DVC needs too") from None
    except subprocess.CalledProcessError as error:
        if "dubious ownership" in error.stderr:
            raise RuntimeError(
                f"{root} belongs to another user than this one, and git does not look into it: run `git config "
                f"--global --add safe.directory {root}` if you trust its owner, or clone it yourself"
            ) from None
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
    (arriving / RUN).write_text(run + "\n")
    shutil.rmtree(kept, ignore_errors=True)
    arriving.rename(kept)


def bring_parts_back(copy: Path, root: Path, profile: str, jobs: Sequence[Job]) -> None:
    """Replace what some stages left in `results/<profile>`, and note in its `run.json` where that comes from.

    The results of other stages stay, with what is noted of them.
    """
    results = f"results/{profile}"
    for job in jobs:
        for path in (path for path in job.makes if path.startswith(f"{results}/") and (copy / path).exists()):
            _replace(copy / path, root / path)
    noted, recorded = root / results / RUN, records(profile, copy)
    run: dict[str, Any] = json.loads(noted.read_text()) if noted.is_file() else {"profile": profile}
    environment = {key: value for key, value in describe(profile, copy).items() if key in OF_ENVIRONMENT}
    facts = {name: {key: value for key, value in own.items() if key != "cells_s"} for name, own in recorded.items()}
    parts = {job.name: {**environment, **facts[job.notebook]} for job in jobs if job.notebook in facts}
    run["parts"] = {**run.get("parts", {}), **parts}
    own = {job.notebook for job in jobs} | {f"variants_{job.name}" for job in jobs}
    run["runs"] = {**run.get("runs", {}), **{n: found for n, found in facts.items() if n.partition(".")[0] in own}}
    noted.parent.mkdir(parents=True, exist_ok=True)
    arriving = noted.with_suffix(".partial")
    arriving.write_text(json.dumps(run, indent=1, sort_keys=True) + "\n")
    arriving.replace(noted)


def _replace(source: Path, target: Path) -> None:
    """Put a copy of a file or folder in the place of another."""
    arriving = target.with_name(f".{target.name}.partial")
    arriving.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.rmtree(arriving, ignore_errors=True)
        shutil.copytree(source, arriving)
        shutil.rmtree(target, ignore_errors=True)
    else:
        shutil.copy2(source, arriving)
    arriving.rename(target)


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
    own = {"PATH": path, "SATSR_COMMIT": git_commit(root), "SATSR_REAL_DATA": str(real_data(root))}
    environment = {**os.environ, **own}
    limit_threads(environment)
    return environment


def _repro(where: Path, targets: Sequence[str], environment: Mapping[str, str]) -> None:
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
    return "# Written by `satsr study`: params.yaml with the profile's overrides on top.\n" + yaml.safe_dump(
        values, sort_keys=False
    )
