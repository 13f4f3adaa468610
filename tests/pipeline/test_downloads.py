"""The whole study where a user's downloads lie: published layouts, without the files that only this project writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from satsr.book.claims import status
from satsr.common.digests import tree_digest
from satsr.common.paths import MAIN, Workspace
from satsr.common.settings import merge
from satsr.data.catalogue import ENTRIES, twin_names
from satsr.evaluation.tables import UNDATED
from satsr.models.methods import find_method
from satsr.pipeline.params import load_study
from satsr.studies.fusion.report import NO_DATES
from tests.conftest import TinyRun, satsr

pytestmark = [pytest.mark.pipeline, pytest.mark.slow]

# What looks at no download, or no closer for more seeds, metrics and variants: the tiny study runs all of it.
AS_FEW_AS_MAY_BE = """
claims: {seeds: [0]}
agreement: {metrics: [psnr], protocols: [corrected]}
speed: {batches: [1], rounds: 1, steps: [1], test_chips: 1}
clip_loss: {run: [without]}
images: {esrgan: {run: ["1"]}, highresnet: {run: []}, satdiffmoe: {run: []}}
discriminators: {run: [as it is]}
scaling: {run: false}
bands: {run: []}
global_model: {study: {run: []}}
"""
OWN_FILES = ("captions.json", "regions.json", "dates.csv")
OWN_FOLDERS = ("land_cover", "vectors")


@pytest.fixture(scope="module")
def downloads(ran: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study's data as their authors would publish them, and its networks that look at images."""
    tiny, out = Workspace.of("tiny", ran.project / ".runs" / "tiny"), tmp_path_factory.mktemp("downloads")
    for name in (MAIN, *twin_names()):
        shutil.copytree(tiny.data_set(name).files, out / name)
    for path in [p for name in OWN_FILES for p in out.rglob(name)]:
        path.unlink()
    for path in [p for name in OWN_FOLDERS for p in out.rglob(name)]:
        shutil.rmtree(path)
    shutil.copytree(tiny.artifacts / "perception", out / "weights")  # without captions none can be trained
    return out


@pytest.fixture(scope="module")
def results(ran: TinyRun, downloads: Path) -> Path:
    """What the tiny study ends with where the data lack dates, captions and outlines, and networks are opened."""
    profiles = ran.project / "profiles"
    tiny = yaml.safe_load((profiles / "tiny.yaml").read_text())
    settings = merge(tiny, yaml.safe_load(AS_FEW_AS_MAY_BE))
    settings["data"] |= {"source": "s2naip", "path": str(downloads / MAIN)}
    for name in twin_names():
        settings["data_sets"].setdefault(name, {})["path"] = str(downloads / name)
    for kind in ("clips", "trunks"):
        found = {
            path.name: {"weights": str(path)} for path in (downloads / "weights").glob(f"*/{kind.removesuffix('s')}/*")
        }
        settings["perception"][kind] = found
    (profiles / "downloads.yaml").write_text(yaml.safe_dump(settings))
    before = tree_digest(downloads)
    satsr(ran.project, "study", "--profile", "downloads")
    assert tree_digest(downloads) == before, "what a user has downloaded stays as it is"
    return ran.project / "results" / "downloads"


def test_the_main_table_has_every_method(ran: TinyRun, results: Path) -> None:
    table = pd.read_csv(results / "data" / MAIN / "main.csv")
    assert set(table.method) == set(load_study(ran.project, "tiny").methods)
    assert np.isfinite(table["mean"]).all()
    assert set(table.dataset) == {"S2-NAIP"}
    told = {name for name in load_study(ran.project, "tiny").methods if find_method(name).pretrained}
    assert set(table[table.note.str.contains(UNDATED)].method) == told
    claims = [status(rule, "", results) for rule in ("time_matters", "relative_time_enough")]
    assert claims == [NO_DATES, NO_DATES]


def test_images_are_those_of_the_embedded_data_and_so_are_the_scores_of_what_does_not_learn(
    ran: TinyRun, results: Path
) -> None:
    def bicubic(profile: str) -> pd.Series:
        scores = pd.read_parquet(results.parent / profile / "data" / MAIN / "scores" / "bicubic.parquet")
        return scores.set_index(["metric", "protocol", "tile"]).value.sort_index()

    pd.testing.assert_series_equal(bicubic("downloads"), bicubic("tiny"))


@pytest.mark.parametrize("name", twin_names())
def test_every_other_data_set_is_read_where_it_lies(ran: TinyRun, results: Path, name: str) -> None:
    own, twin = (results.parent / profile / "data" / name for profile in ("downloads", "tiny"))
    counts = [json.loads((folder / "manifest.json").read_text()) for folder in (own, twin)]
    assert counts[0]["scenes"] == counts[1]["scenes"]
    table = pd.read_csv(own / "main.csv")
    assert set(table.dataset) == {ENTRIES[name].reader.facts.title}
    assert set(table.method) == set(pd.read_csv(twin / "main.csv").method)
