"""The manifest and the index of a twin or a download."""

from __future__ import annotations

from typing import Any

from satsr.common.digests import status_digest
from satsr.data.data_set import DataSet
from satsr.data.further import name_of
from satsr.data.place_index import counts, with_status, write_index
from satsr.data.reader import SPLITS, bands_seen


def describe(each: DataSet, made: dict[str, Any]) -> dict[str, Any]:
    """Look at every place of a twin or a download, write its index, and return its manifest.

    Args:
        each: the data set.
        made: what `make_twins` says of it; of a download, its files are looked at.

    Raises:
        ValueError, FileNotFoundError: a file is missing, truncated or of the wrong shape.
    """
    found = downloaded(each) if each.settings.path else made
    bands = bands_seen(each.settings.pairs.bands, each.readers[SPLITS[0]].facts)
    index = write_index(each.readers, bands, each.folders.index)
    first = each.readers[SPLITS[0]]
    days = first.sample(first.tiles[0], bands).days
    return {
        "source": "download" if each.settings.path else "twin",
        "name": name_of(each),
        "bands": list(bands),
        "bands_out": list(first.facts.bands_out),
        "scale": first.facts.scale,
        "dated": bool((days == days).all()),  # NaN is no date
        "digest": found["sha256"],
        "scenes": found["scenes"],
        "splits": {split: counts(with_status(rows, each.settings.pairs.dates)) for split, rows in index.items()},
    }


def downloaded(each: DataSet) -> dict[str, Any]:
    """Return the places of each split of a download, and a digest of its files."""
    tables = [path for kind in ("*.csv", "*.json") for path in each.files.glob(kind)]
    images = [path for reader in each.readers.values() for tile in reader.tiles for path in reader.files(tile)]
    places = {split: len(reader.tiles) for split, reader in each.readers.items()}
    return {"scenes": places, "sha256": status_digest(each.files, [*tables, *images])}
