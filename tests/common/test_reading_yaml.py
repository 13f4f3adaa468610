"""YAML is read as YAML 1.2 has it, and as DVC reads the same file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.serialize import parse_yaml as dvc_parse
from hypothesis import given
from hypothesis import strategies as st

from satsr.common.reading_yaml import parse_yaml, read_yaml
from tests.conftest import ROOT

# Word -> what it is. YAML 1.1, as PyYAML has it, differs where a third column says so in words.
WORDS: dict[str, Any] = {
    "1e-6": 1e-6,  # a text
    "1E6": 1e6,  # a text
    "1.0e-6": 1e-6,
    "-1e-3": -1e-3,  # a text
    "1.": 1.0,
    "-.5": -0.5,  # a text
    "1_000": 1000,
    "1,000": "1,000",
    "010": 10,  # 8
    "0o10": 8,  # a text
    "0x1F": 31,
    "1:30": "1:30",  # 90
    "yes": "yes",  # True
    "no": "no",  # False
    "on": "on",  # True
    "off": "off",  # False
    "true": True,
    "False": False,
    "~": None,
    "null": None,
    ".inf": float("inf"),
    "2020-01-31": date(2020, 1, 31),
    "esrgan": "esrgan",
}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_is_what_yaml_1_2_and_dvc_take_it_for(word: str) -> None:
    found = parse_yaml(f"x: {word}\n", "a.yaml")["x"]
    assert repr(found) == repr(WORDS[word]) == repr(dvc_parse(f"x: {word}\n", "a.yaml")["x"])


@given(st.from_regex(r"[-+]?[0-9_.]{1,6}([eE][-+]?[0-9]{0,2})?", fullmatch=True))
def test_numbers_are_those_of_dvc(word: str) -> None:
    try:
        expected = dvc_parse(f"x: {word}\n", "a.yaml")["x"]
    except ValueError:  # ruamel takes "_" after a sign for a number
        return
    found = parse_yaml(f"x: {word}\n", "a.yaml")["x"]
    assert repr(found) == repr(expected) or (isinstance(found, str) and not any(c.isdigit() for c in word))


@pytest.mark.parametrize("path", [ROOT / "params.yaml", *sorted((ROOT / "profiles").glob("*.yaml"))])
def test_the_projects_own_files_are_read_as_before_and_as_dvc_does(path: Path) -> None:
    found = read_yaml(path)
    assert repr(found) == repr(yaml.safe_load(path.read_text())) == repr(dvc_parse(path.read_text(), str(path)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a:\n\tb: 1\n", r"line 2: got .*'\\t'"),
        ("a {b: 1, c: 2}\n", "line 1: got mapping values are not allowed"),
        ("a: {b\n", "line 2: got expected ',' or '}'"),
        ("a: 1\n---\nb: 2\n", "line 2: got but found another document"),
        ("a: *b\n", "line 1: got found undefined alias"),
        ("a: !!python/object/apply:os.getcwd []\n", "line 1: got could not determine a constructor"),
        ("a: 1\0\n", r"got a character that YAML does not have \(0x0\)"),
        ("a: 1\nb: 2\na: 3\n", "line 3: got the name 'a' twice"),
        ("a: 2020-13-45\n", "got what cannot be read .*month"),
        ("[" * 5000, "got what cannot be read .*recursion"),
        ("- a\n", "got list, expected names with values"),
        ("", "got NoneType, expected names with values"),
    ],
)
def test_a_slip_is_one_line_with_the_file_and_a_remedy(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"a\.yaml(, line \d+)?: got .*expected .*: mend it$") as error:
        read_yaml(tmp_path / "a.yaml", "mend it")
    assert error.match(said)
    assert "\n" not in str(error.value)


def test_merged_names_may_be_given_again() -> None:
    assert parse_yaml("a: &a {x: 1, y: 1}\nb: {<<: *a, x: 2}\n", "a.yaml")["b"] == {"x": 2, "y": 1}
