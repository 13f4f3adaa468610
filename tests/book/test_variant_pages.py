"""What the book shows beside a study of variants: cost at equal steps and seconds, and the best reference run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from satsr.book.variant_pages import NOT_MEASURED, costs_of, fragments
from satsr.common.paths import Workspace
from satsr.studies.ablations.report import COLUMNS
from satsr.studies.ablations.settings import AblationSettings, VariantSettings

FACTS: dict[str, Any] = {
    "GPU": "none",
    "processor": "a processor",
    "runs": {"variants_images.esrgan": {"samples_per_s": {"1": 40.0, "8": 20.0}, "baseline": "1"}},
}
NAME = "images/esrgan"
STUDY = AblationSettings(
    baseline="1",
    variants={"1": VariantSettings(means="one"), "8": VariantSettings(means="eight")},
    metrics=("psnr",),
)


def write_study(results: Path, **hidden: str) -> None:
    """Write what a study of two variants leaves, with curves of both."""
    folder = results / "studies" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    curves = [
        {"variant": name, "seed": 0, "step": step, "before": 0, "val_clipscore": step / 100 * scale}
        for name, scale in (("1", 1.0), ("8", 2.0))
        for step in (10, 20, 30, 40)
    ]
    pd.DataFrame(curves).to_csv(folder / "curves.csv", index=False)
    means = [(name, "", "psnr", "corrected", 20.5, 20.1, 20.9, 8, 4, 1, False, "") for name in ("1", "8", "bicubic")]
    pd.DataFrame(means, columns=[*COLUMNS, "hidden"]).to_csv(folder / "means.csv", index=False)
    columns = ["a", "b", "claim", "verdict", "metric", "protocol"]
    pd.DataFrame(columns=columns).to_csv(folder / "claims.csv", index=False)
    said = {"decision": "8 before 1: reproduced in sign", "hidden": hidden}
    (folder / "decision.json").write_text(json.dumps(said))
    (folder / "settings.json").write_text(STUDY.model_dump_json())


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    found = Workspace.of("small", tmp_path)
    write_study(found.results)
    return found


def page(here: Workspace, root: Path, facts: dict[str, Any] = FACTS) -> str:
    return fragments(here, root, facts)["variants_images.md"]


def test_costs_are_those_of_this_machine(here: Workspace, tmp_path: Path) -> None:
    said = page(here, tmp_path)
    assert said.startswith("*esrgan*: ")
    assert "a processor" in said
    row = next(line for line in said.splitlines() if line.startswith("| 8"))
    assert [float(cell) for cell in row.strip("|").split("|")] == [8, 2.0, 0.8, 0.4]


def test_a_hidden_variant_has_no_numbers(here: Workspace) -> None:
    write_study(here.results, **{"8": "too short"})
    assert "| 8" not in costs_of(here.results, NAME, FACTS)
    write_study(here.results, **{"1": "too short", "8": "too short"})
    assert costs_of(here.results, NAME, FACTS) == "What a step costs is not shown."


def test_what_was_restored_from_a_cache_was_not_measured(here: Workspace, tmp_path: Path) -> None:
    assert page(here, tmp_path, {**FACTS, "runs": {}}) == NOT_MEASURED


def write_reference(root: Path, profile: str) -> Path:
    results = root / "results" / profile
    write_study(results)
    part = {"commit": "def456", "date": "2026-03-04", "GPU": "none", "processor": "a Slow CPU"}
    (results / "run.json").write_text(json.dumps({"parts": {"images": part}, "runs": FACTS["runs"]}))
    return results


def test_the_best_reference_run_is_shown_with_its_own_commit_and_costs(here: Workspace, tmp_path: Path) -> None:
    write_reference(tmp_path, "overnight")
    found = fragments(here, tmp_path, FACTS)
    said = found["variants_images.md"]
    assert "## Reference run: esrgan" in said
    assert "Of profile **overnight**, of 2026-03-04, commit `def456`, on a Slow CPU; seeds 0." in said
    assert "**Verdict, by rule:** 8 before 1: reproduced in sign." in said
    assert "| 8 | eight | 20.500 [20.100, 20.900] |" in said
    assert "(on a Slow CPU)" in said
    assert "(../_generated/curves_images_esrgan.svg)" in said
    assert found["curves_images_esrgan.svg"].count("<svg") == 1
    assert fragments(here, tmp_path, FACTS) == found  # equal bytes, or the book would be built again
    write_reference(tmp_path, "gpu")
    assert "Of profile **gpu**" in page(here, tmp_path)
    write_study(tmp_path / "results" / "gpu", **{"1": "too short", "8": "too short"})
    hidden = fragments(here, tmp_path, FACTS)
    assert "| 8 | eight | not shown |" in hidden["variants_images.md"]
    assert not [name for name in hidden if name.endswith(".svg")]
    assert ".svg" not in hidden["variants_images.md"]


def test_a_reference_run_that_is_this_run_is_not_shown_twice(tmp_path: Path) -> None:
    write_reference(tmp_path, "overnight")
    assert "Reference run" not in page(Workspace.of("overnight", tmp_path), tmp_path)
