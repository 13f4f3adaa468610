"""Which network is which: digests of weights, and the wall between loss and judge side."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from torch import nn

from satsr.common.digests import content_digest


def weights_digest(network: nn.Module) -> str:
    """Return 16 hexadecimal digits of a network's weights, whatever the network is called and wherever it lies."""
    weights = sorted(network.state_dict().items())
    values = ((name.encode(), value.detach().cpu().contiguous().numpy().tobytes()) for name, value in weights)
    return content_digest(chain.from_iterable(values))[:16]


def check_apart(losses: Mapping[str, str], judges: Mapping[str, str]) -> None:
    """Refuse a judge that also sits in a loss.

    Args:
        losses: name -> digest of every network in a loss, a fusion or a pretraining.
        judges: name -> digest of every network that scores.

    Raises:
        ValueError: naming a network that is on both sides.
    """
    shared = [(a, b) for a, x in losses.items() for b, y in judges.items() if x == y]
    if shared:
        loss, judge = shared[0]
        raise ValueError(
            f"the judge {judge} has the same weights as the loss network {loss}, expected other ones: "
            "a network that was trained against flatters what it trained; name another judge or loss network"
        )
