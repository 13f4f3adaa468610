"""The whole study at tiny size, in a clone: from nothing to the book, isolated from every other profile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from satsr.book.claims import RULES, status
from satsr.common.paths import Workspace
from satsr.data.pairs import Pairs
from satsr.data.readers.s2naip_folder import SETS
from satsr.evaluation.outputs import load_outputs
from satsr.evaluation.tables import NOT_RUN
from satsr.metrics.networks import network_of
from satsr.metrics.psnr import psnr
from satsr.perception.roles import LOSS, folder_of
from satsr.pipeline.params import load_study
from tests.conftest import TinyRun, satsr

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]


def test_it_ends_with_the_path_of_the_book(ran: TinyRun) -> None:
    last = ran.printed.strip().splitlines()[-1]
    assert last.startswith("The book: ")
    assert Path(last.removeprefix("The book: ")).is_file()


def test_the_default_profile_is_byte_for_byte_as_before(ran: TinyRun) -> None:
    assert ran.before
    assert ran.after == ran.before


def test_the_table_has_every_cell(ran: TinyRun) -> None:
    study = load_study(ran.project, "tiny")
    table = pd.read_csv(ran.project / "results" / "tiny" / "main.csv")
    cells = {(m, s, p) for m in study.methods for s in study.evaluate.metrics for p in study.evaluate.protocols}
    assert set(zip(table.method, table.metric, table.protocol, strict=True)) == cells
    assert np.isfinite(table["mean"]).all()
    assert set(table.profile) == {"tiny"}


def test_scores_are_kept_per_image(ran: TinyRun) -> None:
    manifest = json.loads((ran.project / "results" / "tiny" / "data.json").read_text())
    for method in load_study(ran.project, "tiny").methods:
        scores = pd.read_parquet(ran.project / "results" / "tiny" / "scores" / f"{method}.parquet")
        assert scores.tile.nunique() == manifest["sets"]["test"]["chips"]


def test_the_images_that_are_kept_are_those_that_were_scored(ran: TinyRun) -> None:
    copy = ran.project / ".runs" / "tiny"
    here, study = Workspace.of("tiny", copy), load_study(copy)
    test = Pairs(here.data / SETS["test"], study.pairs)
    for method in study.methods:
        scores = pd.read_parquet(here.results / "scores" / f"{method}.parquet")
        own = scores[(scores.metric == "psnr") & (scores.protocol == "corrected") & (scores.seed == scores.seed.min())]
        hr = test.batch(range(len(test))).hr
        found = psnr(load_outputs(here.outputs, method)[0], hr, "corrected").numpy()
        rmse = [10 ** (-np.asarray(values) / 20) for values in (found, own.set_index("tile").value[list(test.tiles)])]
        # rounding moves no value by more than half a step, so neither does it move the error's root mean square
        np.testing.assert_allclose(*rmse, rtol=0, atol=0.5 / 255 + 1e-6, err_msg=method)


def test_every_claim_with_a_rule_has_a_verdict(ran: TinyRun) -> None:
    results = ran.project / "results" / "tiny"
    assert {rule: status(rule, "", results) for rule in RULES if status(rule, "", results) == NOT_RUN} == {}


def test_a_second_run_runs_no_stage(ran: TinyRun) -> None:
    assert "Running stage" not in satsr(ran.project, "study", "--profile", "tiny")


def test_changing_one_method_marks_only_it_and_what_follows(ran: TinyRun) -> None:
    copy = ran.project / ".runs" / "tiny"
    params = copy / "params.yaml"
    text = params.read_text()
    study = load_study(copy)
    params.write_text(text.replace(f"steps: {study.train['esrgan'].steps}", "steps: 13", 1))
    try:
        status = subprocess.run(
            [sys.executable, "-m", "dvc", "status", "--json"], cwd=copy, capture_output=True, text=True
        )
    finally:
        params.write_text(text)
    on_sets = {f"set_methods@{name}" for name in study.data_sets}  # which depend on all of `train`
    assert set(json.loads(status.stdout)) == {"train@esrgan", *on_sets}


def test_no_network_of_a_loss_judges(ran: TinyRun) -> None:
    here = Workspace.of("tiny", ran.project / ".runs" / "tiny")
    cards = [json.loads(path.read_text()) for path in here.models.glob("*/seed-*/*.json")]
    in_losses = {digest for card in cards for digest in card["provenance"].get("loss_networks", {}).values()}
    opened = {
        (kind, folder.name): network_of(kind, str(folder)).digest
        for kind in ("clip", "trunk")
        for folder in folder_of(here, kind, LOSS).parent.iterdir()
    }
    judges = {digest for (_, name), digest in opened.items() if name != LOSS}
    assert in_losses == {opened["trunk", LOSS]}
    assert len(judges) == len(opened) - 2  # all differ, the chosen ones among them
    assert not judges & {digest for (_, name), digest in opened.items() if name == LOSS}
