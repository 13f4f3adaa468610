"""Models on disk: this project's folders, and the checkpoints that the paper's authors released.

A folder holds `weights.safetensors` (the network's own names) and `card.json` (what it is, and where it comes from).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save_file

from satsr.common.weight_files import check_finite, read_weights
from satsr.models.released import load_released
from satsr.models.superresolver import ModelCard, SuperResolver

WEIGHTS, CARD = "weights.safetensors", "card.json"


def save_model(model: SuperResolver, folder: Path) -> None:
    """Write weights and card into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    # cloned: published networks hold some tensors under two names, which safetensors refuses to share
    state = {name: value.detach().cpu().clone().contiguous() for name, value in model.network.state_dict().items()}
    save_file(state, folder / WEIGHTS)
    (folder / CARD).write_text(json.dumps(asdict(model.card), indent=1, sort_keys=True) + "\n")


def load_model(
    path: str | Path, bands: tuple[str, ...] = (), scale: int | None = None, dates: int | None = None
) -> SuperResolver:
    """Open a model, ready for inference on the CPU: a folder of this project, or a released Satlas checkpoint (.pth).

    Args:
        path: the folder or the file.
        bands: names of the input bands of a checkpoint, where its number of channels leaves them open.
        scale: enlargement of a checkpoint, where its shapes leave it open.
        dates: number of dates of a checkpoint, where its shapes leave it open.

    Raises:
        FileNotFoundError: a file of the model is missing.
        ValueError: the weights are damaged, not finite, hold code, are of another or an unknown network, or can be
            read in several ways.
    """
    folder = Path(path)
    if folder.is_file():
        return _ready(load_released(folder, bands, scale, dates))
    for name in (CARD, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} has no {name}: expected a folder that `save_model` wrote")
    card = _read_card(folder / CARD)
    weights = read_weights(folder / WEIGHTS)
    check_finite(folder / WEIGHTS, weights)
    try:
        model = SuperResolver(card)
        model.network.load_state_dict(weights, strict=True)
    except (ValueError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{folder / WEIGHTS} does not fit its card ({reason}): train or copy it again") from None
    return _ready(model)


def _ready(model: SuperResolver) -> SuperResolver:
    """Prepare for inference; channels last is 1.2 to 1.6 times as fast (float32, one core with AVX512)."""
    return model.eval().to(memory_format=torch.channels_last)


def _read_card(path: Path) -> ModelCard:
    try:
        values = json.loads(path.read_text())
        values["on_scenes"] = dict(values.get("on_scenes", {}))
        for part, names in ((values, ("bands_in", "bands_out")), (values["network"], tuple(values["network"]))):
            part.update({name: tuple(part[name]) for name in names if isinstance(part[name], list)})
        card = ModelCard(**values)
        _check_card(card)
        return card
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # of text and JSON too
        raise ValueError(f"{path} is not a model card ({error}): train or copy the model again") from None


def _check_card(card: ModelCard) -> None:
    """Refuse a card that no network can have.

    Raises:
        ValueError: dates, scale, or bands that cannot be.
    """
    for name in ("dates", "scale"):
        value = getattr(card, name)
        if type(value) is not int or value < 1:
            raise ValueError(f"got {name} {value!r}, expected a whole number from 1")
    for name in ("bands_in", "bands_out"):
        value = getattr(card, name)
        if not isinstance(value, tuple) or not value or not all(isinstance(band, str) for band in value):
            raise ValueError(f"got {name} {value!r}, expected names of bands")
