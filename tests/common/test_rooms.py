"""The house: every room imports only rooms below it, and nothing imports in a circle."""

from __future__ import annotations

from graphlib import TopologicalSorter
from itertools import product

import pytest

from satsr.common.code import imports_of, modules

ROOMS = (  # from the roof down
    "cli",
    "book",
    "pipeline",
    "studies",
    "training",
    "scenes",
    "evaluation",
    "models",
    "metrics",
    "perception",
    "data",
    "world",
    "common",
)
GRAPH = {name: imports_of(name, typed=False) for name in modules()}
IMPORTS = [(name, other) for name, others in GRAPH.items() for other in sorted(others)]
TOPMOST = {room: place for place, room in enumerate(ROOMS)}


def room_of(module: str) -> str:
    """Return the room of a module; the package itself is in none."""
    return [*module.split("."), ""][1]


def study_of(module: str) -> str:
    return [*module.split("."), "", ""][2] if room_of(module) == "studies" else ""


def test_the_house_has_these_rooms() -> None:
    assert {room_of(name) for name in modules()} == {"", *ROOMS}


def test_nothing_imports_in_a_circle() -> None:
    TopologicalSorter(GRAPH).prepare()  # raises a CycleError that names the circle


def test_no_room_imports_one_above() -> None:
    up = [(a, b) for a, b in IMPORTS if room_of(a) and room_of(b) and TOPMOST[room_of(b)] < TOPMOST[room_of(a)]]
    assert not up


@pytest.mark.parametrize(("room", "other"), [("metrics", "models"), ("models", "metrics")])
def test_rooms_that_do_not_know_each_other(room: str, other: str) -> None:
    assert not [(a, b) for a, b in IMPORTS if room_of(a) == room and room_of(b) == other]


def test_a_study_imports_no_other_but_voting_imports_agreement() -> None:
    across = {(study_of(a), study_of(b)) for a, b in IMPORTS if study_of(a) and study_of(b)}
    assert {(a, b) for a, b in across if a != b} <= {("voting", "agreement")}


def test_only_params_knows_all_settings() -> None:
    """A room's own settings are its own; those of several studies meet in one place."""
    settings = {name for name in modules() if name.startswith("satsr.studies.") and name.endswith(".settings")}
    knows = {name: {study_of(s) for s in GRAPH[name] & settings} for name in modules() if not study_of(name)}
    assert {name for name, studies in knows.items() if len(studies) > 1} == {"satsr.pipeline.params"}


def test_rooms_open_without_opening_what_is_in_them() -> None:
    """A package that imports its modules makes everybody depend on all of them."""
    inside = {
        (name, other)
        for name, other in product(modules(), modules())
        if other.startswith(f"{name}.") and other in GRAPH[name]
    }
    assert {name for name, _ in inside} <= {"satsr.scenes.products"}  # its public face


def test_settings_and_facts_need_no_torch() -> None:
    from satsr.common.code import closure, libraries_of

    light = {n for n in modules() if n.endswith((".settings", ".facts", ".methods"))} | {"satsr.pipeline.params"}
    assert not [name for name in sorted(light) if "torch" in libraries_of(closure({name}))]
