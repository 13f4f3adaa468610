"""The house: every room imports only rooms below it, and nothing imports in a circle."""

from __future__ import annotations

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
