"""What `dvc.yaml` says of every stage: its notebook, what it needs and what it makes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

KEYS = ("${key}", "${item}")


@dataclass(frozen=True)
class Stage:
    """One stage, or one group of stages that differ in a key.

    Attributes:
        name: without a key.
        text: as it stands in `dvc.yaml`, one of a group.
        group: the list or block of `params.yaml` that its keys come from; empty where none is asked.
        own_keys: its keys, where `dvc.yaml` itself names them; those of a single stage are one empty key.
    """

    name: str
    text: dict[str, Any]
    group: str = ""
    own_keys: tuple[str, ...] = ("",)

    @cached_property
    def notebook(self) -> str:
        """File name of its notebook; empty for the stage that runs none."""
        found = re.search(r"notebooks/(\w+\.ipynb)", self.text["cmd"])
        return found[1] if found else ""

    @property
    def parameter(self) -> str:
        """Name of the notebook's parameter that takes the key; empty where there is none."""
        found = re.search(r"-p (\w+) \$\{(?:key|item)\}", self.text["cmd"])
        return found[1] if found else ""

    def needs(self, profile: str, key: str = "") -> list[str]:
        """Return the paths that it depends on.

        Args:
            profile: a profile's name.
            key: of one stage of a group.
        """
        return [_filled(path, profile, key) for path in self.text.get("deps", [])]

    def reads(self, key: str = "") -> list[str]:
        """Return the dotted names of the parameters that it depends on, for one stage of a group."""
        return [_filled(name, "", key) for name in self.text.get("params", [])]

    def makes(self, profile: str, key: str = "") -> list[str]:
        """Return the paths that it makes.

        Args:
            profile: a profile's name.
            key: of one stage of a group.
        """
        every = [x for kind in ("outs", "metrics", "plots") for x in self.text.get(kind, [])]
        return [_filled(next(iter(x)) if isinstance(x, dict) else x, profile, key) for x in every]


def read_stages(root: Path) -> dict[str, Stage]:
    """Return all stages of the project by name, in the order of `dvc.yaml`, which is one in which they can run."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    return {name: _stage(name, text) for name, text in stages.items()}


def _stage(name: str, text: dict[str, Any]) -> Stage:
    if "foreach" not in text:
        return Stage(name, text)
    keys = text["foreach"]
    if isinstance(keys, list):
        return Stage(name, text["do"], own_keys=tuple(keys))
    return Stage(name, text["do"], keys.strip("${}"))


def _filled(path: str, profile: str, key: str = "") -> str:
    path = path.replace("${profile}", profile)
    for name in KEYS if key else ():
        path = path.replace(name, key)
    return path
