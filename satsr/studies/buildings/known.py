"""The buildings that are known, where the data come with their outlines."""

from __future__ import annotations

from satsr.data.data_set import DataSet
from satsr.data.making.footprints import Footprints, Labels


def known_buildings(data: DataSet, split: str) -> list[Labels]:
    """Return a label map for every chip of a split; none where nothing tells of buildings (only the world does)."""
    folder = data.readers[split].chips.folder
    if not (folder / "vectors").is_dir():
        return []
    outlines = Footprints.of(folder)
    return [outlines.labels(tile) for tile in data.pairs[split].tiles]
