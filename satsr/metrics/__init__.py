"""Image metrics: one file each, pure functions of one signature; `score` runs them by name.

`satsr.metrics.score(sr, hr, names, protocol)` is `satsr.metrics.scoring.score`, imported when it is asked for, so
that a loss that needs one metric does not depend on all the others. It is for a reader's own code: inside the
project `score` is imported from `satsr.metrics.scoring`.
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    if name == "score":  # `satsr.common.code` knows this import by a string
        return import_module("satsr.metrics.scoring").score
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
