"""Make the embedded twins of the papers' other data sets, in the published layouts.

As with the main data set, everything is written beside its final place and moved there when it is complete.
"""

from __future__ import annotations

import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from satsr.common.digests import tree_digest
from satsr.common.progress import Progress
from satsr.data.catalogue import ENTRIES, Twin, twin_names
from satsr.data.making.jobs import map_jobs, whole_or_nothing
from satsr.data.making.twins import scenes
from satsr.data.reader import SPLITS, Scene
from satsr.data.settings import TwinSettings
from satsr.data.splits import split_regions


def make_twins(settings: TwinSettings, out: Path) -> dict[str, dict[str, Any]]:
    """Write the files of every twin below `out`, and return what they hold.

    Args:
        settings: number and size of the landscapes, seed and splits.
        out: gets `NAME/files` of each; they are replaced when all of them are there.

    Returns:
        For each data set the number of scenes of each split, and the sha256 over its files.

    Raises:
        OSError: the disk is full.
    """
    names = [f"{number:04d}" for number in range(settings.regions)]
    splits = split_regions(names, settings.splits, settings.seed)
    building = out / ".twins.partial"
    shutil.rmtree(building, ignore_errors=True)
    with whole_or_nothing(building):
        made = _all_scenes(settings, splits)
        found = {name: _write(ENTRIES[name].twin, some, building / name) for name, some in made.items()}
        for name in made:
            shutil.rmtree(out / name, ignore_errors=True)
            (out / name).mkdir(parents=True)
            os.replace(building / name, out / name / "files")
        building.rmdir()
    return found


def _all_scenes(settings: TwinSettings, splits: dict[str, str]) -> dict[str, list[Scene]]:
    made: dict[str, list[Scene]] = {name: [] for name in twin_names()}
    progress = Progress("twins", len(splits), "landscapes")
    for found in map_jobs(partial(_scenes, settings), sorted(splits.items())):
        for name, some in found.items():
            made[name] += some
        progress.step()
    return made


def _scenes(settings: TwinSettings, where: tuple[str, str]) -> dict[str, list[Scene]]:
    name, split = where
    views = {dataset: entry.twin.view for dataset, entry in ENTRIES.items() if entry.twin}
    return scenes(settings, int(name), split, views)


def _write(twin: Twin | None, made: list[Scene], folder: Path) -> dict[str, Any]:
    assert twin is not None
    folder.mkdir(parents=True)
    twin.write(folder, made)
    places = {split: sum(scene.split == split for scene in made) for split in SPLITS}
    return {"scenes": places, "sha256": tree_digest(folder)}
