"""The data sets beside the main one, opened by their names."""

from __future__ import annotations

from satsr.common.paths import Workspace
from satsr.data.catalogue import ENTRIES, check_data_sets
from satsr.data.data_set import DataSet
from satsr.data.readers.paper_time import titled
from satsr.data.settings import DataSetSettings

TWIN = "embedded twin"


def further_data(name: str, settings: DataSetSettings, here: Workspace) -> DataSet:
    """Return a data set beside the main one.

    Args:
        name: as the catalogue has it.
        settings: where a download is, and how a place becomes a sample.
        here: the profile's folders.

    Raises:
        ValueError: see `check_data_sets`.
    """
    check_data_sets({name: settings})
    entry = ENTRIES[name]
    return DataSet(name, entry.reader, settings, here, entry.paper_time if settings.treatment != "native" else None)


def name_of(data: DataSet) -> str:
    """Return what tables call a data set beside the main one; a twin never has the plain name."""
    title = data.facts.title if data.treatment is None else titled(data.facts, data.treatment)
    return title if data.settings.path else f"{title} ({TWIN})"
