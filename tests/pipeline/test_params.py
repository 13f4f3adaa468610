from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from satsr.common.settings import check, check_options
from satsr.data.settings import DataSettings
from satsr.pipeline.params import Study, load_study, merge
from tests.conftest import ROOT

PROFILES = sorted(p.stem for p in (ROOT / "profiles").glob("*.yaml"))


@pytest.mark.parametrize("profile", ["", *PROFILES])
def test_every_profile_is_valid(profile: str) -> None:
    study = load_study(ROOT, profile)
    assert study.profile == (profile or "default")


def values() -> dict:
    return yaml.safe_load((ROOT / "params.yaml").read_text())


def test_unknown_name_is_refused_with_the_valid_ones() -> None:
    wrong = merge(values(), {"train": {"esrgan": {"stepz": 3}}})
    with pytest.raises(ValueError, match=r"unknown parameter train\.esrgan\.stepz; valid names here: .*steps"):
        check(Study, wrong, "params.yaml")


def test_a_misspelled_name_comes_before_what_is_missing_for_it() -> None:
    wrong = values()
    wrong["train"]["esrgan"]["stepz"] = wrong["train"]["esrgan"].pop("steps")
    with pytest.raises(ValueError, match=r"^params\.yaml: unknown parameter train\.esrgan\.stepz; .* is missing$"):
        check(Study, wrong, "params.yaml")


def test_unknown_name_in_a_nested_block_lists_that_block() -> None:
    with pytest.raises(ValueError, match=r"splits\.tests; valid names here: test, train, val"):
        check(DataSettings, {"splits": {"tests": 0.3}}, "data")


def test_value_out_of_range_says_what_was_got() -> None:
    with pytest.raises(ValueError, match=r"data: dates = 0: .*greater than or equal to 1"):
        check(DataSettings, {"dates": 0}, "data")


def test_message_is_one_line() -> None:
    with pytest.raises(ValueError, match="data: ") as error:
        check(DataSettings, {"dates": 0, "sead": 1}, "data")
    assert "\n" not in str(error.value)


