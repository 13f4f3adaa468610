"""Options of a latent diffusion network that can be changed after training: its fusion, dates and sampling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

from torch import nn

from satsr.models.diffusion.fusion import Fusion


def as_fused(network: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that let ControlNet take all dates and fuse their trajectories as SatDiffMoE's network does.

    Args:
        network: sizes and options of SatDiffMoE's network, as settings have them.
    """
    of_fusion = {name: value for name, value in network.items() if name in Fusion.__dataclass_fields__}
    return {"dates": "all", **of_fusion}


@contextmanager
def changed(network: nn.Module, options: Mapping[str, Any]) -> Iterator[None]:
    """Give a network other options for a while.

    Raises:
        AttributeError: an option that the network does not have.
    """
    of_fusion = {name: value for name, value in options.items() if name in Fusion.__dataclass_fields__}
    others = {name: value for name, value in options.items() if name not in of_fusion}
    before = {name: getattr(network, name) for name in (*(["fusion"] if of_fusion else []), *others)}
    try:
        if of_fusion:
            others["fusion"] = replace(cast(Fusion, network.fusion), **of_fusion)
        for name, value in others.items():
            setattr(network, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(network, name, value)
