"""Open any network by name: a published tag, a local file, or a folder that the study wrote."""

from __future__ import annotations

import json
from pathlib import Path

from satsr.perception.clip import Clip, open_clip_folder, open_published_clip
from satsr.perception.published import PUBLISHED, open_published
from satsr.perception.trunk import Trunk, open_trunk

# A folder with only this file stands for a published network, so that every network of a study has a folder.
POINTER = "published.json"


def load_clip(name_or_path: str | Path) -> Clip:
    """Open a CLIP.

    Args:
        name_or_path: `ARCHITECTURE/TAG` of open_clip (`ViT-bigG-14-CLIPA-336/datacomp1b`), `ARCHITECTURE/FILE`
            with a local checkpoint, or a folder in open_clip's form, such as those that the study trains.

    Raises:
        ValueError: an unknown architecture or tag (lists the known ones), or weights of another architecture.
        OSError: published weights that are not on this machine and cannot be downloaded.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return load_clip(_pointed(path)) if (path / POINTER).is_file() else open_clip_folder(path)
    return open_published_clip(str(name_or_path))


def load_trunk(name_or_path: str | Path) -> Trunk:
    """Open a trunk.

    Args:
        name_or_path: `alex`, `vgg`, `vgg19` or `squeeze`; one of these with a local state dict, as `vgg19/FILE`; or
            a folder that the study trained.

    Raises:
        ValueError: an unknown name, or weights of another architecture.
        OSError: published weights that are not on this machine and cannot be downloaded.
    """
    path = Path(name_or_path)
    if path.is_dir():
        return load_trunk(_pointed(path)) if (path / POINTER).is_file() else open_trunk(path)
    name, _, file = str(name_or_path).partition("/")
    if name not in PUBLISHED or (file and not Path(file).is_file()):
        raise ValueError(
            f"unknown trunk {str(name_or_path)!r}: expected one of {', '.join(PUBLISHED)}, one of these with "
            "a file of weights (vgg19/FILE), or a folder that the study trained"
        )
    return open_published(name, Path(file) if file else None)


def save_pointer(name: str, folder: Path) -> None:
    """Let a folder stand for a published network."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / POINTER).write_text(json.dumps({"weights": name}) + "\n")


def _pointed(folder: Path) -> str:
    return json.loads((folder / POINTER).read_text())["weights"]
