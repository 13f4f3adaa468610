"""Make the embedded twins of the papers' other data sets, in the published layouts.

As with the main data set, everything is written beside its final place and moved there when it is complete.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from satsr.common.digests import tree_digest
from satsr.common.progress import Progress
from satsr.data.making.jobs import map_jobs, whole_or_nothing
from satsr.data.making.twins import TWINS, scenes
from satsr.data.reader import SPLITS, Scene
from satsr.data.readers import fmow, oli2msi, probav, worldstrat
from satsr.data.settings import TwinSettings
from satsr.data.splits import split_regions

WRITERS: dict[str, Callable[[Path, Iterable[Scene]], None]] = {
    "probav": probav.write_set,
    "oli2msi": oli2msi.write_set,
    "worldstrat": worldstrat.write_set,
    "fmow": fmow.write_set,
}


def make_twins(settings: TwinSettings, out: Path) -> dict[str, Any]:
    """Write every twin below `out`, one folder each, and return the manifest.

    Args:
        settings: number and size of the landscapes, seed and splits.
        out: replaced as a whole, and only when everything is there.

    Returns:
        For each data set the number of scenes of each split, and the sha256 over its files.

    Raises:
        OSError: the disk is full.
    """
    names = [f"{number:04d}" for number in range(settings.regions)]
    splits = split_regions(names, settings.splits, settings.seed)
    building = out.with_name(out.name + ".partial")
    shutil.rmtree(building, ignore_errors=True)
    with whole_or_nothing(building):
        made = _all_scenes(settings, splits)
        manifest = {name: _write(name, found, building / name) for name, found in made.items()}
        shutil.rmtree(out, ignore_errors=True)
        os.replace(building, out)
    return manifest


def _all_scenes(settings: TwinSettings, splits: dict[str, str]) -> dict[str, list[Scene]]:
    made: dict[str, list[Scene]] = {name: [] for name in TWINS}
    progress = Progress("twins", len(splits), "landscapes")
    for found in map_jobs(partial(_scenes, settings), sorted(splits.items())):
        for name, some in found.items():
            made[name] += some
        progress.step()
    return made


def _scenes(settings: TwinSettings, where: tuple[str, str]) -> dict[str, list[Scene]]:
    name, split = where
    return scenes(settings, int(name), split)


def _write(dataset: str, made: list[Scene], folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    WRITERS[dataset](folder, made)
    counts = {split: sum(scene.split == split for scene in made) for split in SPLITS}
    return {"scenes": counts, "sha256": tree_digest(folder)}
