"""Models on disk: this project's folders, and the checkpoints that the paper's authors released.

A folder holds `weights.safetensors` (the network's own names) and `card.json` (what it is, and where it comes from).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

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


def load_model(path: str | Path, bands: tuple[str, ...] = ()) -> SuperResolver:
    """Open a model, ready for inference on the CPU: a folder of this project, or a released Satlas checkpoint (.pth).

    Args:
        path: the folder or the file.
        bands: names of the input bands of a released checkpoint, where its number of channels leaves them open.

    Raises:
        FileNotFoundError: a file of the model is missing.
        ValueError: the weights are damaged, hold code, or are of another or an unknown network.
    """
    folder = Path(path)
    if folder.is_file():
        return load_released(folder, bands)
    for name in (CARD, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder} has no {name}: expected a folder that `save_model` wrote")
    model = SuperResolver(_read_card(folder / CARD))
    try:
        model.network.load_state_dict(load_file(folder / WEIGHTS), strict=True)
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{folder / WEIGHTS} does not fit its card ({reason}): train or copy it again") from None
    return model.eval()


def _read_card(path: Path) -> ModelCard:
    try:
        values = json.loads(path.read_text())
        for part, names in ((values, ("bands_in", "bands_out")), (values["network"], tuple(values["network"]))):
            part.update({name: tuple(part[name]) for name in names if isinstance(part[name], list)})
        return ModelCard(**values)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a model card ({error}): train or copy the model again") from None
