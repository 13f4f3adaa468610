"""What the book says of the cost of variants: equal steps and equal seconds, and nothing of what is not shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from satsr.book.build import NOT_MEASURED, variant_costs
from satsr.common.paths import Workspace

FACTS: dict[str, Any] = {
    "GPU": "none",
    "processor": "a processor",
    "runs": {"variants_images.esrgan": {"samples_per_s": {"1": 40.0, "8": 20.0}, "baseline": "1"}},
}


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    """One study of variants with curves of two."""
    folder = tmp_path / "results" / "small" / "studies" / "images" / "esrgan"
    folder.mkdir(parents=True)
    curves = [
        {"variant": name, "seed": 0, "step": step, "before": 0, "val_clipscore": step / 100 * scale}
        for name, scale in (("1", 1.0), ("8", 2.0))
        for step in (10, 20, 30, 40)
    ]
    pd.DataFrame(curves).to_csv(folder / "curves.csv", index=False)
    (folder / "decision.json").write_text(json.dumps({"decision": "8 before 1: ...", "hidden": {}}))
    return Workspace.of("small", tmp_path)


def hide(here: Workspace, *names: str) -> None:
    path = here.results / "studies" / "images" / "esrgan" / "decision.json"
    path.write_text(json.dumps({"decision": "", "hidden": dict.fromkeys(names, "too short")}))


def test_costs_are_those_of_this_machine(here: Workspace, tmp_path: Path) -> None:
    said = variant_costs(["images/esrgan", "images/highresnet"], here, tmp_path, FACTS)
    assert said.startswith("*esrgan*: ")
    assert "a processor" in said
    row = next(line for line in said.splitlines() if line.startswith("| 8"))
    assert [float(cell) for cell in row.strip("|").split("|")] == [8, 2.0, 0.8, 0.4]


def test_a_hidden_variant_has_no_numbers(here: Workspace, tmp_path: Path) -> None:
    hide(here, "8")
    assert "| 8" not in variant_costs(["images/esrgan"], here, tmp_path, FACTS)
    hide(here, "1", "8")
    assert variant_costs(["images/esrgan"], here, tmp_path, FACTS) == "*esrgan*: what a step costs is not shown.\n"


def test_what_was_restored_from_a_cache_was_not_measured(here: Workspace, tmp_path: Path) -> None:
    assert variant_costs(["images/esrgan"], here, tmp_path, {**FACTS, "runs": {}}) == NOT_MEASURED


def test_the_reference_run_is_quoted(here: Workspace, tmp_path: Path) -> None:
    reference = tmp_path / "results" / "overnight"
    for name in ("data/s2naip/main.csv", "run.json", "studies/images/esrgan/decision.json"):
        (reference / name).parent.mkdir(parents=True, exist_ok=True)
        (reference / name).write_text(json.dumps({"decision": "8 before 1: reproduced in sign", "hidden": {}}))
    said = variant_costs(["images/esrgan"], here, tmp_path, FACTS)
    assert said.endswith("*esrgan*: the reference run (profile **overnight**) says: 8 before 1: reproduced in sign.\n")
