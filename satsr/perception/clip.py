"""CLIP: images and captions in one space (Radford et al., 2021), through open_clip.

The study's own CLIPs are written in open_clip's folder form, so that one path opens both them and published ones.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from satsr.common.weight_files import reason_of
from satsr.perception.identity import weights_digest
from satsr.perception.memory import FeatureMemory

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
# What torch, safetensors and open_clip raise for a file that is cut off, of another kind or of another architecture.
DAMAGE = (
    RuntimeError, ValueError, KeyError, TypeError, AttributeError, AssertionError, StopIteration, EOFError, OSError,
    pickle.UnpicklingError, SafetensorError,
)  # fmt: skip


@dataclass(frozen=True)
class Preprocess:
    """What a tower was trained to see.

    Attributes:
        size: (height, width) in px.
        mean: per band, subtracted from values in [0, 1].
        std: per band, divided by.
        interpolation: `bicubic` or `bilinear`, antialiased.
        resize_mode: `shortest` (resize the shorter side, crop the center) or `squash`.
    """

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    resize_mode: str

    @classmethod
    def of(cls, values: dict[str, Any]) -> Preprocess:
        """Return open_clip's configuration, refusing what is not known here."""
        size = values["size"]
        pair = (size, size) if isinstance(size, int) else tuple(size)
        interpolation = "bicubic" if values["interpolation"] == "random" else values["interpolation"]
        if interpolation not in ("bicubic", "bilinear") or values["resize_mode"] not in ("shortest", "squash"):
            raise ValueError(
                f"got a CLIP with interpolation {interpolation!r} and resize mode {values['resize_mode']!r}, expected "
                "bicubic or bilinear, and shortest or squash: name another CLIP"
            )
        return cls(pair, tuple(values["mean"]), tuple(values["std"]), interpolation, values["resize_mode"])

    def __call__(self, images: Tensor) -> Tensor:
        """Resize and normalize (N, 3, H, W) in [0, 1] to (N, 3, *size)."""
        mean, std = (
            torch.tensor(v, dtype=images.dtype, device=images.device)[:, None, None] for v in (self.mean, self.std)
        )
        return (self._resized(images) - mean) / std

    def _resized(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        if (height, width) == self.size:
            return images
        size = self.size if self.resize_mode == "squash" else self._covering(height, width)
        resized = F.interpolate(images, size, mode=self.interpolation, align_corners=False, antialias=True)
        top, left = (round((whole - own) / 2) for whole, own in zip(size, self.size, strict=True))
        return resized[..., top : top + self.size[0], left : left + self.size[1]].clamp(0, 1)

    def _covering(self, height: int, width: int) -> tuple[int, int]:
        """Return the size that covers the tower's, rounded as open_clip rounds it."""
        if self.size[0] == self.size[1]:
            shortest = min(height, width)
            return height * self.size[0] // shortest, width * self.size[0] // shortest
        scale = max(self.size[0] / height, self.size[1] / width)
        return round(height * scale), round(width * scale)


class Clip(nn.Module):
    """A CLIP with what it needs to be used.

    Args:
        name: for tables: a tag, or what the study calls it.
        model: open_clip's module.
        preprocess: of its image tower.
        tokenizer: makes a tokenizer; called when captions are embedded, because some need a download.
    """

    def __init__(self, name: str, model: nn.Module, preprocess: Preprocess, tokenizer: Any) -> None:
        super().__init__()
        self.name, self.model, self.preprocess, self.tokenizer = name, model, preprocess, tokenizer
        self.memory = FeatureMemory()

    def embed_images(self, images: Tensor, resize: Literal["own", "nearest"] = "own") -> Tensor:
        """Embed images.

        Args:
            images: (N, 3, H, W) in [0, 1], RGB.
            resize: `own` is the tower's preprocessing; `nearest` resizes without interpolation and does not
                normalize, as the paper's released metric does.

        Returns:
            (N, D), of length 1.
        """
        if resize == "nearest":
            ready = F.interpolate(images, self.preprocess.size, mode="nearest")
        else:
            ready = self.preprocess(images)
        return F.normalize(self.model.encode_image(ready).float(), dim=1)  # type: ignore[operator]

    def embed_captions(self, captions: Sequence[str]) -> Tensor:
        """Embed captions: (N, D), of length 1."""
        device = next(self.model.parameters()).device
        tokens = self.tokenizer()(list(captions)).to(device)
        return F.normalize(self.model.encode_text(tokens).float(), dim=1)  # type: ignore[operator]

    @property
    def digest(self) -> str:
        """Digest of its image tower, the part that judges."""
        return weights_digest(self.model.visual)  # type: ignore[arg-type]


def save_clip(model: nn.Module, configuration: dict[str, Any], folder: Path) -> None:
    """Write a CLIP in open_clip's folder form.

    Args:
        model: open_clip's module.
        configuration: `model_cfg` and `preprocess_cfg`, as open_clip reads them.
        folder: to write to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.detach().cpu().contiguous().clone() for k, v in model.state_dict().items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(configuration, indent=1, sort_keys=True) + "\n")


def open_clip_folder(folder: Path) -> Clip:
    """Open a folder in open_clip's form.

    Raises:
        ValueError: no configuration, no weights, or weights of another architecture.
    """
    if not (folder / CONFIG).is_file():
        raise ValueError(f"{folder} has no {CONFIG}: expected a CLIP's folder in open_clip's form")
    return _opened(f"study {folder.name}", f"local-dir:{folder}", None)


def open_published_clip(name: str) -> Clip:
    """Open `ARCHITECTURE/TAG` or `ARCHITECTURE/FILE`.

    A tag comes with its own preprocessing and activation. A file has neither written in it: it gets the preprocessing
    that all tags of its architecture share, else open_clip's default, and the activation that the architecture names
    (`RN50-quickgelu`).

    Raises:
        ValueError: an unknown architecture or tag, or weights of another architecture.
        OSError: the weights are not on this machine and cannot be downloaded.
    """
    import open_clip

    architecture, _, weights = name.partition("/")
    if architecture not in open_clip.list_models():
        raise ValueError(
            f"unknown CLIP {name!r}: expected ARCHITECTURE/TAG with an architecture of open_clip "
            "(`python -c 'import open_clip; print(open_clip.list_pretrained())'`), ARCHITECTURE/FILE, or a folder"
        )
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if weights not in tags and not Path(weights).is_file():
        raise ValueError(f"{architecture} has no weights {weights!r}: expected one of {', '.join([*tags, 'a file'])}")
    if weights not in tags:
        return _opened(name, architecture, weights, force_preprocess_cfg=_shared_preprocessing(architecture, tags))
    tag = open_clip.get_pretrained_cfg(architecture, weights)
    quick = bool(tag.get("quick_gelu"))  # open_clip would only warn where tag and architecture differ
    same = f"{architecture}-quickgelu"
    file = _downloaded(name, tag, same if quick and same in open_clip.list_models() else architecture)
    return _opened(name, architecture, file, force_quick_gelu=quick, force_preprocess_cfg=_preprocessing(tag))


def _preprocessing(tag: dict[str, Any]) -> dict[str, Any]:
    return {name: tag[name] for name in ("mean", "std", "interpolation", "resize_mode")}


def _shared_preprocessing(architecture: str, tags: Sequence[str]) -> dict[str, Any]:
    import open_clip

    found = [_preprocessing(open_clip.get_pretrained_cfg(architecture, tag)) for tag in tags]
    return found[0] if found and all(other == found[0] for other in found) else {}


def _downloaded(name: str, tag: dict[str, Any], architecture: str) -> str:
    """Return the file of a tag's weights; `architecture` is the one to name in front of a copy of it."""
    import open_clip

    try:
        return open_clip.download_pretrained(tag)
    except (OSError, RuntimeError) as error:
        raise OSError(
            f"the weights of {name} are not on this machine and cannot be downloaded ({reason_of(error)}): copy them "
            f"here and name {architecture}/FILE, or use a CLIP of the study"
        ) from None


def _opened(name: str, architecture: str, weights: str | None, **forced: Any) -> Clip:
    import open_clip

    try:
        model = open_clip.create_model(architecture, pretrained=weights, require_pretrained=True, **forced)
    except DAMAGE as error:
        raise ValueError(f"{name} cannot be opened ({reason_of(error)}): copy or train it again") from None
    preprocess = Preprocess.of(model.visual.preprocess_cfg)
    clip = Clip(name, model, preprocess, lambda: open_clip.get_tokenizer(architecture))
    return clip.eval().requires_grad_(False)
