"""The papers' other data sets: every method, trained and scored on each of them through its published layout."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from satsr.common.cache import key_of
from satsr.common.digests import status_digest
from satsr.common.paths import Workspace
from satsr.data import images, reader
from satsr.data.pairs import Pairs
from satsr.data.reader import SPLITS, Facts, Reader
from satsr.data.readers import paper_time, tiffs
from satsr.data.readers.fmow import FMoW
from satsr.data.readers.oli2msi import OLI2MSI
from satsr.data.readers.paper_time import PaperTime, titled
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.worldstrat import WorldStrat
from satsr.data.settings import DataSetSettings
from satsr.data.shards import rows as shard_rows
from satsr.data.shards import shards
from satsr.data.shards.shards import FACTS_FILE, Shards

MANIFEST = "data_sets.json"  # what each data set holds, and a digest of its files, in a profile's results
TWIN = "embedded twin"
CODE = (reader, images, tiffs, paper_time, shards, shard_rows)  # decides what a file becomes, whatever the data set
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