def numbers(values: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Go through where numbers stand."""
    if isinstance(values, dict | list):
        for step, value in values.items() if isinstance(values, dict) else enumerate(values):
            yield from numbers(value, (*at, step))
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield at


def replaced(values: Any, at: tuple[Any, ...], value: object) -> Any:
    """Return a copy of settings with another value somewhere."""
    copied = copy.deepcopy(values)
    here = copied
    for step in at[:-1]:
        here = here[step]
    here[at[-1]] = value
    return copied


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "1,000", "1:30"])
def test_no_number_of_the_study_takes_what_is_impossible(wrong: float | str) -> None:
    everything, accepted = values(), []
    for at in numbers(everything):
        try:
            check(Study, replaced(everything, at, wrong), "params.yaml")
        except ValueError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            accepted.append(at)
    assert not accepted


@pytest.mark.parametrize(
    ("where", "wrong", "said"),
    [
        ("train.esrgan.network.num_block", 0, r"train\.esrgan\.network: num_block = 0, expected at least 1"),
        ("train.sr3.network.widths", [48, 0], r"train\.sr3\.network: widths = 0, expected at least 1"),
        ("train.flow.network.residual", "no", r"residual: got the text 'no', expected true or false"),
        ("train.sr3.network.eta", "1:30", r"eta: got the text '1:30', expected a number"),
        ("train.esrgan.gamma", 1.5, "gamma = 1.5"),
        ("train.esrgan.betas", [0.9, 1.0], "betas"),
        ("train.esrgan.losses.l1", -1, r"losses\.l1"),
        ("perception.clips.vit8.tower.width", 0, "width = 0"),
        ("clip_loss.variants.fine-tuned.change.steps", 0, r"clip_loss\.variants\.fine-tuned\.change: steps = 0"),
        ("images.esrgan.variants.2.pairs.dates", 0, r"images\.esrgan\.variants\.2\.pairs: dates = 0"),
    ],
)
def test_a_number_that_cannot_be_is_refused_where_it_stands(where: str, wrong: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check(Study, replaced(values(), tuple(where.split(".")), wrong), "params.yaml")


def test_what_a_network_has_by_default_may_be_set() -> None:
    """Which numbers may be 0 is written down by name: every network's own have to be among them."""
    from satsr.models.superresolver import NETWORKS

    options = {
        name: part.default
        for network in NETWORKS.values()
        for name, part in inspect.signature(network.kind).parameters.items()
        if isinstance(part.default, bool | int | float | str | tuple)
    }
    assert options
    assert check_options(options) is options


def test_a_number_as_people_write_it_is_one(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text()
    changed = text.replace("      sampling_steps: 4 ", "      beta_start: 1e-6\n      sampling_steps: 4 ", 1)
    assert changed != text
    (tmp_path / "params.yaml").write_text(changed)
    assert load_study(tmp_path).train["sr3"].network["beta_start"] == 1e-6
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "mine.yaml").write_text("train: {sr3: {network: {beta_start: 2e-6}, learning_rate: 1e-3}}")
    mine = load_study(tmp_path, "mine").train["sr3"]
    assert (mine.network["beta_start"], mine.learning_rate) == (2e-6, 1e-3)


def test_a_misspelled_name_in_a_block_that_need_not_be_there_lists_that_block() -> None:
    wrong = merge(values(), {"downstream": {"own": {"maskz": "a", "masks": "b", "classes": {"c": 1}}}})
    with pytest.raises(ValueError, match=r"downstream\.own\.maskz; valid names here: classes, masks, others, title"):
        check(Study, wrong, "params.yaml")


def test_unknown_profile_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown profile 'tinny': expected default or one of .*tiny"):
        load_study(ROOT, "tinny")


def test_profile_only_overrides(tmp_path: Path) -> None:
    assert merge({"a": {"b": 1, "c": [1, 2]}, "d": 3}, {"a": {"c": [9]}}) == {"a": {"b": 1, "c": [9]}, "d": 3}


def test_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("")
    with pytest.raises(ValueError, match="expected names with values"):
        load_study(tmp_path)


def test_more_dates_than_are_made_are_refused_before_anything_runs() -> None:
    with pytest.raises(ValueError, match=r"params\.yaml: pairs\.dates = 9, expected at most data\.dates = 8"):
        check(Study, merge(values(), {"pairs": {"dates": 9}}), "params.yaml")


def test_unknown_method_is_refused() -> None:
    with pytest.raises(ValueError, match=r"methods = \['unet'\], expected bicubic or one of srcnn, highresnet, esrgan"):
        check(Study, merge(values(), {"methods": ["bicubic", "unet"]}), "params.yaml")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"better": "unet"},
            r"claims\.comparisons\.0\.better = 'unet': .*unknown method 'unet': expected one of bicubic",
        ),
        ({"metric": "fid"}, r"claims\.comparisons\.0\.metric = 'fid': .*unknown metric 'fid', expected one of psnr"),
        ({"metric": "sam"}, r"claims name sam, expected one of evaluate\.metrics \(psnr, ssim, cpsnr"),
        (
            {"protocol": "mine"},
            r"claims\.comparisons\.0\.protocol = 'mine': Input should be 'published' or 'corrected'",
        ),
        ({"worse": "esrgan"}, r"got esrgan against itself, expected two of them"),
        (
            {"than": "sr3"},
            r"unknown parameter claims\.comparisons\.0\.than; valid names here: better, metric, .* worse",
        ),
    ],
)
def test_a_claim_that_cannot_be_tested_is_refused(change: dict[str, str], said: str) -> None:
    claim = {"better": "esrgan", "worse": "srcnn", "metric": "psnr", **change}
    with pytest.raises(ValueError, match=said) as error:
        check(Study, merge(values(), {"claims": {"comparisons": [claim]}}), "params.yaml")
    assert "\n" not in str(error.value)


def test_a_pair_is_claimed_once_in_a_metric() -> None:
    claim, turned = ({"better": a, "worse": b, "metric": "psnr"} for a, b in (("sr3", "flow"), ("flow", "sr3")))
    with pytest.raises(ValueError, match=r"got flow and sr3 in psnr|got sr3 and flow in psnr \(corrected\) twice"):
        check(Study, merge(values(), {"claims": {"comparisons": [claim, turned]}}), "params.yaml")
    other = turned | {"metric": "ssim"}
    assert check(Study, merge(values(), {"claims": {"comparisons": [claim, other]}}), "params.yaml")


def test_claims_take_the_seeds_of_the_others_and_more() -> None:
    with pytest.raises(ValueError, match=r"claims\.seeds = \[1, 2\], expected seeds = \[0\] and more"):
        check(Study, merge(values(), {"claims": {"seeds": [1, 2]}}), "params.yaml")


@pytest.mark.parametrize("wrong", [{"claims": {"without_seeds": ["sr33"]}}, {"latent": {"prior": {"crop": 16}}}])
def test_a_setting_that_nothing_reads_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"sr33|crop"):
        check(Study, merge(values(), wrong), "params.yaml")


@pytest.mark.parametrize(("profile", "least"), [("", 2), ("overnight", 3), ("gpu", 3)])
def test_what_is_claimed_is_trained_more_than_once(profile: str, least: int) -> None:
    study = load_study(ROOT, profile)
    claimed = {name for claim in study.claims.comparisons for name in (claim.better, claim.worse)}
    claimed -= set(study.claims.without_seeds)
    seeds = {method: study.claims.seeds_of(method, study.seeds) for method in study.methods}
    assert claimed & set(study.methods)
    assert {len(found) for method, found in seeds.items() if method in claimed} == {len(study.claims.seeds)}
    assert {found for method, found in seeds.items() if method not in claimed} <= {study.seeds}
    assert len(set(study.claims.seeds)) >= least
    assert not study.claims.without_seeds or not profile  # the default alone has no time
