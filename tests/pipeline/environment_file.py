"""Write `environment.yml` from `pyproject.toml` and `requirements.lock`: `make lock` runs this."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def direct() -> dict[str, Requirement]:
    """Return the direct dependencies by normalised name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    return {normal(r.name): r for r in map(Requirement, listed)}


def locked() -> dict[str, list[Requirement]]:
    """Return the locked requirements by normalised name; a package may have one per Python version."""
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if line and line[0].isalnum():
            requirement = Requirement(line.rstrip("\\ "))
            found.setdefault(normal(requirement.name), []).append(requirement)
    return found


def normal(name: str) -> str:
    """Return a package name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def environment() -> str:
    """Return the text of `environment.yml`: conda brings Python, pip the locked versions of what is named here."""
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    lines = [f"      - {r}" for name in direct() for r in locked()[name]]
    head = [
        "# Made by `make lock`. For conda users; `make setup` installs all of requirements.lock, by hash.",
        "name: satsr",
    ]
    head += ["channels: [conda-forge]", "dependencies:", f"  - python{python}", "  - pip", "  - pip:"]
    return "\n".join([*head, *lines, "      - --editable ."]) + "\n"


if __name__ == "__main__":
    (ROOT / "environment.yml").write_text(environment())
