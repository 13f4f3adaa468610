"""The papers' other data sets: every method, trained and scored on each of them through its published layout."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from satsr.data import images16, reader, shard_rows, shards
from satsr.data.file_digest import status_digest
from satsr.data.leakage import positions, report
from satsr.data.pairs import Pairs
from satsr.data.reader import SPLITS, Facts, Reader
from satsr.data.readers import paper_time, tiffs
from satsr.data.readers.fmow import FMoW
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.paper_time import PaperTime, titled
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.worldstrat import WorldStrat
from satsr.data.shards import FACTS_FILE, Shards
from satsr.paths import Workspace
from satsr.reuse import key_of
from satsr.settings import DataSetSettings

REMEDY = (
    "move places to one split, give neighbours one region in regions.json, or say `leakage: report` for a published "
    "split that is to be used as it is"
)
MANIFEST = "data_sets.json"  # what each data set holds, and a digest of its files, in a profile's results
TWIN = "embedded twin"
CODE = (reader, images16, tiffs, paper_time, shards, shard_rows)  # decides what a file becomes, whatever the data set
READERS: dict[str, type[Reader]] = {"probav": ProbaV, "worldstrat": WorldStrat, "oli2msi": OLI2MSI, "fmow": FMoW}


@dataclass(frozen=True)
class DataSet:
    """One data set of the study: its embedded twin, or a download.

    Attributes:
        name: a key of `READERS`.
        settings: where it is, and how a place becomes a sample.
        here: the profile's folders.
    """

    name: str
    settings: DataSetSettings
    here: Workspace

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.settings.path) if self.settings.path else self.here.sets / self.name

    @property
    def facts(self) -> Facts:
        """What its authors say of it."""
        return READERS[self.name].facts

    @property
    def title(self) -> str:
        """What tables call it; a twin never has the plain name of the data set."""
        native = self.settings.treatment == "native"
        title = self.facts.title if native else titled(self.facts)
        return title if self.settings.path else f"{title} ({TWIN})"

    @cached_property
    def readers(self) -> dict[str, Reader]:
        """Reader of every split: of the published layout, or of the sharded form where that lies in the folder."""
        found = {split: self._form(self.folder, split) for split in SPLITS}
        if self.settings.treatment == "native":
            return found
        return {split: PaperTime(native) for split, native in found.items()}

    @property
    def _form(self) -> type[Reader]:
        return Shards if (self.folder / SPLITS[0] / FACTS_FILE).is_file() else READERS[self.name]

    @cached_property
    def pairs(self) -> dict[str, Pairs]:
        """The usable pairs of every split."""
        return {split: Pairs(each, self.settings.pairs) for split, each in self.readers.items()}

    @property
    def digest(self) -> str:
        """Identifies its files, as the manifest has it, and the code that reads them."""
        manifest = json.loads((self.here.results / MANIFEST).read_text())
        return key_of({"files": manifest[self.name]["sha256"]}, *CODE, sys.modules[READERS[self.name].__module__])

    def found(self) -> dict[str, object]:
        """Return a download's part of the manifest: places of each split, and a digest of its files."""
        tables = [path for kind in ("*.csv", "*.json") for path in self.folder.glob(kind)]
        images = [path for each in self.readers.values() for tile in each.tiles for path in each.files(tile)]
        counts = {split: len(each.tiles) for split, each in self.readers.items()}
        return {"scenes": counts, "sha256": status_digest(self.folder, [*tables, *images])}


def counted(rows: Mapping[str, Pairs]) -> dict[str, object]:
    """Return what a reader finds on disk, by split: usable places, dates, and nominal ground area in km2."""
    pair = rows["train"].pair(0)
    side_km = [size * pair.gsd_m / 1000 for size in pair.hr.shape[-2:]]
    every = pd.concat([pairs.index for pairs in rows.values()])
    return {
        **{split: len(pairs) for split, pairs in rows.items()},
        "frames": f"{every.frames.min()} to {every.frames.max()}",
        "LR px": " x ".join(map(str, pair.lr.shape[-2:])),
        "HR px": " x ".join(map(str, pair.hr.shape[-2:])),
        "km2": len(every) * side_km[0] * side_km[1],
    }


def neighbours(dataset: DataSet) -> dict[str, list[str]]:
    """Return the regions that more than one split holds: neighbours across splits would leak.

    Returns:
        region -> its splits; empty when all is well.
    """
    found: dict[str, set[str]] = {}
    for split, each in dataset.readers.items():
        for tile in each.tiles:
            found.setdefault(each.region(tile), set()).add(split)
    return {region: sorted(splits) for region, splits in found.items() if len(splits) > 1}


def nearest_training(dataset: DataSet) -> pd.DataFrame | None:
    """Return how far test and validation places lie from training, see `leakage.report`; None without positions."""
    places = positions(dataset.readers.values())
    return None if places.empty else report(places)


def least_distance_m(dataset: DataSet) -> float:
    """Return the stated distance: the diagonal of a place, so that no two across splits touch."""
    pair = dataset.pairs["train"].pair(0)
    return math.hypot(*(side * pair.gsd_m for side in pair.hr.shape[-2:]))


def leakage(datasets: Sequence[DataSet]) -> pd.DataFrame:
    """Return a row per data set: what its splits share, and how far they lie apart.

    Raises:
        ValueError: a region in two splits, or a test or validation place closer to training than the stated distance,
            unless the data set's settings say that leakage is only reported; the message names the first.
    """
    return pd.DataFrame([_leakage(dataset) for dataset in datasets])


def _leakage(dataset: DataSet) -> dict[str, object]:
    shared, apart = neighbours(dataset), nearest_training(dataset)
    least_m = math.nan if apart is None else least_distance_m(dataset)
    close = 0 if apart is None else int((apart.distance_m < least_m).sum())
    if dataset.settings.leakage == "fail":
        for region, splits in shared.items():
            raise ValueError(f"{dataset.title}: region {region} lies in {' and '.join(splits)}: {REMEDY}")
        if apart is not None and close:
            first = apart.iloc[0]
            raise ValueError(
                f"{dataset.title}: {first.split} place {first.tile} lies {first.distance_m:.0f} m from training place "
                f"{first.nearest}, expected at least {least_m:.0f} m ({close} of {len(apart)} are closer): {REMEDY}"
            )
    return {
        "data set": dataset.title,
        **{f"{split} regions": len({r.region(tile) for tile in r.tiles}) for split, r in dataset.readers.items()},
        "regions in two splits": len(shared),
        "stated distance, m": least_m,
        "nearest, m": math.nan if apart is None else apart.distance_m.min(),
        "median, m": math.nan if apart is None else apart.distance_m.median(),
        "too close": close,
    }
