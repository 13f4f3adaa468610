from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from satsr.common.settings import check
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
