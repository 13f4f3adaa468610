"""Make a data set in the S2-NAIP layout: from the embedded world, from real HR images, or from real pairs.

Everything is written beside its final place and moved there when it is complete, so that a killed run leaves
nothing that looks like data.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from satsr.common.digests import status_digest, tree_digest
from satsr.common.progress import Progress
from satsr.data.making import own_images as folder
from satsr.data.making import world_chips
from satsr.data.making.jobs import map_jobs, whole_or_nothing
from satsr.data.making.own_regions import with_regions
from satsr.data.place_index import counts, with_status, write_index
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.readers.s2naip_folder import BESIDE, SPLIT_FOLDERS, Chip, link_split, write_chip, write_split_files
from satsr.data.settings import DataSettings
from satsr.data.splits import split_regions

NO_PIXELS = np.zeros((0, 0, 3), np.uint8)
MB_PER_CHIP = 0.35  # all bands, eight dates, rounded up


def make_data(
    settings: DataSettings, out: Path, dates: int, bands: tuple[str, ...] = S2NAIP.facts.bands_in
) -> dict[str, Any]:
    """Write the train, val and test splits and their index below `out` and return the manifest.

    Args:
        settings: the source and its size.
        out: folder of the data set, with `files` and `index` in it; replaced as a whole, and only when everything is
            there.
        dates: frames a place needs to be usable.
        bands: of LR that are looked at.

    Returns:
        Counts, left-out places with their reasons, and the sha256 of every split.

    Raises:
        ValueError: the source does not hold what it should, no place of a split can be used, or only some have dates.
        OSError: the disk is full.
    """
    jobs, notes = ([], []) if settings.source == "s2naip" else _jobs(settings)
    for note in notes:
        print(f"data: {note}", file=sys.stderr, flush=True)
    _check_space(out, len(jobs) * (settings.chips_per_side**2 if settings.source == "world" else 1))
    building = out.with_name(out.name + ".partial")
    shutil.rmtree(building, ignore_errors=True)
    with whole_or_nothing(building):
        files = building / "files"
        left_out = _write_all(settings, jobs, files) if jobs else _link(settings, files)
        readers = {split: S2NAIP.open(files, split) for split in SPLIT_FOLDERS}
        index = write_index(readers, bands, building / "index")
        splits = {
            split: _facts_of(files / name, readers[split], index[split], dates) for split, name in SPLIT_FOLDERS.items()
        }
        manifest = {
            "source": settings.source,
            "name": _name(settings),
            "seed": settings.seed,
            "bands": list(bands),
            "bands_out": list(S2NAIP.facts.bands_out),
            "scale": S2NAIP.facts.scale,
            "dated": _all_dated(splits),
            "digest": "-".join(found["sha256"][:16] for found in splits.values()),
            "splits": splits,
            "left out while reading": left_out,
            "notes": notes,
        }
        shutil.rmtree(out, ignore_errors=True)
        os.replace(building, out)
    return manifest


def _link(settings: DataSettings, out: Path) -> dict[str, int]:
    """Let `out` stand for S2-NAIP as downloaded, in either layout; none of it is copied."""
    there = Path(settings.path)
    beside = [path for name in BESIDE for path in (there / name, *(there / name).rglob("*"))]
    for name in SPLIT_FOLDERS.values():
        link_split(out / name, there / name, status_digest(there, [*beside, *(there / name).rglob("*")]))
    return {}


def _name(settings: DataSettings) -> str:
    """Return what tables call the data: the name of a published data set only for its download."""
    if settings.source == "s2naip":
        return S2NAIP.facts.title
    if settings.source == "world":
        return "embedded world"
    made = "simulated Sentinel-2" if settings.source == "folder" else "real pairs"
    return f"{Path(settings.path).name} ({made})"


Job = tuple[str, Any]  # split, and what a source needs to know to make one region's chips


def _jobs(settings: DataSettings) -> tuple[list[Job], list[str]]:
    """List the regions (or images) of the source with their splits, and what a user should know of them."""
    if settings.source == "world":
        names = [f"{number:04d}" for number in range(settings.regions)]
        splits = split_regions(names, settings.splits, settings.seed)
        return [(split, int(name)) for name, split in sorted(splits.items())], []
    found = folder.list_images(settings) if settings.source == "folder" else folder.list_pairs(settings)
    places, notes = with_regions(settings, found)
    name = {place.number: place.name for place in places}
    split = split_regions(sorted({name[place.region] for place in places}), settings.splits, settings.seed)
    return [(split[name[place.region]], place) for place in places], notes


def _write_job(settings: DataSettings, out: Path, job: Job) -> tuple[str, list[Chip], Counter[str]]:
    """Make and write one job's chips; return them without their pixels, and how many were left out, by reason."""
    split, where = job
    to, left_out = out / SPLIT_FOLDERS[split], Counter[str]()
    chips: Iterable[Chip]
    if settings.source == "world":
        chips, maps = world_chips.region_chips(settings, where)
        for name, text in maps.items():
            path = to / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    elif settings.source == "folder":
        chips = folder.image_chips(settings, where, left_out)
    else:
        chips = folder.pair_chips(where)
    notes = []
    for chip in chips:  # one after another: a large image has more than memory holds
        write_chip(to, chip)
        notes.append(replace(chip, hr=NO_PIXELS, bands={}, old_hr=None, land_cover=None))
    return split, notes, left_out


