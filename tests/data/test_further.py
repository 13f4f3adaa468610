"""The data sets beside the main one: opened by name, called by what they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from satsr.common.paths import Workspace
from satsr.data.catalogue import ENTRIES, check_data_sets, twin_names
from satsr.data.further import further_data, name_of
from satsr.data.making.describe import describe
from satsr.data.manifest import write_manifest
from satsr.data.reader import SPLITS
from satsr.data.readers.paper_time import Treatment
from satsr.data.readers.worldstrat import WorldStratL2A
from satsr.data.settings import DataSetSettings, PairSettings
from tests.made import make_probav, make_worldstrat

PAPER_TIME = DataSetSettings(treatment="paper-time")
HERE = Workspace(Path("unused"), "tiny")

REFUSED = {
    "unknown": ("worldstart", DataSetSettings(), "got data set 'worldstart', expected one of s2naip, .*deimos"),
    "unknown, with a folder": ("fmw", DataSetSettings(path="there"), "got data set 'fmw', expected one of s2naip, "),
    "main": ("s2naip", DataSetSettings(path="there"), "data_sets.s2naip is the main data set: set it under `data`"),
    "no twin and no path": (
        "sen2venus",
        DataSetSettings(),
        "data_sets.sen2venus has no embedded twin: name the folder of its download in data_sets.sen2venus.path, or "
        "take one of probav, oli2msi, worldstrat, fmow",
    ),
    "no treatment": (
        "worldstrat",
        PAPER_TIME,
        "worldstrat: got treatment paper-time, expected native: only probav, oli2msi were treated otherwise",
    ),
    "no treatment of a download": (
        "probav-red",
        DataSetSettings(path="there", treatment="paper-time"),
        "probav-red: got treatment paper-time, expected native: only probav, oli2msi",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_had_is_refused_with_the_remedy(case: str) -> None:
    name, settings, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        further_data(name, settings, HERE)
    for others in ({}, {"probav": DataSetSettings()}):  # wherever it stands among good ones
        with pytest.raises(ValueError, match=message):
            check_data_sets({**others, name: settings, "fmow": DataSetSettings()})


def test_twins_downloads_and_the_paper_s_treatments_are_accepted() -> None:
    check_data_sets({})
    check_data_sets({name: DataSetSettings() for name in twin_names()})
    check_data_sets({name: DataSetSettings(path="there") for name in ENTRIES if name != "s2naip"})
    check_data_sets({"probav": PAPER_TIME, "oli2msi": PAPER_TIME})


def test_names_of_twins_are_those_of_the_papers() -> None:
    assert twin_names() == ["probav", "oli2msi", "worldstrat", "fmow"]


@pytest.mark.parametrize("name", [name for name in ENTRIES if name != "s2naip"])
def test_a_download_has_the_plain_name_and_the_reader_of_the_catalogue(name: str) -> None:
    data = further_data(name, DataSetSettings(path="there"), HERE)
    assert (data.name, data.form, data.treatment, data.here) == (name, ENTRIES[name].reader, None, HERE)
    assert name_of(data) == ENTRIES[name].reader.facts.title


@pytest.mark.parametrize("name", twin_names())
def test_a_twin_never_has_the_plain_name(name: str) -> None:
    assert name_of(further_data(name, DataSetSettings(), HERE)) == f"{ENTRIES[name].reader.facts.title} (embedded twin)"


@pytest.mark.parametrize(
    ("name", "treatment", "title"),
    [("probav", Treatment(4, 1), "PROBA-V as x4"), ("oli2msi", Treatment(2, 2), "OLI2MSI as x2")],
)
def test_another_scale_is_in_the_name(name: str, treatment: Treatment, title: str) -> None:
    twin = further_data(name, PAPER_TIME, HERE)
    there = further_data(name, PAPER_TIME.model_copy(update={"path": "there"}), HERE)
    assert twin.treatment == there.treatment == treatment
    assert (name_of(twin), name_of(there)) == (f"{title} (embedded twin)", title)


def test_another_scale_goes_all_the_way_to_the_pairs(tmp_path: Path) -> None:
    settings = DataSetSettings(
        path=str(make_probav.write(tmp_path / "there")), treatment="paper-time", pairs=PairSettings(dates=2, bands=())
    )
    data = further_data("probav", settings, Workspace(tmp_path, "tiny"))
    write_manifest(data.folders, describe(data, {}))
    assert data.title == "PROBA-V as x4"
    for split in SPLITS:
        pair = data.pairs[split].pair(0)
        assert pair.scale == data.pairs[split].scale == 4
        assert pair.hr.shape[-1] == 4 * pair.lr.shape[-1]
        assert pair.gsd_m == 75


def test_worldstrat_with_l2a_is_a_data_set_of_its_own(tmp_path: Path) -> None:
    there = make_worldstrat.write(tmp_path / "there")
    settings = DataSetSettings(path=str(there), pairs=PairSettings(dates=8, bands=()))
    data = further_data("worldstrat-l2a", settings, Workspace(tmp_path, "tiny"))
    write_manifest(data.folders, describe(data, {}))
    assert data.title == "WorldStrat (L2A)"
    assert {type(reader) for reader in data.readers.values()} == {WorldStratL2A}
    assert {split: len(data.pairs[split]) for split in SPLITS} == {"train": 2, "val": 1, "test": 1}
    assert "b10" not in data.facts.bands
    used = [path for tile in data.readers["val"].tiles for path in data.readers["val"].files(tile)]
    assert any("L2A" in path.name for path in used)
    assert not any("L1C" in path.name for path in used)
    with pytest.raises(ValueError, match=re.escape("WorldStrat (L2A): got bands b10, expected some of b01, ")):
        data.seen_as(PairSettings(dates=8, bands=("b10",)), "val")
