"""The whole study at tiny size, in a clone: from nothing to the book, isolated from every other profile."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from satsr.book.claims import RULES, status
from satsr.common.code import closure, imported
from satsr.common.paths import MAIN, Workspace
from satsr.data.data_set import main_data
from satsr.evaluation.outputs import load_outputs
from satsr.evaluation.tables import NOT_RUN
from satsr.metrics.networks import network_of
from satsr.metrics.psnr import psnr
from satsr.perception.roles import LOSS
from satsr.pipeline.jobs import jobs_of
from satsr.pipeline.notebook_source import code_of
from satsr.pipeline.params import load_study
from satsr.pipeline.stages import read_stages
from tests.conftest import MODULES_SEEN, TinyRun, satsr

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


def test_it_ends_with_the_path_of_the_book(ran: TinyRun) -> None:
    last = ran.printed.strip().splitlines()[-1]
    assert last.startswith("The book: ")
    assert Path(last.removeprefix("The book: ")).is_file()


def results_of(ran: TinyRun) -> Path:
    return ran.project / "results" / "tiny"


def test_the_default_profile_is_byte_for_byte_as_before(ran: TinyRun) -> None:
    assert ran.before
    assert ran.after == ran.before


def test_the_table_has_every_cell(ran: TinyRun) -> None:
    study = load_study(ran.project, "tiny")
    table = pd.read_csv(results_of(ran) / "data" / MAIN / "main.csv")
    cells = {(m, s, p) for m in study.methods for s in study.evaluate.metrics for p in study.evaluate.protocols}
    assert set(zip(table.method, table.metric, table.protocol, strict=True)) == cells
    assert np.isfinite(table["mean"]).all()
    assert set(table.profile) == {"tiny"}


def test_scores_are_kept_per_image(ran: TinyRun) -> None:
    results = results_of(ran) / "data" / MAIN
    places = json.loads((results / "manifest.json").read_text())["splits"]["test"]["places"]
    for method in load_study(ran.project, "tiny").methods:
        scores = pd.read_parquet(results / "scores" / f"{method}.parquet")
        assert scores.tile.nunique() == places


def test_the_images_that_are_kept_are_those_that_were_scored(ran: TinyRun) -> None:
    copy = ran.project / ".runs" / "tiny"
    study = load_study(copy)
    data = main_data(Workspace.of("tiny", copy), study.pairs)
    test, folders = data.pairs["test"], data.folders
    for method in study.methods:
        scores = pd.read_parquet(folders.results / "scores" / f"{method}.parquet")
        own = scores[(scores.metric == "psnr") & (scores.protocol == "corrected") & (scores.seed == scores.seed.min())]
        hr = test.batch(range(len(test))).hr
        found = psnr(load_outputs(folders.outputs, method)[0], hr, "corrected").numpy()
        rmse = [10 ** (-np.asarray(values) / 20) for values in (found, own.set_index("tile").value[list(test.tiles)])]
        # rounding moves no value by more than half a step, so neither does it move the error's root mean square
        np.testing.assert_allclose(*rmse, rtol=0, atol=0.5 / 255 + 1e-6, err_msg=method)


def test_every_claim_with_a_rule_has_a_verdict(ran: TinyRun) -> None:
    results = results_of(ran)
    assert {rule: status(rule, "", results) for rule in RULES if status(rule, "", results) == NOT_RUN} == {}


def test_a_second_run_runs_no_stage(ran: TinyRun) -> None:
    assert satsr(ran.project, "study", "--profile", "tiny").startswith("The book: ")


def test_changing_one_method_marks_only_it_and_what_follows(ran: TinyRun) -> None:
    study = load_study(ran.project / ".runs" / "tiny")
    others = {f"data_set@{name}" for name in study.data_sets}  # where it is trained too, on from this model
    steps = f"\n    steps: {study.train['esrgan'].steps}\n"
    marked = marked_by(ran, steps, "\n    steps: 13\n", after=("\ntrain:\n", "\n  esrgan:\n"))
    assert marked == {"train@esrgan", *others}


def test_changing_one_data_set_marks_not_the_others(ran: TinyRun) -> None:
    tables = {"data_sets", "four_data_sets", "satdiffmoe_data_sets"}
    assert marked_by(ran, "cpsnr_probav", "psnr") == {"data_set@probav", *tables}


def marked_by(ran: TinyRun, old: str, new: str, after: tuple[str, ...] = ()) -> set[str]:
    """Return the stages that DVC lists as changed when the parameters say something else, behind some headings."""
    copy = ran.project / ".runs" / "tiny"
    params = copy / "params.yaml"
    text = params.read_text()
    start = 0
    for heading in after:
        start = text.index(heading, start)
    assert old in text[start:]
    params.write_text(text[:start] + text[start:].replace(old, new, 1))
    try:
        command = [sys.executable, "-m", "dvc", "status", "--json"]
        found = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    finally:
        params.write_text(text)
    return set(json.loads(found.stdout))


def test_every_file_that_a_run_leaves_is_an_output_of_a_stage(ran: TinyRun) -> None:
    copy = ran.project / ".runs" / "tiny"
    values = yaml.safe_load((copy / "params.yaml").read_text())
    declared = {path for job in jobs_of(read_stages(copy), "tiny", values).values() for path in job.makes}
    folders = ("artifacts", "data/tiny", "results/tiny", "book/executed/tiny")
    files = {path.relative_to(copy) for folder in folders for path in (copy / folder).rglob("*") if path.is_file()}
    files = {path for path in files if path.name != ".gitignore"}
    assert files
    of_book = "results/tiny/claims.csv"
    assert of_book in map(str, files)
    declared.add(of_book)
    assert not [str(path) for path in sorted(files) if not declared & {str(path), *map(str, path.parents)}]


def test_no_notebook_runs_code_outside_its_fingerprint(ran: TinyRun) -> None:
    stages = read_stages(ran.project)
    seen: dict[str, set[str]] = {}
    for path in (ran.project / MODULES_SEEN).glob("*.json"):
        told = json.loads(path.read_text())
        if notebook := stages[told["stage"].split("@")[0]].notebook:
            seen.setdefault(notebook, set()).update(told["modules"])
    assert set(seen) == {stage.notebook for stage in stages.values()} - {"", "90_real_check.ipynb"}
    for name, modules in seen.items():
        known = closure(imported(ast.parse(code_of(ran.project / "notebooks" / name))))
        assert not modules - known, f"{name} runs what its fingerprint does not cover"


def test_no_network_of_a_loss_judges(ran: TinyRun) -> None:
    here = Workspace.of("tiny", ran.project / ".runs" / "tiny")
    cards = [json.loads(path.read_text()) for path in here.artifacts.glob("data/*/models/*/seed-*/card.json")]
    in_losses = {digest for card in cards for digest in card["provenance"].get("loss_networks", {}).values()}
    opened = {
        (kind, folder.name): network_of(kind, str(folder)).digest
        for kind in ("clip", "trunk")
        for folder in (here.artifacts / "perception").glob(f"*/{kind}/*")
    }
    judges = {digest for (_, name), digest in opened.items() if name != LOSS}
    assert in_losses == {opened["trunk", LOSS]}
    assert len(judges) == len(opened) - 2  # all differ, the chosen ones among them
    assert not judges & {digest for (_, name), digest in opened.items() if name == LOSS}
