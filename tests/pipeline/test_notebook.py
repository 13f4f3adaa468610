"""The runner: known parameters only, equal bytes for equal results, nothing half-written."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from satsr.pipeline import execute
from satsr.pipeline.execute import check_declared, clean, normalise, parameters
from satsr.pipeline.notebook import main
from satsr.pipeline.notebook_source import code_of, declared_parameters
from satsr.pipeline.params import load_study
from tests.conftest import ROOT


def make(path: Path, *cells: str, first: str = "steps = 1\nname: str = 'a'\nprofile = ''") -> Path:
    parameters = nbformat.v4.new_code_cell(first, metadata={"tags": ["parameters"]})
    nb = nbformat.v4.new_notebook(cells=[parameters, *map(nbformat.v4.new_code_cell, cells)])
    nb.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(nb, path)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own, so that logs do not land in this one."""
    for name in ("params.yaml", "dvc.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_declared_parameters_include_annotated_ones(tmp_path: Path) -> None:
    assert declared_parameters(make(tmp_path / "n.ipynb")) == ["name", "profile", "steps"]


def test_unknown_parameter_lists_the_declared_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown parameters stepz; it declares name, profile, steps"):
        check_declared(make(tmp_path / "n.ipynb"), {"stepz": 1})


def test_notebook_without_parameters_cell_is_refused(tmp_path: Path) -> None:
    nbformat.write(nbformat.v4.new_notebook(), tmp_path / "n.ipynb")
    with pytest.raises(ValueError, match="no cell tagged 'parameters'"):
        declared_parameters(tmp_path / "n.ipynb")


def test_blocks_become_parameters_by_their_first_name() -> None:
    values = parameters(load_study(ROOT), ["train.esrgan", "seeds"])
    assert values["seeds"] == [0]
    assert values["train"]["losses"] == {"l1": 1.0, "perceptual": 0.1, "gan": 0.1}
    with pytest.raises(ValueError, match=r"no block 'train\.unet': no 'unet' in srcnn, highresnet, esrgan"):
        parameters(load_study(ROOT), ["train.unet"])


def test_parts_of_a_block_become_a_parameter_by_their_names() -> None:
    study = load_study(ROOT)
    assert parameters(study, ["train:srcnn,sr3"]) == {
        "train": {name: study.train[name].model_dump(mode="json") for name in ("srcnn", "sr3")}
    }
    with pytest.raises(ValueError, match=r"no block 'train:srcnn,unet': no 'unet' in srcnn, highresnet, esrgan"):
        parameters(study, ["train:srcnn,unet"])


def test_code_is_that_of_all_cells_and_of_no_text(tmp_path: Path) -> None:
    path = make(tmp_path / "n.ipynb", "a = 1\nb = 2")
    nb = nbformat.read(path, as_version=4)
    nb.cells.append(nbformat.v4.new_markdown_cell("import satsr"))
    nbformat.write(nb, path)
    assert code_of(path) == "steps = 1\nname: str = 'a'\nprofile = ''\na = 1\nb = 2"


@pytest.mark.notebook
def test_two_runs_give_equal_bytes(here: Path) -> None:
    source = make(here / "n.ipynb", "import sys\nprint(steps)\nprint('progress 3.1/s', file=sys.stderr)", "2 * steps")
    for name in ("a", "b"):
        execute.run(source, name, [], {"steps": 21})
    first, second = (here / "book" / "executed" / "default" / f"{name}.ipynb" for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text()
    assert 'profile = "default"' in "".join(nbformat.reads(text, as_version=4).cells[1].source)
    assert "42" in text
    assert "progress" not in text.split("outputs")[-1]


@pytest.mark.notebook
def test_failed_run_is_one_line_and_keeps_the_traceback_elsewhere(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    source = make(here / "n.ipynb", "raise ValueError('got 3, expected 4')")
    kept = here / "book" / "executed" / "default" / "out.ipynb"
    kept.parent.mkdir(parents=True)
    kept.write_text("the last good one")
    assert main(["run", str(source), "--as", "out"]) == 1
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("satsr: n.ipynb: ValueError: got 3, expected 4")
    assert kept.read_text() == "the last good one"
    assert "Traceback" in (here / "logs" / "default" / "failed" / "out.ipynb").read_text()


def test_clean_is_idempotent_and_drops_what_a_run_leaves(tmp_path: Path) -> None:
    path = make(tmp_path / "n.ipynb", "1 + 1")
    nb = nbformat.read(path, as_version=4)
    nb.cells[1].update(execution_count=3, outputs=[nbformat.v4.new_output("stream", text="2")])
    nb.cells[1].metadata["execution"] = {"iopub.status.busy": "now"}
    nb.metadata["papermill"] = {"duration": 3.0}
    injected = nbformat.v4.new_code_cell("steps = 9", metadata={"tags": ["injected-parameters"]})
    nb.cells.insert(1, injected)
    nbformat.write(nb, path)
    assert clean(path)
    assert not clean(path)
    cleaned = nbformat.read(path, as_version=4)
    assert [c.source for c in cleaned.cells][1:] == ["1 + 1"]
    assert cleaned.cells[1].outputs == []
    assert set(cleaned.metadata) == {"kernelspec"}


def test_normalise_keeps_outputs_and_figure_captions(tmp_path: Path) -> None:
    path = make(tmp_path / "n.ipynb", "1 + 1")
    nb = nbformat.read(path, as_version=4)
    pieces = {"a\n": "stdout", "progress": "stderr", "b": "stdout"}
    nb.cells[1].outputs = [nbformat.v4.new_output("stream", name=name, text=text) for text, name in pieces.items()]
    nb.cells[1].metadata = {"mystnb": {"figure": {"caption": "c"}}, "papermill": {"duration": 1}}
    nbformat.write(nb, path)
    assert normalise(path) == [0, 1]
    cell = nbformat.read(path, as_version=4).cells[1]
    assert [(o.name, o.text) for o in cell.outputs] == [("stdout", "a\nb")]
    assert dict(cell.metadata) == {"mystnb": {"figure": {"caption": "c"}}}
