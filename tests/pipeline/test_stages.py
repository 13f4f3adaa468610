"""What `dvc.yaml` promises: every notebook a stage, every stage its fingerprint, every parameter that it is given."""

from __future__ import annotations

import re

import pytest
import yaml
from dvc.repo import Repo

from satsr.pipeline.fingerprints import fingerprints
from satsr.pipeline.jobs import followers, jobs_of
from satsr.pipeline.notebook_source import declared_parameters
from satsr.pipeline.seconds import read_seconds
from satsr.pipeline.stages import Stage, read_stages
from tests.conftest import ROOT

STAGES = {name: stage for name, stage in read_stages(ROOT).items() if stage.notebook}
PARAMETERS = yaml.safe_load((ROOT / "params.yaml").read_text())
JOBS = jobs_of(read_stages(ROOT), "default", PARAMETERS)


def keys_of(stage: Stage) -> list[str]:
    """Return the keys of a group's stages in the default study."""
    return list(PARAMETERS[stage.group]) if stage.group else list(stage.own_keys)


def passed(stage: Stage) -> set[str]:
    """Return the blocks that a stage hands to its notebook, part by part."""
    found = re.search(r"--params (.*?)( -p| --as|$)", " ".join(stage.text["cmd"].split()))
    assert found is not None
    blocks = [block.partition(":")[::2] for block in found[1].split()]
    return {f"{path}.{part}" if part else path for path, parts in blocks for part in parts.split(",")}


def test_it_can_be_read_at_one_sitting() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 620  # and a study adds 15


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_its_notebook_and_its_fingerprint(name: str) -> None:
    stage = STAGES[name]
    made = set(fingerprints(ROOT / "notebooks" / stage.notebook))
    for key in keys_of(stage):
        needs = {path.replace("${key}", key).replace("${item}", key) for path in stage.text["deps"]}
        codes = {path.removeprefix("artifacts/code/") for path in needs if path.startswith("artifacts/code/")}
        assert len(codes) == 1
        assert codes <= made
        assert f"notebooks/{stage.notebook}" in needs


@pytest.mark.parametrize("name", STAGES)
def test_parameters_passed_are_parameters_tracked(name: str) -> None:
    """A block that reaches a notebook without being tracked would leave stale results; the other way marks too much."""
    assert passed(STAGES[name]) | {"profile"} == set(STAGES[name].text["params"])


@pytest.mark.parametrize("name", STAGES)
def test_notebooks_declare_what_they_are_given(name: str) -> None:
    stage = STAGES[name]
    given = {block.split(".")[0] for block in passed(stage)} | {"profile"} | ({stage.parameter} - {""})
    assert given == set(declared_parameters(ROOT / "notebooks" / stage.notebook))


def test_every_notebook_has_a_stage() -> None:
    assert {stage.notebook for stage in STAGES.values()} == {p.name for p in (ROOT / "notebooks").glob("*.ipynb")}


def test_stages_stand_in_an_order_in_which_they_can_run() -> None:
    made: set[str] = set()
    later = {path for stage in STAGES.values() for path in stage.makes("default")}
    for name, stage in STAGES.items():
        own = set(stage.makes("default"))
        early = [n for n in stage.needs("default") if n in later and n not in made and "${" not in n]
        assert not early, f"{name} needs what a later stage makes: {early}"
        made |= own


def test_what_follows_the_twins_is_found() -> None:
    found = {name.split("@")[0] for name in followers(JOBS, "data_sets")}
    assert found == {"data_sets", "data_set", "four_data_sets", "satdiffmoe_data_sets"}
    assert followers(JOBS, "data") == set(JOBS) - {"code", "variants"}


@pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of DVC's own code
def test_jobs_are_what_dvc_would_run_and_wait_for_what_dvc_waits_for() -> None:
    with Repo(str(ROOT)) as repo:
        graph = repo.index.graph
        expected = {stage.addressing: {other.addressing for other in graph.successors(stage)} for stage in graph}
    assert {name: set(job.after) for name, job in JOBS.items()} == expected


def test_only_what_takes_times_runs_alone() -> None:
    assert [name for name, job in JOBS.items() if job.alone] == ["speed", "scene"]


def test_every_job_has_a_usual_time() -> None:
    assert set(read_seconds(ROOT / "nowhere")) == set(JOBS)


def test_what_dvc_calls_a_metric_is_a_scalar() -> None:
    metrics = [next(iter(each)) for stage in STAGES.values() for each in stage.text.get("metrics", [])]
    assert metrics
    assert all(path.endswith("/means.json") for path in metrics)
