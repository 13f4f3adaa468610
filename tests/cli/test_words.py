"""What the library says, in the words of the command line."""

from __future__ import annotations

import ast
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from satsr.cli.app import app
from satsr.cli.words import as_options, in_words, one_of, options_of
from satsr.metrics.facts import METRICS
from satsr.pipeline.compare_results import LEAST_RANK_CORRELATION, WIDTHS
from satsr.pipeline.seen_runs import ENOUGH_KINDS, FACTOR, WIDENED
from tests.conftest import ROOT

OPTIONS = options_of(typer.main.get_command(app))
# What a command may meet; the rooms below say nothing of arguments.
SAYING = [*(ROOT / "satsr" / "scenes").rglob("*.py"), ROOT / "satsr/metrics/scoring.py"]
SAYING += [ROOT / "satsr/evaluation" / name for name in ("score_files.py", "image_files.py")]
OF_PYTHON = re.compile(r"\b[a-z_]+=(True|False|None|'|\"|\(|\[|\d)")
# Said of arguments that no command has: `tci` of a series, `bands` of its picture, `dates` of its array.
NO_COMMAND_HAS = ("tci='bands'", "bands=('tci'", "dates=1", "clouds=1")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("pass gray='repeat' or leave sam out", "pass --gray repeat or leave sam out"),
        ("or begin anew (anew=True, or --no-resume), which", "or begin anew (--no-resume), which"),
        ("give its offset (offset=0 or -1000, or --offset)", "give its offset (--offset)"),
        ("replace it: overwrite=True", "replace it: --overwrite"),
        ("go on: resume=False", "go on: --no-resume"),
        ("take tci='bands'", "take tci='bands'"),
        ("date=2020/a.tif is missing", "date=2020/a.tif is missing"),
    ],
)
def test_arguments_become_options(said: str, expected: str) -> None:
    assert as_options(said, OPTIONS) == expected


def test_no_message_that_a_command_may_end_with_speaks_python() -> None:
    found = [(path.name, text) for path in SAYING for text in said_in(path) if OF_PYTHON.search(text)]
    assert found, "nothing is looked at"
    left = [(name, text) for name, text in found if OF_PYTHON.search(without_known(as_options(text, OPTIONS)))]
    assert left == []


def said_in(path: Path) -> Iterator[str]:
    """Yield every text that a module raises, or keeps under a name in capitals, with 1 for what is filled in."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Assign) and node in tree.body):
            yield from (as_text(part) for part in ast.walk(node) if isinstance(part, ast.JoinedStr | ast.Constant))


def as_text(node: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(as_text(part) if isinstance(part, ast.Constant) else "1" for part in node.values)


def without_known(text: str) -> str:
    for known in NO_COMMAND_HAS:
        text = text.replace(known, "")
    return text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EISDIR, errno.EACCES, errno.ENOENT])
def test_what_the_system_refuses_names_the_file_and_what_to_do(number: int) -> None:
    said = in_words(OSError(number, os.strerror(number), "out.csv"))
    assert said.startswith(f"out.csv: {os.strerror(number)}: ")


def test_an_unknown_value_is_refused_with_the_known_ones() -> None:
    one_of("--kind", "hr", ("hr", "lr"))
    with pytest.raises(ValueError, match=r"^got --kind xr, expected hr or lr$"):
        one_of("--kind", "xr", ("hr", "lr"))


# Help


def test_help_of_evaluate_names_every_metric_that_it_takes() -> None:
    said = set(re.findall(r"[a-z_]+", help_of("evaluate").partition("Metrics:")[2]))
    taken = {name for name, metric in METRICS.items() if not metric.needs_lr}
    assert taken <= said
    assert not said & (METRICS.keys() - taken)


def test_help_of_compare_results_says_what_may_move() -> None:
    said = help_of("compare-results")
    for expected in (
        f"{FACTOR} times the largest difference",
        f"by {FACTOR * WIDENED:g} times while fewer than {ENOUGH_KINDS} kinds",
        f"{WIDTHS:g} widths of the interval",
        f"at least {LEAST_RANK_CORRELATION}",
    ):
        assert expected in said


def help_of(command: str) -> str:
    return " ".join(typer.main.get_command(app).commands[command].help.split())  # type: ignore[attr-defined]
