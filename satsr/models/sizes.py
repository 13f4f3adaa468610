"""From a network's flat settings, as `params.yaml` and model cards have them, to the arguments of its constructor.

Some arguments are groups of options in one object, like a `Fusion`. Settings name the fields of a group in its place;
fields that they leave out are those of the constructor's default.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from torch import nn

Network = TypeVar("Network", bound=nn.Module)
Groups = Mapping[str, tuple[str, ...]]  # argument -> the fields of its object that settings may name


def size_names(network: type[nn.Module], groups: Groups) -> set[str]:
    """Return all names that a network's settings may have."""
    arguments = set(inspect.signature(network).parameters)
    return (arguments - set(groups)).union(*groups.values())


def check_sizes(network: type[nn.Module], sizes: Collection[str], valid: set[str], where: str) -> None:
    """Raise a ValueError unless every size is one of the network's."""
    unknown = sorted(set(sizes) - valid)
    if unknown:
        raise ValueError(
            f"{where}: unknown size {', '.join(unknown)}; {network.__name__} takes {', '.join(sorted(valid))}"
        )


def build_network(network: type[Network], sizes: Mapping[str, Any], groups: Groups) -> Network:
    """Return a network from flat settings."""
    arguments = inspect.signature(network).parameters
    grouped = {
        group: replace(arguments[group].default, **{name: sizes[name] for name in names if name in sizes})
        for group, names in groups.items()
    }
    fields = set().union(*groups.values())
    return network(**{name: value for name, value in sizes.items() if name not in fields}, **grouped)
