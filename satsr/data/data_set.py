"""A data set of the study, the main one or another: its files, its places, its pairs, and what it is known by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from satsr.common.paths import MAIN, VARIANTS, DataFolders, Workspace
from satsr.data.manifest import read_manifest
from satsr.data.pairs import Pairs
from satsr.data.place_index import index_file
from satsr.data.reader import SPLITS, Facts, Reader, bands_seen
from satsr.data.readers.paper_time import PaperTime, Treatment
from satsr.data.readers.s2naip import S2NAIP
from satsr.data.settings import DataSetSettings, PairSettings
from satsr.data.shards.shards import FACTS_FILE, Shards


@dataclass(frozen=True)
class DataSet:
    """One data set in a profile: what the study made, or a download.

    Attributes:
        name: as the catalogue has it.
        form: reader of its published layout.
        settings: where a download is, and how a place becomes a sample.
        here: the profile's folders.
        treatment: another scale than its own, where the settings ask for it.
        only: split -> the places that are used of it; all of a split that is not named.
    """

    name: str
    form: type[Reader]
    settings: DataSetSettings
    here: Workspace
    treatment: Treatment | None = None
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def folders(self) -> DataFolders:
        """Where its models, scores and tables are."""
        return self.here.data_set(self.name)

    @property
    def files(self) -> Path:
        """Where its images are."""
        return Path(self.settings.path) if self.settings.path else self.folders.files

    @property
    def facts(self) -> Facts:
        """What its authors say of it."""
        return self.form.facts

    @property
    def manifest(self) -> dict[str, Any]:
        """What it holds, see `read_manifest`."""
        return read_manifest(self.folders)

    @property
    def title(self) -> str:
        """What tables call it; a twin never has the plain name of the data set."""
        return str(self.manifest["name"])

    @property
    def dated(self) -> bool:
        """Whether the dates of its images are known: of all places, or of none."""
        return bool(self.manifest["dated"])

    @property
    def digest(self) -> str:
        """Hexadecimal digits that identify its files."""
        return str(self.manifest["digest"])

    @cached_property
    def readers(self) -> dict[str, Reader]:
        """Reader of every split: of the published layout, or of the sharded form where that lies in the folder."""
        form = Shards if (self.files / SPLITS[0] / FACTS_FILE).is_file() else self.form
        found = {split: form.open(self.files, split) for split in SPLITS}
        if self.treatment is None:
            return found
        return {split: PaperTime(native, self.treatment) for split, native in found.items()}

    @property
    def code(self) -> frozenset[str]:
        """Names of the modules that decide what a file becomes."""
        readers = list(self.readers.values())
        readers += [reader.reader for reader in readers if isinstance(reader, PaperTime)]
        return frozenset(type(reader).__module__ for reader in readers)

    @cached_property
    def pairs(self) -> dict[str, Pairs]:
        """The usable pairs of every split."""
        return {split: self.seen_as(self.settings.pairs, split) for split in SPLITS}

    def seen_as(self, settings: PairSettings, split: str) -> Pairs:
        """Return the usable pairs of a split with other dates or bands than those of the data set's settings."""
        reader = self.readers[split]
        indexed = list(bands_seen(settings.bands, reader.facts)) == self.manifest["bands"]
        every = Pairs(reader, settings, pd.read_parquet(index_file(self.folders.index, split)) if indexed else None)
        return every.only(self.only[split]) if split in self.only else every


def main_data(here: Workspace, pairs: PairSettings) -> DataSet:
    """Return the main data set of a profile.

    Args:
        here: the profile's folders.
        pairs: how a place becomes a sample.
    """
    return DataSet(MAIN, S2NAIP, DataSetSettings(pairs=pairs), here)


def variants_data(here: Workspace, pairs: PairSettings) -> DataSet:
    """Return the data set of the studies of variants, in the layout of the main one; see `main_data`."""
    return DataSet(VARIANTS, S2NAIP, DataSetSettings(pairs=pairs), here)