def _write_all(settings: DataSettings, jobs: list[Job], out: Path) -> dict[str, int]:
    """Make and write every chip; return how many were left out, by reason."""
    notes: dict[str, list[Chip]] = {split: [] for split in SPLIT_FOLDERS}
    left_out: Counter[str] = Counter()
    progress = Progress("data", len(jobs), "regions" if settings.source == "world" else "images")
    for split, chips, missing in map_jobs(partial(_write_job, settings, out), jobs):
        notes[split] += chips
        left_out += missing
        progress.step()
    for split, chips in notes.items():
        if not chips:
            raise ValueError(
                f"the {split} split is empty ({dict(left_out) or 'no images'}): give more or larger images"
            )
        write_split_files(
            out / SPLIT_FOLDERS[split],
            sorted(c.tile for c in chips),
            {c.tile: c.objects for c in chips if c.objects},
            {c.tile: c.caption for c in chips if c.caption},
            {c.tile: c.region for c in chips if c.region},
            None if settings.source == "world" else {c.tile: c.position for c in chips if c.position},
        )
    return dict(left_out)


def _facts_of(folder: Path, reader: S2NAIP, statuses: pd.DataFrame, dates: int) -> dict[str, Any]:
    """Return what one split holds; of a download, whose folder only names it, no image is read for the digest."""
    index = with_status(statuses, dates)
    found = counts(index)
    if not found["places"]:
        raise ValueError(
            f"none of the {len(index)} places of {folder.name} can be used: {found['left out']}; needed {dates} dates"
        )
    usable = index[index.status == "ok"]
    dated = sum(reader.chips.dates(tile) is not None for tile in usable.tile)
    return {**found, "dated": dated, "sha256": tree_digest(folder)}


def _all_dated(splits: dict[str, dict[str, Any]]) -> bool:
    """Refuse data of which only some have dates: a network would take the others' for HR's own day."""
    dated, places = (sum(found[what] for found in splits.values()) for what in ("dated", "places"))
    if 0 < dated < places:
        raise ValueError(
            f"{dated} of {places} usable chips have dates.csv, expected all or none: add the others, or take all away "
            "to leave time out"
        )
    return bool(dated)


def _check_space(out: Path, chips: int) -> None:
    """Refuse to start where not even `chips` chips fit."""
    out.parent.mkdir(parents=True, exist_ok=True)
    needed = MB_PER_CHIP * chips
    free = shutil.disk_usage(out.parent).free / 1e6
    if free < needed:
        raise OSError(errno.ENOSPC, f"{free:.0f} MB free at {out.parent}, expected {needed:.0f}: free some space")
