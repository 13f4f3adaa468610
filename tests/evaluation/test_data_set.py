"""Every method on one data set: what is scored, what is kept, and what its table and its notes say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from torch import Tensor

from satsr.common.paths import Workspace
from satsr.data.data_set import DataSet
from satsr.data.further import further_data
from satsr.data.making.describe import describe
from satsr.data.manifest import write_manifest
from satsr.data.settings import DataSetSettings, PairSettings
from satsr.evaluation import tables
from satsr.evaluation.data_set import Scored, score_methods
from satsr.evaluation.data_set_table import data_set_table
from satsr.evaluation.distance_table import COLUMNS
from satsr.evaluation.evaluate import super_resolve
from satsr.evaluation.outputs import load_outputs
from satsr.evaluation.settings import EvaluateSettings, TableSettings
from satsr.metrics.psnr import psnr
from satsr.metrics.set_distances import SET_DISTANCES, pooled_features
from satsr.models.files import load_model, save_model
from satsr.models.superresolver import ModelCard, SuperResolver
from satsr.perception.roles import folder_of, save_judges
from satsr.perception.trunk import save_trunk
from tests.data.making.chips import made_data_set, made_up_chip
from tests.evaluation.method_scores import method_scores
from tests.made import make_oli2msi, make_probav
from tests.models.small_latents import AUTOENCODER, UNET
from tests.models.small_networks import small_trunk, trunk_card

RGB = ("red", "green", "blue")
SEEN = PairSettings(dates=3)
TILES = ("0_0", "1_0", "32_0", "33_0")  # in two regions
SIZES: dict[str, dict[str, Any]] = {
    "srcnn": {"hidden_channels": 16},
    "satdiffmoe": {"autoencoder": AUTOENCODER, "unet": UNET, "sampling_steps": 2, "every": 1},
}
SEEDS = (0, 1)
PLAIN = EvaluateSettings(metrics=("psnr",), protocols=("corrected",), batch=3)
BOOTSTRAP = TableSettings(resamples=100)
Score = Callable[..., Scored]


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    """Four places, two networks of each method, and a trunk that judges."""
    here = Workspace(tmp_path, "tiny")
    save_trunk(small_trunk(1), trunk_card(1), folder_of(here, "trunk", "eye"))
    save_judges(here, {"trunk": "eye"}, {})
    found = made_data_set(here, {"test": [made_up_chip(tile, seed=n) for n, tile in enumerate(TILES)]}, SEEN)
    for method, sizes in SIZES.items():
        for seed in SEEDS:
            model = SuperResolver(ModelCard(method, sizes, 3, RGB, RGB, 4), seed)
            save_model(model, found.folders.models / method / f"seed-{seed}")
    return found


@pytest.fixture
def score(data: DataSet) -> Score:
    """Score methods on the data set."""

    def run(methods: tuple[str, ...], settings: EvaluateSettings = PLAIN, **options: Mapping[str, Any]) -> Scored:
        return score_methods(data, methods, dict.fromkeys(methods, SEEDS), settings, BOOTSTRAP, options)

    return run


def images_of(data: DataSet, method: str, seed: int) -> tuple[Tensor, Tensor]:
    """Return what a model makes of the test split, and its targets."""
    batch = data.pairs["test"].batch(range(len(TILES)))
    return super_resolve(load_model(data.folders.models / method / f"seed-{seed}"), batch)[0], batch.hr


# Scoring


def test_every_seed_of_every_method_is_scored(data: DataSet, score: Score) -> None:
    found = score(("srcnn", "bicubic"))
    assert list(found.scores) == list(found.outputs) == ["srcnn", "bicubic"]
    assert set(found.scores["bicubic"].seed) == {0}
    assert found.outputs["bicubic"].shape == (1, 4, 3, 128, 128)
    assert found.outputs["srcnn"].shape == (2, 4, 3, 128, 128)
    table = found.scores["srcnn"].set_index(["seed", "tile"]).value
    assert len(table) == len(SEEDS) * len(TILES)
    for seed in SEEDS:
        sr, hr = images_of(data, "srcnn", seed)
        np.testing.assert_allclose(found.outputs["srcnn"][seed], 255 * sr, atol=0.51)
        np.testing.assert_allclose(table[seed].loc[list(TILES)], psnr(sr, hr, "corrected"), rtol=1e-5)


def test_a_data_set_has_metrics_of_its_own(data: DataSet) -> None:
    own = replace(data, settings=DataSetSettings(pairs=SEEN, metrics=("mae",)))
    found = score_methods(own, ["bicubic"], {"bicubic": SEEDS}, PLAIN, BOOTSTRAP)
    assert found.scores["bicubic"].metric.unique().tolist() == ["psnr", "mae"]


def test_what_was_scored_is_not_scored_again(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    first = score(("srcnn",))
    assert capsys.readouterr().err.count("score s2naip srcnn seed") >= 2
    again = score(("bicubic", "srcnn"))
    said = capsys.readouterr().err
    assert "score s2naip bicubic seed 0" in said
    assert "srcnn" not in said
    pd.testing.assert_frame_equal(again.scores["srcnn"], first.scores["srcnn"])
    np.testing.assert_array_equal(again.outputs["srcnn"], first.outputs["srcnn"])


def test_a_method_without_models_is_named(score: Score) -> None:
    with pytest.raises(FileNotFoundError, match=r"esrgan/seed-0 has no card\.json"):
        score(("bicubic", "esrgan"))


@pytest.mark.parametrize("options", [{"sampling_steps": 1}, {"every": 0}, {"every": 0, "returned": "nearest"}], ids=str)
def test_options_change_what_is_scored_and_are_kept_apart(
    options: dict[str, Any], score: Score, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = score(("satdiffmoe",))
    capsys.readouterr()
    other = score(("satdiffmoe",), satdiffmoe=options)
    assert capsys.readouterr().err.count("score s2naip satdiffmoe") >= 2
    assert not np.array_equal(other.outputs["satdiffmoe"], usual.outputs["satdiffmoe"])
    assert not np.allclose(other.scores["satdiffmoe"].value, usual.scores["satdiffmoe"].value, rtol=1e-9)
    for expected, given in ((usual, {}), (other, options)):
        again = score(("satdiffmoe",), satdiffmoe=given)
        np.testing.assert_array_equal(again.outputs["satdiffmoe"], expected.outputs["satdiffmoe"])
    assert capsys.readouterr().err == ""


def test_two_values_of_an_option_are_two_evaluations(score: Score) -> None:
    few, many = (score(("satdiffmoe",), satdiffmoe={"sampling_steps": steps}) for steps in (1, 3))
    assert not np.array_equal(few.outputs["satdiffmoe"], many.outputs["satdiffmoe"])


def test_options_of_one_method_leave_others_alone(score: Score, capsys: pytest.CaptureFixture[str]) -> None:
    score(("srcnn",))
    capsys.readouterr()
    score(("srcnn",), satdiffmoe={"sampling_steps": 1})
    assert capsys.readouterr().err == ""


def test_an_option_that_the_network_does_not_have_is_refused(score: Score) -> None:
    with pytest.raises(AttributeError, match="monthly"):
        score(("satdiffmoe",), satdiffmoe={"monthly": True})


# Distances of sets


def test_distances_are_those_of_the_features_of_each_seed(data: DataSet, score: Score) -> None:
    found = score(("srcnn", "bicubic"), PLAIN.model_copy(update={"set_distances": "judge"})).distances
    assert list(found.columns) == COLUMNS
    rows = found.set_index(["method", "seed", "metric"])
    assert set(rows.index) == {
        (*run, metric) for run in (("srcnn", 0), ("srcnn", 1), ("bicubic", 0)) for metric in SET_DISTANCES
    }
    for seed in SEEDS:
        features, targets = (pooled_features(small_trunk(1), images) for images in images_of(data, "srcnn", seed))
        for metric, distance in SET_DISTANCES.items():
            assert rows.value["srcnn", seed, metric] == pytest.approx(distance(features, targets), rel=1e-3, abs=1e-7)
    assert (found.images == 4).all()
    assert (found.regions == 2).all()
    assert (rows.low <= rows.high).all()


def test_without_a_network_there_are_no_distances(score: Score) -> None:
    found = score(("bicubic",)).distances
    assert found.empty
    assert list(found.columns) == COLUMNS


def test_one_image_is_no_set(tmp_path: Path) -> None:
    here = Workspace(tmp_path, "tiny")
    save_trunk(small_trunk(1), trunk_card(1), folder_of(here, "trunk", "eye"))
    data = made_data_set(here, {"train": [made_up_chip("0_0")]}, SEEN)
    settings = PLAIN.model_copy(update={"set_distances": "eye"})
    found = score_methods(data, ["bicubic"], {"bicubic": SEEDS}, settings, BOOTSTRAP)
    assert len(found.scores["bicubic"]) == 1
    assert found.distances.empty


# On disk


def files_of(data: DataSet) -> dict[str, bytes]:
    """Return the files of the results and the outputs by their names."""
    folders = data.folders
    found = [path for folder in (folders.results, folders.outputs) for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(data.here.root).as_posix(): path.read_bytes() for path in found}


def test_what_is_written_is_what_was_found(data: DataSet, score: Score) -> None:
    found = score(("srcnn", "bicubic"), PLAIN.model_copy(update={"set_distances": "judge"}))
    found.save(data.folders)
    results = data.folders.results
    for method, table in found.scores.items():
        pd.testing.assert_frame_equal(pd.read_parquet(results / "scores" / f"{method}.parquet"), table)
        shown = (255 * load_outputs(data.folders.outputs, method)).round().byte()
        np.testing.assert_array_equal(shown, found.outputs[method])
    distances = pd.read_csv(results / "set_distances.csv")
    pd.testing.assert_frame_equal(distances, found.distances, rtol=1e-5)


def test_scores_and_outputs_of_earlier_methods_do_not_stay(data: DataSet, score: Score) -> None:
    score(("srcnn", "bicubic")).save(data.folders)
    score(("bicubic",)).save(data.folders)
    assert [path.name for path in (data.folders.results / "scores").iterdir()] == ["bicubic.parquet"]
    assert [path.name for path in data.folders.outputs.iterdir()] == ["bicubic.npy"]
    assert not list(data.here.root.rglob("*.partial"))


def test_a_write_that_fails_leaves_the_earlier_files(data: DataSet, score: Score) -> None:
    found = score(("bicubic", "srcnn"))
    found.save(data.folders)
    before = files_of(data)
    other = {"bicubic": found.scores["bicubic"].assign(value=0.0), "srcnn": found.scores["srcnn"]}
    with pytest.raises(KeyError, match="srcnn"):
        replace(found, scores=other, outputs={"bicubic": found.outputs["bicubic"]}).save(data.folders)
    after = files_of(data)
    assert {name: content for name, content in after.items() if ".partial" not in name} == before
    found.save(data.folders)
    assert files_of(data) == before


# The table

METHODS = ("bicubic", "esrgan", "sr3", "satdiffmoe")
METRICS = ("psnr", "lpips:judge")


def with_scores(data: DataSet) -> DataSet:
    """Write made-up scores of some methods, two metrics and both protocols, and return the data set."""
    folder = data.folders.results / "scores"
    folder.mkdir(parents=True)
    for number, method in enumerate(METHODS):
        cells = [
            method_scores([number, 1.0, 2.5], (0.0, 0.25), root=10 * number + shift).assign(
                metric=metric, protocol=protocol, clipped_share=0.125, flattered=False
            )
            for shift, (metric, protocol) in enumerate((m, p) for m in METRICS for p in ("published", "corrected"))
        ]
        pd.concat(cells).to_parquet(folder / f"{method}.parquet")
    return data


def main(tmp_path: Path, dated: bool = True) -> DataSet:
    chip = made_up_chip()
    given = chip if dated else replace(chip, dates=None)
    return with_scores(made_data_set(Workspace(tmp_path, "tiny"), {"train": [given]}, SEEN))


def download(name: str, write: Callable[[Path], Path], tmp_path: Path) -> DataSet:
    """Return another data set, described as the study describes downloads."""
    settings = DataSetSettings(path=str(write(tmp_path / name)), pairs=PairSettings(dates=1, bands=()))
    data = further_data(name, settings, Workspace(tmp_path, "tiny"))
    write_manifest(data.folders, describe(data, {}))
    return with_scores(data)


def noted(table: pd.DataFrame, said: str) -> set[tuple[str, str]]:
    """Return the cells that say something; both protocols say the same."""
    found = {
        protocol: {(row.method, row.metric) for row in part.itertuples() if said in row.note}
        for protocol, part in table.groupby("protocol")
    }
    assert found["published"] == found["corrected"]
    return found["corrected"]


DOUBLING = {("esrgan", metric) for metric in METRICS}
TOLD_OF_TIME = {("satdiffmoe", metric) for metric in METRICS}
IN_COLOR = {(method, "lpips:judge") for method in METHODS}


def test_where_nothing_has_to_be_said_nothing_is(tmp_path: Path) -> None:
    assert set(data_set_table(main(tmp_path).folders, METHODS, BOOTSTRAP).note) == {""}


@pytest.mark.parametrize(
    ("opened", "resized", "repeated", "undated"),
    [
        (lambda to: main(to, dated=False), set(), set(), TOLD_OF_TIME),
        (lambda to: download("probav", make_probav.write, to), DOUBLING, IN_COLOR, TOLD_OF_TIME),
        (lambda to: download("oli2msi", make_oli2msi.write, to), DOUBLING, set(), set()),
    ],
    ids=["color, x4, no dates", "one band, x3, no dates", "color, x3, dates"],
)
def test_notes_stand_on_the_cells_that_they_are_about(
    opened: Callable[[Path], DataSet],
    resized: set[tuple[str, str]],
    repeated: set[tuple[str, str]],
    undated: set[tuple[str, str]],
    tmp_path: Path,
) -> None:
    table = data_set_table(opened(tmp_path).folders, METHODS, BOOTSTRAP)
    assert noted(table, tables.RESIZED) == resized
    assert noted(table, tables.REPEATED) == repeated
    assert noted(table, tables.UNDATED) == undated


def test_means_are_the_corrected_ones(tmp_path: Path) -> None:
    data = main(tmp_path)
    data_set_table(data.folders, METHODS, BOOTSTRAP)
    scores = tables.read_scores(data.folders.results / "scores", METHODS)
    corrected = scores[scores.protocol == "corrected"].groupby(["method", "metric"]).value.mean()
    means = json.loads((data.folders.results / "means.json").read_text())
    assert list(means) == list(METHODS)
    assert {(method, metric): value for method, row in means.items() for metric, value in row.items()} == {
        cell: pytest.approx(value, rel=1e-5) for cell, value in corrected.items()
    }


def test_the_table_is_written_as_it_is_returned(tmp_path: Path) -> None:
    data = main(tmp_path)
    table = data_set_table(data.folders, METHODS[::-1], BOOTSTRAP)
    assert list(dict.fromkeys(table.method)) == list(METHODS[::-1])
    assert len(table) == len(METHODS) * len(METRICS) * 2
    assert set(table.dataset) == {data.title}
    assert set(table.profile) == {"tiny"}
    written = pd.read_csv(data.folders.results / "main.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(written, table, rtol=1e-5)


def test_a_method_without_scores_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"srcnn\.parquet is missing: run the evaluate stage"):
        data_set_table(main(tmp_path).folders, (*METHODS, "srcnn"), BOOTSTRAP)
