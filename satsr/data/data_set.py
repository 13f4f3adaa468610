"""The papers' other data sets: every method, trained and scored on each of them through its published layout."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import pandas as pd

from satsr.common.cache import key_of
from satsr.common.digests import status_digest
from satsr.common.paths import Workspace
from satsr.common.settings import DataSetSettings
from satsr.data import images16, reader
from satsr.data.checks.leakage import check_distance, positions, report
from satsr.data.pairs import Pairs
from satsr.data.reader import SPLITS, Facts, Reader
from satsr.data.readers import paper_time, tiffs
from satsr.data.readers.fmow import FMoW
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.paper_time import PaperTime, titled
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.worldstrat import WorldStrat
from satsr.data.shards import rows as shard_rows
from satsr.data.shards import shards
from satsr.data.shards.shards import FACTS_FILE, Shards

LeakageRule = Literal["fail", "report"]
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


def leakage(title: str, sets: Mapping[str, Pairs], rule: LeakageRule) -> dict[str, object]:
    """Return what the splits of a data set share, and how far they lie apart.

    Args:
        title: of the data set.
        sets: split -> pairs.
        rule: whether places that leak are refused, or only counted.

    Raises:
        ValueError: a region in two splits, or a test or validation place closer to training than its own diagonal,
            so that they may touch; the message names the first.
    """
    regions = {split: {pairs.reader.region(tile) for tile in pairs.reader.tiles} for split, pairs in sets.items()}
    shared = {r: [s for s, some in regions.items() if r in some] for r in sorted(set().union(*regions.values()))}
    shared = {region: splits for region, splits in shared.items() if len(splits) > 1}
    places = positions({split: pairs.reader for split, pairs in sets.items()})
    pair = sets["train"].pair(0)
    least_m = math.hypot(*(side * pair.gsd_m for side in pair.hr.shape[-2:]))
    apart = pd.DataFrame(columns=["distance_m"], dtype=float) if places.empty else report(places)
    if rule == "fail":
        for region, splits in shared.items():
            raise ValueError(f"{title}: region {region} lies in {' and '.join(splits)}: {REMEDY}")
        check_distance(apart, least_m, title, REMEDY)
    return {
        "data set": title,
        **{f"{split} regions": len(some) for split, some in regions.items()},
        "regions in two splits": len(shared),
        "stated distance, m": math.nan if places.empty else least_m,
        "nearest, m": apart.distance_m.min(),
        "median, m": apart.distance_m.median(),
        "too close": int((apart.distance_m < least_m).sum()),
    }
