"""Which models are tried on real pairs: those that are there, under names that tell their run."""

from __future__ import annotations

from pathlib import Path

from satsr.studies.real.models import GLOBAL_MODELS, gather_global_models, tried_models


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "card.json").write_text(text)


def test_global_models_are_gathered_from_where_their_profiles_ran(tmp_path: Path) -> None:
    root, copy = tmp_path / "root", tmp_path / "root" / ".runs" / "real"
    write(root / "artifacts" / "default" / "global_model", "default's")
    write(root / ".runs" / "overnight" / "artifacts" / "overnight" / "global_model", "overnight's")
    (root / ".runs" / "gpu" / "artifacts" / "gpu" / "global_model").mkdir(parents=True)  # of a run that kept none
    write(copy / GLOBAL_MODELS / "gone", "of a run that is no longer there")
    assert gather_global_models(root, copy, ["default", "overnight", "gpu", "tiny"]) == ["default", "overnight"]
    kept = {path.parent.name: path.read_text() for path in (copy / GLOBAL_MODELS).rglob("card.json")}
    assert kept == {"default": "default's", "overnight": "overnight's"}


def test_models_are_named_by_method_and_run(tmp_path: Path) -> None:
    write(tmp_path / GLOBAL_MODELS / "overnight", "")
    found = tried_models(tmp_path, ["default"], ["bicubic", "esrgan"], seed=3)
    assert found == {
        "esrgan (default)": tmp_path / "artifacts" / "default" / "data" / "s2naip" / "models" / "esrgan" / "seed-3",
        "global model (overnight)": tmp_path / GLOBAL_MODELS / "overnight",
    }
