"""pyproject.toml, requirements.lock and environment.yml are one set of dependencies in three forms."""

from __future__ import annotations

import re

import yaml

from tests.pipeline.environment_file import ROOT, direct, environment, locked

LOCK = (ROOT / "requirements.lock").read_text()


def test_lock_holds_every_direct_dependency_at_an_allowed_version() -> None:
    versions = locked()
    for name, requirement in direct().items():
        assert name in versions, f"{name} is not locked: make lock"
        for pinned in versions[name]:
            (version,) = [s.version for s in pinned.specifier]
            assert requirement.specifier.contains(version), f"{pinned} is outside {requirement}: make lock"


def test_every_locked_package_is_pinned_exactly_and_hashed() -> None:
    for block in re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip()):
        first = block.splitlines()[0]
        assert "==" in first, first
        assert "--hash=sha256:" in block, first


def test_lock_names_no_index() -> None:
    assert not re.search(r"https?://|--index-url|--find-links|file:", LOCK)


def test_environment_file_is_what_make_lock_writes() -> None:
    assert (ROOT / "environment.yml").read_text() == environment(), "environment.yml is stale: make lock"


def test_environment_file_names_every_direct_dependency() -> None:
    *_, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    named = {re.split(r"[=;\s]", line)[0].lower().replace("_", "-") for line in pip["pip"] if not line.startswith("-")}
    assert named == set(direct())


def test_jupyter_book_is_1_x() -> None:
    assert all(str(r.specifier).startswith("==1.") for r in locked()["jupyter-book"])
