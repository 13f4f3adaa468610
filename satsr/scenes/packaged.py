"""The model that comes with the package: what `satsr super-resolve` takes when no other is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from satsr.models.files import WEIGHTS, load_model, save_model
from satsr.scenes.reach import Reach

PACKAGED = Path(__file__).with_name("packaged_model")
MOST_BYTES = 4_000_000
LIMITS = (
    "learned from a procedural world with simulated Sentinel-2 images; its detail is an estimate and no observation: "
    "objects that no input date shows can be invented, and ones that they show can be lost"
)


def release(
    trained: Path,
    facts: dict[str, Any],
    scores: dict[str, float],
    intervals: Mapping[str, float] = MappingProxyType({}),
    to: Path = PACKAGED,
) -> Path:
    """Put a trained model into the package: weights in bfloat16, and a card that says where they come from.

    Args:
        trained: folder of a model, as `save_model` wrote it.
        facts: what is added to the card's provenance, such as profile, commit and date.
        scores: of the model on its test regions, with their names.
        intervals: their calibration, as a card has it (`Calibration.for_card`).
        to: where it goes; what is there is replaced when the new one is whole.

    Returns:
        The folder.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: it is larger than 4 MB.
    """
    model = load_model(trained)
    reach = Reach.of(model)
    provenance = {**model.card.provenance, **facts, "limits": LIMITS}
    model.card = replace(model.card, provenance=provenance, scores=scores, on_scenes={**reach.for_card(), **intervals})
    partial = to.with_name(f".{to.name}.partial")
    save_model(model.to(torch.bfloat16), partial)
    size = (partial / WEIGHTS).stat().st_size
    if size > MOST_BYTES:
        for path in partial.iterdir():
            path.unlink()
        partial.rmdir()
        raise ValueError(
            f"{trained} takes {size / 1e6:.1f} MB in bfloat16, expected at most 4 MB: release a smaller one"
        )
    to.mkdir(exist_ok=True)
    for path in sorted(partial.iterdir()):
        path.replace(to / path.name)
    partial.rmdir()
    return to
