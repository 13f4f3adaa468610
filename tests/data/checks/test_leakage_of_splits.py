"""What the splits of a data set share: regions and ground, refused by name or counted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from satsr.data.checks.leakage import leakage
from satsr.data.data_set import DataSet
from satsr.data.reader import SPLITS, write_regions
from satsr.data.readers.fmow import FMoW, write_data_set
from satsr.data.readers.oli2msi import OLI2MSI
from tests.data.small_downloads import ONE, download, fmow_scene, write_all
from tests.made import make_oli2msi


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small data sets in the published layouts; nothing may change them."""
    return write_all(tmp_path_factory.mktemp("written"))


@pytest.fixture
def own(written: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a data set that a test may change."""
    return lambda name: Path(shutil.copytree(written[name], tmp_path / name))


def leaks(dataset: DataSet) -> dict[str, object]:
    return leakage(dataset.title, dataset.pairs, dataset.settings.leakage)


def test_splits_without_a_common_region_are_accepted(written: dict[str, Path]) -> None:
    found = pd.DataFrame([leaks(download(written[name])) for name in ("probav", "fmow")]).set_index("data set")
    assert found["regions in two splits"].tolist() == [0, 0]
    assert found["too close"].tolist() == [0, 0]
    assert found.loc["PROBA-V", ["stated distance, m", "nearest, m"]].isna().all(), "it publishes no coordinates"
    assert found.loc[FMoW.facts.title, "nearest, m"] == pytest.approx(1000, rel=0.01)  # scenes lie 1 km apart
    assert found.loc[FMoW.facts.title, "stated distance, m"] == pytest.approx(320 * 2**0.5)


def test_a_region_in_two_splits_is_refused_by_name(own: Callable[[str], Path]) -> None:
    folder = own("oli2msi")
    region = OLI2MSI(folder, "train").region(make_oli2msi.TRAIN[0])
    write_regions(folder, [(make_oli2msi.TEST[0], region)])
    with pytest.raises(ValueError, match=rf"OLI2MSI: region {region} lies in train and test: .*regions\.json"):
        leaks(download(folder, ONE))


def close_fmow(folder: Path) -> Path:
    """Write places that overlap by two thirds, each a region of its own."""
    scenes = [replace(fmow_scene(n, split), corner=(5e5 + 100 * n, 4e6)) for n, split in enumerate(SPLITS)]
    write_data_set(folder, scenes)
    return folder


def test_places_that_touch_across_splits_are_refused_by_name(tmp_path: Path) -> None:
    message = r"fMoW.*: val tile \S+ lies 100 m from training tile \S+, expected at least 453 m .*`leakage: report`"
    with pytest.raises(ValueError, match=message):
        leaks(download(close_fmow(tmp_path / "fmow")))


def test_a_published_split_may_be_used_as_it_is_and_its_leakage_is_reported(tmp_path: Path) -> None:
    assert leaks(download(close_fmow(tmp_path / "fmow"), leakage="report"))["too close"] == 2
