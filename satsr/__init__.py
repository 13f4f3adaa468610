"""satsr: a reproducible study of satellite super-resolution.

`satsr.load_model(path)` opens a trained model; `satsr.metrics.score` scores its outputs.
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Import what the package offers at its top when it is asked for: importing `satsr` alone stays quick."""
    if name == "load_model":
        return import_module("satsr.models.files").load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
