"""Variants of a training are what their names say, start where they say, and are compared seed by seed."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from satsr.common.paths import Workspace
from satsr.common.settings import check
from satsr.data.data_set import DataSet
from satsr.data.settings import PairSettings
from satsr.evaluation.settings import TableSettings
from satsr.evaluation.tables import NOT_RUN
from satsr.perception.roles import folder_of
from satsr.studies.ablations.engine import Tried, try_variants
from satsr.studies.ablations.figures import curves_plot, forest
from satsr.studies.ablations.report import (
    LEAST_STEPS,
    UNDECIDED,
    Report,
    as_text,
    at_equal_seconds,
    claims_text,
    decision,
    hidden_variants,
    report,
    saved_report,
    speed_up_lines,
    speed_up_table,
    summary,
)
from satsr.studies.ablations.scaling import seen_sentence, slopes, times_seen
from satsr.studies.ablations.settings import BICUBIC, AblationSettings, ScalingSettings, name_of
from satsr.studies.ablations.variants import Variant, share_of, variants_of
from satsr.training.settings import TrainSettings
from tests.data.making.chips import made_data_set, made_up_chip
from tests.models.small_networks import save_small_clip
from tests.training.test_train import TINY

TRAINING = TrainSettings(**{**TINY, "losses": {"l1": 1.0, "gan": 0.1}, "steps": 4, "gan_start": 1, "crop": 16})
TRAININGS = {"esrgan": TRAINING}
STUDY: dict[str, Any] = {
    "baseline": "without",
    "metrics": ["psnr"],
    "seeds": [0, 1],
    "variants": {
        "without": {"means": "as it is"},
        "clip": {"change": {"losses": {"clip": 1.0}}},
        "later": {"change": {"losses": {"clip": 1.0}}, "start": "without", "start_steps": 2},
        "one image": {"pairs": {"dates": 1}},
        "alone": {"change": {"discriminator_sees": []}},
        "older": {"change": {"discriminator_sees": ["lr", "old_hr"]}, "pairs": {"old_hr": True}},
        "little": {"share": 0.4},
    },
    "claims": [{"better": "clip", "worse": "without", "metric": "psnr", "source": "a test"}],
}


def study(**changes: Any) -> AblationSettings:
    return check(AblationSettings, {**STUDY, **changes}, "ablation")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    here = Workspace(tmp_path_factory.mktemp("variants"), "test")
    save_small_clip(3, folder_of(here, "clip", "loss"))
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(5)]
    return made_data_set(here, {"train": chips}, PairSettings(dates=3))


@pytest.fixture(scope="module")
def variants(data: DataSet) -> dict[str, Variant]:
    return variants_of(study(), TRAININGS, data, "ablation")


@pytest.fixture(scope="module")
def tried(data: DataSet, variants: dict[str, Variant]) -> Tried:
    return try_variants("test", study(), variants)


def test_a_variant_is_the_common_training_with_its_change(variants: dict[str, Variant]) -> None:
    assert variants["without"].training == TRAINING
    assert variants["clip"].training.losses == {"l1": 1.0, "gan": 0.1, "clip": 1.0}
    assert variants["alone"].training.discriminator_sees == ()
    assert variants["older"].data.settings.pairs.old_hr
    assert variants["one image"].data.settings.pairs.dates == 1
    assert {name: len(v.data.pairs["train"]) for name, v in variants.items()} == {
        "without": 5, "clip": 5, "later": 5, "one image": 5, "alone": 5, "older": 5, "little": 2
    }  # fmt: skip
    later = variants["later"].start
    assert later is not None
    assert (later.name, later.training.steps) == ("without", 2)


def test_shares_lie_within_each_other(data: DataSet) -> None:
    parts = [share_of(data.pairs["train"].tiles, share) for share in (0.2, 0.4, 0.8, 1.0)]
    assert [len(part) for part in parts] == [1, 2, 4, 5]
    assert all(a < b for a, b in pairwise(parts))


def test_networks_have_the_channels_that_a_variant_asks_for(tried: Tried) -> None:
    channels = {name: next(iter(models[0].network.parameters())).shape[1] for name, models in tried.models.items()}
    assert channels == {"without": 9, "clip": 9, "later": 9, "one image": 3, "alone": 9, "older": 9, "little": 9}


def test_losses_are_active_where_they_are_asked_for(tried: Tried) -> None:
    active = {v for v, rows in tried.curves.groupby("variant") if rows.get("loss_clip", pd.Series()).notna().any()}
    assert active == {"clip", "later"}


def test_every_variant_has_a_score_for_every_place_and_seed(tried: Tried) -> None:
    counts = tried.scores.groupby("method").size().to_dict()
    assert counts == {**dict.fromkeys(STUDY["variants"], 10), BICUBIC: 5}


def test_curves_show_what_may_be_shown_seed_by_seed(tried: Tried) -> None:
    figure = curves_plot(tried.curves, ["without", "clip"])
    assert figure is not None
    axis = next(axis for axis in figure.axes if axis.get_title().startswith("validation PSNR"))
    mean, first, second = (line.get_ydata() for line in axis.lines[3:])  # of clip: the mean, then a line for every seed
    own = tried.curves[tried.curves.variant == "clip"]
    np.testing.assert_allclose([first, second], [own[own.seed == seed].val_psnr for seed in (0, 1)])
    np.testing.assert_allclose(mean, (np.asarray(first) + np.asarray(second)) / 2)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["without", "clip"]
    assert curves_plot(tried.curves, []) is None


def test_what_starts_from_another_goes_on_from_it(variants: dict[str, Variant], tried: Tried, data: DataSet) -> None:
    """With a learning rate of nothing it stays where it was taken over."""
    still = study(
        variants={**STUDY["variants"], "later": {**STUDY["variants"]["later"], "change": {"learning_rate": 1e-12}}}
    )
    left = try_variants("still", still, variants_of(still, TRAININGS, data, "ablation"))
    cut = variants_of(study(variants={"without": {"change": {"steps": 2}}}, claims=[]), TRAININGS, data, "ablation")
    two_steps = try_variants("cut", study(variants={"without": {}}, claims=[]), cut)
    ours, theirs = left.models["later"][0].network.state_dict(), two_steps.models["without"][0].network.state_dict()
    for name in theirs:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-6)
    assert not torch.equal(tried.models["later"][0].network.conv_first.weight, ours["conv_first.weight"])


def test_nothing_is_trained_twice(tried: Tried, variants: dict[str, Variant]) -> None:
    assert set(tried.speeds) == set(STUDY["variants"])
    assert try_variants("test", study(), variants).speeds == {}


BOOTSTRAP = TableSettings(resamples=200)


def test_tables_say_what_was_run_and_what_was_not(tried: Tried, data: DataSet) -> None:
    asked = study(run=["without", "clip"])
    some = replace(tried, scores=tried.scores[tried.scores.method.isin(["without", "clip", BICUBIC])])
    ready = variants_of(asked, TRAININGS, data, "ablation")
    assert list(ready) == ["without", "clip"]
    found = report(some, asked, ready, BOOTSTRAP)
    assert found.means.variant.tolist() == ["without", "clip", BICUBIC]
    clip = some.scores[some.scores.method == "clip"].value.mean()
    assert found.means.set_index("variant").loc["clip", "mean"] == pytest.approx(clip)
    text = as_text(replace(found, hidden={"without": "", "clip": "too short"}), asked).set_index("variant")
    assert text.loc["little", "psnr"] == NOT_RUN
    assert text.loc["clip", "psnr"] == "not shown"
    assert text.loc["clip", "what it is"] == " (too short)"
    assert text.loc["without", "what it is"] == "as it is"
    assert found.claims[["a", "b", "claim"]].to_numpy().tolist() == [["clip", "without", "a test"]]


def test_a_profile_that_runs_none_says_so(data: DataSet, tmp_path: Path) -> None:
    asked = study(run=[])
    ready = variants_of(asked, TRAININGS, data, "ablation")
    tried = try_variants("none", asked, ready)
    found = report(tried, asked, ready, BOOTSTRAP)
    assert found.decision == f"clip before without: {NOT_RUN}"
    assert set(as_text(found, asked).psnr) == {NOT_RUN}
    assert forest(found, asked) is None
    assert summary(found, asked, "small").measured.tolist() == [NOT_RUN]
    found.save(tmp_path, tried, asked)
    assert json.loads((tmp_path / "decision.json").read_text()) == {"decision": found.decision, "hidden": {}}
    assert pd.read_csv(tmp_path / "curves.csv").empty


def test_what_was_saved_is_read_as_it_was(tried: Tried, variants: dict[str, Variant], tmp_path: Path) -> None:
    found = report(tried, study(), variants, BOOTSTRAP)
    found = replace(found, hidden={**found.hidden, "clip": ""})
    found.save(tmp_path, tried, study())
    read, settings = saved_report(tmp_path)
    assert settings == study()
    assert (read.hidden, read.decision) == (found.hidden, found.decision)
    pd.testing.assert_frame_equal(as_text(read, settings), as_text(found, study()))
    pd.testing.assert_frame_equal(claims_text(read, settings), claims_text(found, study()))
    marked = pd.read_csv(tmp_path / "means.csv").set_index("variant").hidden
    assert marked.dropna().to_dict() == {name: why for name, why in found.hidden.items() if why}


def test_short_trainings_and_poor_baselines_are_not_read(variants: dict[str, Variant]) -> None:
    def hidden(baseline: int, other: int, ahead: float = 1.0) -> dict[str, str]:
        steps = {"without": baseline, "clip": other}
        long = {
            name: replace(variants[name], training=TRAINING.model_copy(update={"steps": count}))
            for name, count in steps.items()
        }
        rows = [(name, "psnr", 20.0 + ahead) for name in long] + [(BICUBIC, "psnr", 20.0)]
        return hidden_variants(pd.DataFrame(rows, columns=["variant", "metric", "mean"]), study(), long)

    short = f"learned for fewer than {LEAST_STEPS} steps"
    assert hidden(LEAST_STEPS, LEAST_STEPS) == {"without": "", "clip": ""}
    assert hidden(LEAST_STEPS, LEAST_STEPS - 1) == {"without": "", "clip": short}
    assert hidden(LEAST_STEPS - 1, LEAST_STEPS) == dict.fromkeys(("without", "clip"), f"without {short}")
    poor = "in psnr, without is not better than bicubic"
    assert hidden(LEAST_STEPS, LEAST_STEPS, ahead=-1.0) == dict.fromkeys(("without", "clip"), poor)


def test_steps_of_what_a_variant_goes_on_from_count(variants: dict[str, Variant]) -> None:
    half = TRAINING.model_copy(update={"steps": LEAST_STEPS // 2})
    start = replace(variants["without"], training=half)
    ready = {
        "without": replace(variants["without"], training=TRAINING.model_copy(update={"steps": LEAST_STEPS})),
        "later": replace(variants["later"], training=half, start=start),
    }
    table = pd.DataFrame(
        [("without", "psnr", 21.0), ("later", "psnr", 22.0), (BICUBIC, "psnr", 20.0)],
        columns=["variant", "metric", "mean"],
    )
    assert hidden_variants(table, study(), ready) == {"without": "", "later": ""}


def test_steps_count_from_the_start_of_what_a_variant_goes_on_from(tried: Tried) -> None:
    last = tried.curves.groupby("variant")[["step", "before"]].max()
    assert last.loc["without"].tolist() == [4, 0]
    assert last.loc["later"].tolist() == [6, 2]


def claimed(verdict: str, difference: float = 0.05, seeds: int = 2, smallest: float = 0.04) -> pd.DataFrame:
    row = {"a": "clip", "b": "without", "metric": "psnr", "protocol": "corrected", "claim": "a test"}
    numbers = {"difference": difference, "low": difference - 0.02, "high": difference + 0.02}
    return pd.DataFrame([{**row, **numbers, "verdict": verdict, "seeds": seeds, "smallest": smallest}])


@pytest.mark.parametrize(
    ("row", "published", "said"),
    [
        (claimed("a beats b"), 0.09, "reproduced in sign: psnr +0.05 [0.03, 0.07], published about 0.09"),
        (claimed("a beats b"), None, "reproduced in sign: psnr +0.05 [0.03, 0.07]"),
        (claimed("b beats a", -0.05), 0.09, "not reproduced, it is the other way round: psnr -0.05"),
        (claimed("not shown", 0.01), 0.09, "not reproduced: psnr +0.01"),
        (claimed("not shown", 0.01, smallest=0.1), 0.09, f"{UNDECIDED}: 0.10 would be shown"),
        (claimed("not shown", 0.01), None, f"{UNDECIDED}: 0.04 would be shown"),
        (claimed("not shown", 0.01, seeds=1, smallest=float("nan")), 0.09, f"{UNDECIDED}: one seed"),
        (claimed("one seed: not said", seeds=1, smallest=float("nan")), 0.09, f"{UNDECIDED}: one seed"),
        (claimed(NOT_RUN), 0.09, NOT_RUN),
    ],
)
def test_a_decision_follows_the_rule(row: pd.DataFrame, published: float | None, said: str) -> None:
    asked = study(published=published)
    shown = {"clip": "", "without": ""}
    assert decision(row, asked, shown).startswith(f"clip before without: {said}")
    if row.verdict.iloc[0] != NOT_RUN:
        hidden = decision(row, asked, {**shown, "clip": "too short"})
        assert hidden == f"clip before without: {UNDECIDED}: too short"


def test_equal_seconds_are_fewer_steps_of_what_costs_more() -> None:
    steps = [10, 20, 30, 40]
    curves = pd.concat(
        pd.DataFrame({"variant": name, "seed": 0, "step": steps, "before": 0, "val_clipscore": scores})
        for name, scores in (("without", [0.1, 0.2, 0.3, 0.4]), ("clip", [0.3, 0.5, 0.6, 0.7]))
    )
    table = at_equal_seconds(curves, {"without": 40.0, "clip": 20.0}, "without", "val_clipscore").set_index("variant")
    assert table.loc["clip"].tolist() == [2.0, 0.7, 0.5]
    assert table.loc["without"].tolist() == [1.0, 0.4, 0.4]
    assert at_equal_seconds(curves, {"clip": 20.0}, "without", "val_clipscore").empty
    later = curves.assign(before=curves.variant.map({"without": 0, "clip": 20}))  # these 20 steps cost no more
    table = at_equal_seconds(later, {"without": 40.0, "clip": 20.0}, "without", "val_clipscore").set_index("variant")
    assert table.loc["clip"].tolist() == [2.0, 0.7, 0.6]


def test_how_much_sooner_is_counted_seed_by_seed(tried: Tried, variants: dict[str, Variant]) -> None:
    curves = pd.concat(
        pd.DataFrame({"variant": name, "seed": seed, "step": [10, 20, 30, 40], "val_clipscore": scores})
        for seed in (0, 1)
        for name, scores in (("without", [0.1, 0.2, 0.3, 0.4]), ("clip", [0.3, 0.5, 0.6, 0.7]))
    )
    faster = speed_up_table(curves, study())
    assert faster.ratio.tolist() == [2.0, 2.0]
    found = Report(pd.DataFrame(), pd.DataFrame(), {"clip": "", "without": ""}, "")
    assert speed_up_lines(faster, found).startswith("- clip: 2 times (2 to 2), 2 seeds")
    assert speed_up_lines(faster, replace(found, hidden={"clip": "short"})) == "Nothing is shown."


def grid(**changes: Any) -> ScalingSettings:
    sizes = {"small": {"num_feat": 8}, "large": {"num_feat": 12}}
    return check(ScalingSettings, {"shares": [0.2, 1.0], "sizes": sizes, "metrics": ["psnr"], **changes}, "scaling")


def test_a_grid_of_shares_and_sizes_is_a_study(data: DataSet) -> None:
    asked = grid()
    ready = variants_of(asked.study, TRAININGS, data, "scaling")
    assert list(ready) == ["small, 20%", "small, 100%", "large, 20%", "large, 100%"]
    assert [len(v.data.pairs["train"]) for v in ready.values()] == [1, 5, 1, 5]
    assert [v.training.network["num_feat"] for v in ready.values()] == [8, 8, 12, 12]
    assert (asked.study.claims[0].better, asked.study.claims[0].worse) == ("small, 100%", "small, 20%")
    seen = times_seen(ready, asked)
    # 4 steps of 2 places: of one place a batch takes the one
    assert seen[seen["size"] == "small"].times.tolist() == [4.0, 8 / 5]
    assert "From 20% on that is fewer than 5 times" in seen_sentence(seen)
    assert grid(run=False).study.running == ()
    with pytest.raises(ValueError, match="expected rising shares"):
        grid(shares=[1.0, 0.2])


def test_a_slope_is_what_ten_times_the_data_gain() -> None:
    asked = grid(shares=[0.01, 0.1, 1.0])
    rng = np.random.default_rng(0)
    of_regions = {f"r{n}": rng.normal() for n in range(12)}
    rows = [
        (name_of(size, share), f"{region}_{chip}", region, "psnr", seed, of_region + gain * np.log10(share))
        for size, gain in (("small", 0.5), ("large", 0.0))
        for share in asked.shares
        for region, of_region in of_regions.items()
        for chip in range(2)
        for seed in (0, 1)
    ]
    scores = pd.DataFrame(rows, columns=["method", "tile", "region", "metric", "seed", "value"])
    found = slopes(scores, asked, BOOTSTRAP).set_index("size")
    # regions differ, their gains do not: the interval, over the same regions for every share, has no width
    np.testing.assert_allclose(found.loc["small", ["gain", "low", "high"]].astype(float), 0.5, atol=1e-9)
    np.testing.assert_allclose(found.loc["large", ["gain", "low", "high"]].astype(float), 0.0, atol=1e-9)


@pytest.mark.parametrize(
    ("variant", "said"),
    [
        (
            {"pairs": {"dates": 5}},
            r"ablation\.variants\.odd: .*none of 5 places can be used \(\{'too few dates': 5\}\)",
        ),
        ({"pairs": {"bands": ["b99"]}}, r"ablation\.variants\.odd: .*got bands b99, expected some of"),
        (
            {"pairs": {"old_hr": True}},
            r"ablation\.variants\.odd: got pairs\.old_hr, but 1 of 5 places have no",
        ),
        ({"pairs": {"objects": 1}}, r"ablation\.variants\.odd: got pairs\.objects, but none of 5 places has objects"),
        ({"change": {"lossess": {}}}, r"ablation\.variants\.odd\.change: unknown parameter lossess"),
        ({"change": {"steps": 0}}, r"ablation\.variants\.odd\.change: steps = 0"),
    ],
)
def test_what_is_not_there_stops_before_anything_is_trained(tmp_path: Path, variant: dict[str, Any], said: str) -> None:
    chips = [replace(made_up_chip(f"{16 * n}_0", seed=n), objects={}) for n in range(5)]
    chips[3] = replace(chips[3], old_hr=None)
    data = made_data_set(Workspace(tmp_path, "test"), {"train": chips}, PairSettings(dates=3))
    plain = {name: of for name, of in STUDY["variants"].items() if name != "older"}
    with pytest.raises(ValueError, match=said):
        variants_of(study(variants={**plain, "odd": variant}), TRAININGS, data, "ablation")
    assert not data.folders.scratch.exists()


def test_a_method_without_a_training_is_refused(data: DataSet) -> None:
    with pytest.raises(ValueError, match=r"ablation\.method: got srcnn, expected one of variants\.train: esrgan"):
        variants_of(study(method="srcnn"), TRAININGS, data, "ablation")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"baseline": "none"}, "baseline: got none, expected some of without"),
        ({"run": ["clip"]}, "run: without is missing"),
        ({"run": ["without", "other"]}, "run: got other, expected some of"),
        ({"variants": {"without": {"start_steps": 3}}, "claims": []}, "got one of start and start_steps"),
        (
            {"variants": {"without": {"start": "without", "start_steps": 3}}, "claims": []},
            "goes on from another itself",
        ),
        ({"claims": [{"better": "a", "worse": "without", "metric": "psnr"}]}, "claims: got a, expected some of"),
    ],
)
def test_names_that_do_not_fit_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        study(**changes)
