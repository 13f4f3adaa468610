"""Data sets beside the main one, as they lie on disk: names, digests, forms and scales."""

from __future__ import annotations

import csv
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch

from satsr.common.paths import Workspace
from satsr.data.catalogue import ENTRIES, twin_names
from satsr.data.data_set import DataSet
from satsr.data.further import further_data
from satsr.data.making.describe import describe
from satsr.data.manifest import write_manifest
from satsr.data.pairs import Pairs
from satsr.data.place_index import index_file
from satsr.data.reader import SPLITS
from satsr.data.readers.fmow import FMoW
from satsr.data.settings import DataSetSettings, PairSettings
from satsr.data.shards.shards import Shards, write_shards
from tests.data.small_downloads import ONE, TWO, WRITE, download, write_all
from tests.made import make_oli2msi, make_worldstrat


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small data sets in the published layouts; nothing may change them."""
    return write_all(tmp_path_factory.mktemp("written"))


@pytest.fixture
def own(written: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a data set that a test may change."""
    return lambda name: Path(shutil.copytree(written[name], tmp_path / name))


def twin(name: str, here: Workspace, sha256: str) -> DataSet:
    """Return a data set that lies where the study makes twins, described as one with such a digest."""
    found = further_data(name, DataSetSettings(pairs=ONE), here)
    if not found.files.is_dir():
        found.folders.files.parent.mkdir(parents=True)
        WRITE[name](found.folders.files)
    write_manifest(found.folders, describe(found, {"scenes": dict.fromkeys(SPLITS, 1), "sha256": sha256}))
    return found


@pytest.mark.parametrize("name", WRITE)
def test_a_twin_never_has_the_plain_name_of_the_data_set(name: str, written: dict[str, Path], tmp_path: Path) -> None:
    made, real = twin(name, Workspace(tmp_path, "tiny"), "0"), download(written[name], ONE)
    assert made.title == f"{real.title} (embedded twin)"
    assert real.title == ENTRIES[name].reader.facts.title
    assert made.files == tmp_path / "data" / "tiny" / name / "files"
    assert real.files == written[name]
    assert (made.manifest["source"], real.manifest["source"]) == ("twin", "download")


def test_every_twin_is_looked_at_here() -> None:
    assert set(WRITE) == set(twin_names())


def test_digest_of_a_twin_is_that_of_its_files(tmp_path: Path) -> None:
    here = Workspace(tmp_path, "tiny")
    first = twin("probav", here, "0123456789abcdef" * 4).digest
    assert first == "0123456789abcdef" * 4
    assert first != twin("fmow", here, "f" * 64).digest
    assert first != twin("probav", here, "1" * 64).digest


def test_digest_of_a_download_follows_its_files(own: Callable[[str], Path]) -> None:
    folder = own("oli2msi")
    before = download(folder, ONE).manifest
    assert download(folder, ONE).manifest == before
    path = folder / "test_hr" / f"{make_oli2msi.TEST[0]}.TIF"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))
    later = download(folder, ONE).manifest
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    longer = download(folder, ONE).manifest
    for kind in ("lr", "hr"):
        (folder / f"train_{kind}" / f"{make_oli2msi.TRAIN[0]}.TIF").unlink()
    fewer = download(folder, ONE).manifest
    assert len({found["digest"] for found in (before, later, longer, fewer)}) == 4
    assert (longer["scenes"], fewer["scenes"]) == ({"train": 2, "val": 2, "test": 1}, {"train": 1, "val": 2, "test": 1})


def test_digest_of_a_download_follows_the_dates_in_its_tables(own: Callable[[str], Path]) -> None:
    folder = own("worldstrat")
    before, pair = download(folder).digest, download(folder).pairs["train"].pair(0)
    path = folder / "metadata.csv"
    path.write_text(path.read_text().replace("2020-01-05,2.5", "2020-03-05,2.5"))  # of HR
    assert download(folder).pairs["train"].pair(0).day == pair.day + 60
    assert download(folder).digest != before


def test_digest_of_a_download_follows_its_splits(own: Callable[[str], Path]) -> None:
    folder = own("worldstrat")
    before = download(folder).digest
    path = folder / "stratified_train_val_test_split.csv"
    lines = list(csv.reader(path.read_text().splitlines()))
    last = max(row[1] for row in lines if row[-1] == "train" and row[1] in make_worldstrat.PLACES)
    moved = [[*row[:-1], "val"] if row[1] == last else row for row in lines]
    path.write_text("\n".join(map(",".join, moved)) + "\n")
    assert last in download(folder).readers["val"].tiles
    assert download(folder).digest != before


@pytest.mark.parametrize(("name", "dated"), [("probav", False), ("worldstrat", True), ("fmow", True)])
def test_the_manifest_says_whether_the_dates_are_known(written: dict[str, Path], name: str, dated: bool) -> None:
    assert download(written[name]).dated is dated


@pytest.mark.parametrize("name", WRITE)
def test_pairs_from_the_index_are_those_of_the_files(written: dict[str, Path], name: str) -> None:
    found = download(written[name], ONE)
    for split, pairs in found.pairs.items():
        pd.testing.assert_frame_equal(pairs.index, Pairs(found.readers[split], ONE).index)


def test_places_of_the_index_are_not_looked_at_again(own: Callable[[str], Path]) -> None:
    found = download(own("oli2msi"), ONE)
    for path in found.files.glob("test_*/*.TIF"):
        path.write_bytes(b"")
    assert len(found.pairs["test"]) == 1
    with pytest.raises(ValueError, match=make_oli2msi.TEST[0]):
        found.pairs["test"].pair(0)


def test_bands_that_were_not_indexed_are_looked_at_in_the_files(own: Callable[[str], Path]) -> None:
    found = download(own("worldstrat"))
    for split in SPLITS:
        index_file(found.folders.index, split).unlink()
    other = PairSettings(dates=2, bands=("b04",))
    assert found.seen_as(other, "train").tiles == Pairs(found.readers["train"], other).tiles
    with pytest.raises(FileNotFoundError):
        found.seen_as(TWO, "train")


def test_the_sharded_form_takes_the_place_of_the_layout(written: dict[str, Path], tmp_path: Path) -> None:
    for split in SPLITS:
        write_shards(FMoW(written["fmow"], split), FMoW.facts.bands_in, tmp_path / "fmow")
    there, shards = download(written["fmow"]), download(tmp_path / "fmow")
    assert isinstance(shards.readers["train"], Shards)
    assert shards.title == there.title
    for split in SPLITS:
        a, b = shards.pairs[split].pair(0), there.pairs[split].pair(0)
        torch.testing.assert_close((a.lr, a.hr, a.dt_days), (b.lr, b.hr, b.dt_days))


def test_the_scale_of_the_paper_is_a_choice(written: dict[str, Path]) -> None:
    dataset = download(written["probav"], TWO, treatment="paper-time")
    assert dataset.title == "PROBA-V as x4"
    pairs = dataset.pairs["train"]
    pair = pairs.pair(0)
    assert pairs.scale == pair.scale == 4
    assert pair.hr.shape[-1] == 4 * pair.lr.shape[-1]
    assert pair.gsd_m == 75
