"""Where a number comes from: code, environment, machine, data and time."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from satsr.common.digests import file_digest
from satsr.common.paths import Workspace, project_root

GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")  # of NVIDIA's driver, its WSL form, and AMD's
SHOWN_PACKAGES = (
    "torch",
    "numpy",
    "scipy",
    "rasterio",
    "lightning-fabric",
    "dvc",
    "papermill",
    "jupyter-book",
)


def record(profile: str, name: str, **facts: Any) -> None:
    """Write facts of one run, such as its wall time, beside the hashed outputs (`logs/<profile>/<name>.json`).

    Facts already there under other names stay.
    """
    path = Workspace.of(profile).logs / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**known, **facts}, indent=1, sort_keys=True) + "\n")


def records(profile: str, root: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the facts recorded for a profile on this machine, by run."""
    return {p.stem: json.loads(p.read_text()) for p in sorted(Workspace.of(profile, root).logs.glob("*.json"))}


def git_commit(root: Path) -> str:
    """Return the commit that is checked out, with `+changes` when the tree differs from it, or `unknown`."""
    commit = _output(["git", "-C", str(root), "rev-parse", "--short=12", "HEAD"])
    changed = _output(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    return f"{commit}{'+changes' if changed else ''}" if commit else "unknown"


def processor() -> str:
    """Return the processor's name and number of usable cores."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        name = next((x.split(":")[1].strip() for x in info.read_text().splitlines() if "model name" in x), name)
    return f"{name}, {usable_cores()} cores"


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpu() -> str:
    """Return the name of the first GPU, or `none`."""
    if sys.platform == "linux" and not any(map(os.path.exists, GPU_DEVICES)):
        return "none"  # without the seconds that torch takes to say so
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"


def versions() -> dict[str, str]:
    """Return Python's version and those of the packages that results depend on most."""
    found = {name: metadata.version(name) for name in SHOWN_PACKAGES}
    return {"python": platform.python_version(), **found}


def describe(profile: str, root: Path | None = None) -> dict[str, Any]:
    """Return all that the book's provenance page says about one run of a profile."""
    root = root or project_root()
    return {
        "profile": profile,
        "git commit": os.environ.get("SATSR_COMMIT") or git_commit(root),
        "lock digest": file_digest(root / "requirements.lock"),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "GPU": gpu(),
        "versions": versions(),
        "runs": records(profile, root),
    }


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
