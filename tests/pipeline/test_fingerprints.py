"""Which notebooks an edit of the package marks: those that run what was edited, and no others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from satsr.data.catalogue import ENTRIES
from satsr.models.methods import METHODS
from satsr.models.superresolver import NETWORKS
from satsr.pipeline.fingerprints import CHOICES, others_of
from tests.conftest import ROOT

Marked = Callable[[str, str, str], set[str]]


def test_choices_are_the_tables_that_the_study_uses() -> None:
    assert set(others_of(*CHOICES["method"])) == set(NETWORKS) == set(METHODS)
    assert set(others_of(*CHOICES["dataset"])) == set(ENTRIES)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Marked:
    """A function that edits a copy of the package, says whose fingerprints move, and takes the edit back."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("satsr", "notebooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.lock", "dvc.yaml", "params.yaml"):
        shutil.copy2(ROOT / name, copy / name)
    before = fingerprints(copy)

    def edited(name: str, old: str, new: str) -> set[str]:
        path = copy / "satsr" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        try:
            after = fingerprints(copy)
        finally:
            path.write_text(text)
        return {key for key in before | after if before.get(key) != after.get(key)}

    return edited


def fingerprints(project: Path) -> dict[str, str]:
    folder = project / "fingerprints"
    command = [sys.executable, "-m", "satsr.pipeline.fingerprints", str(folder)]
    subprocess.run(command, cwd=project, check=True)
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_docstring_marks_nothing(marked: Marked) -> None:
    assert marked("models/rrdbnet.py", '"""', '"""An edit. ') == set()


def test_a_network_marks_its_own_training_and_what_runs_all_methods(marked: Marked) -> None:
    found = marked("models/rrdbnet.py", "RESIDUAL_SCALE = 0.2", "RESIDUAL_SCALE = 0.25")
    assert "30_train.esrgan" in found
    assert {"31_evaluate", "35_speed"} <= found
    assert not {name for name in found if name.startswith(("30_train.", "41_train_latent."))} - {
        "30_train.esrgan",
        "41_train_latent.esrgan",
    }
    assert not found & {"10_data", "20_perception", "40_latent_space", "32_main_table", "34_votes", "53_four_data_sets"}


def test_a_metric_marks_no_training_and_no_table(marked: Marked) -> None:
    found = marked("metrics/sam.py", "import torch", "import torch\n\nSPEED = 1")
    assert "31_evaluate" in found
    assert not {name for name in found if name.startswith(("10_", "20_", "30_", "40_", "41_", "32_", "53_", "54_"))}


def test_a_study_marks_its_own_page(marked: Marked) -> None:
    assert marked("training/counting/counter.py", "THRESHOLD = ", "THRESHOLD = 1 * ") == {
        "23_counter",
        "36_buildings",
        "66_hallucination",
        "72_ranking",
        "90_real_check",
    }


def test_a_table_marks_no_training(marked: Marked) -> None:
    found = marked("evaluation/tables.py", "NOT_RUN = ", "NOT_RUN, IDLE = ")
    assert "32_main_table" in found
    assert not {name for name in found if name.startswith(("10_", "20_", "30_", "40_"))}


def test_the_decoder_of_the_main_data_marks_what_reads_them(marked: Marked) -> None:
    found = marked("data/readers/s2naip_folder.py", "\ndef ", "\nEDITED = 1\n\n\ndef ")
    assert {"10_data", "20_perception", "31_evaluate", "30_train.srcnn", "40_latent_space"} <= found


def test_the_reader_of_one_data_set_marks_its_page_and_not_those_of_others(marked: Marked) -> None:
    found = marked("data/readers/probav.py", "\nclass ", "\nEDITED = 1\n\n\nclass ")
    assert "52_data_set.probav" in found
    assert "50_data_sets" in found
    assert not found & {"52_data_set.worldstrat", "52_data_set.fmow", "30_train.srcnn", "31_evaluate", "10_data"}
