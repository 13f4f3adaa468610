"""Networks of metrics, each opened once: `lpips:alex`, `clipscore:RN50/openai`, `lpips:FOLDER`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from satsr.common.device import best_device
from satsr.metrics.facts import Kind
from satsr.perception.clip import Clip
from satsr.perception.load import load_clip, load_trunk
from satsr.perception.trunk import Trunk


def network_of(kind: Kind, name: str) -> Trunk | Clip:
    """Open a network on the fastest device, or return it when it is open already.

    Raises:
        ValueError: an unknown name, or damaged weights.
        OSError: published weights that are not on this machine.
    """
    return _opened(kind, name, _written(name))


def _written(name: str) -> float:
    """Return when a network's files were last written, so that one that was trained anew is opened anew."""
    folder, file = Path(name), Path(name.partition("/")[2])
    files = [*folder.iterdir()] if folder.is_dir() else [file]
    return max((p.stat().st_mtime for p in files if p.is_file()), default=0.0)


@lru_cache(maxsize=8)
def _opened(kind: Kind, name: str, written: float) -> Trunk | Clip:
    network = load_trunk(name) if kind == "trunk" else load_clip(name)
    return network.to(best_device())
