"""Image metrics: one file each, pure functions of one signature; `score` runs them by name.

`satsr.metrics.score(sr, hr, names, protocol)` is `satsr.metrics.scoring.score`, imported when it is asked for, so
that a loss that needs one metric does not depend on all the others.
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    rooms = {"score": "scoring", "METRICS": "registry", "Metric": "registry"}
    if name in rooms:
        return getattr(import_module(f"satsr.metrics.{rooms[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
