"""The workflow for GitHub: it parses, uses pinned actions, runs `.ci/run`, and keeps the book."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

TEXT = (ROOT / ".github" / "workflows" / "study.yml").read_text()


@pytest.fixture(scope="module")
def steps() -> list[dict[str, Any]]:
    (job,) = yaml.safe_load(TEXT)["jobs"].values()
    return job["steps"]


def by_action(steps: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(step for step in steps if step.get("uses", "").startswith(f"actions/{name}@"))


def test_it_checks_out_before_it_runs_the_one_script_of_ci(steps: list[dict[str, Any]]) -> None:
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert steps[0] == by_action(steps, "checkout")


def test_actions_are_pinned_to_a_major_version(steps: list[dict[str, Any]]) -> None:
    used = [step["uses"] for step in steps if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", each) for each in used)


def test_its_python_is_one_that_the_project_takes(steps: list[dict[str, Any]]) -> None:
    assert by_action(steps, "setup-python")["with"]["python-version"] == "3.11"
    assert 'requires-python = ">=3.11,' in (ROOT / "pyproject.toml").read_text()


def test_packages_are_kept_until_the_lock_changes(steps: list[dict[str, Any]]) -> None:
    key = by_action(steps, "cache")["with"]["key"]
    (named,) = re.findall(r"hashFiles\('(.+?)'\)", key)
    assert (ROOT / named).is_file()


def test_the_book_is_an_artefact(steps: list[dict[str, Any]]) -> None:
    kept = by_action(steps, "upload-artifact")["with"]
    assert kept["path"] == "book/_build/html"  # where `satsr.book.build` puts it
    assert kept["if-no-files-found"] == "error"


def test_it_runs_for_pushes_and_pull_requests_and_may_only_read() -> None:
    workflow = yaml.safe_load(TEXT)
    when = workflow[True]  # YAML 1.1 reads `on` as a truth value
    assert {"push", "pull_request"} <= set(when)
    assert workflow["permissions"] == {"contents": "read"}
