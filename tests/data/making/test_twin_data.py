"""Writing the embedded twins: through the real readers and back, regions never divided, and all or nothing."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from satsr.common.digests import tree_digest
from satsr.common.paths import Workspace
from satsr.data.catalogue import ENTRIES, Twin
from satsr.data.data_set import DataSet
from satsr.data.further import further_data
from satsr.data.making.describe import describe
from satsr.data.making.twin_data import make_twins
from satsr.data.making.twins import scenes
from satsr.data.manifest import write_manifest
from satsr.data.pairs import Pairs
from satsr.data.place_index import index_file, statuses_of
from satsr.data.reader import SPLITS, Reader, Sample, Scene, days_since_1970
from satsr.data.settings import DataSetSettings, PairSettings, TwinSettings

SETTINGS = TwinSettings(regions=3, chips_per_side=2, cloudy_share=0.5)
TWINS: dict[str, Twin] = {name: entry.twin for name, entry in ENTRIES.items() if entry.twin}
NAMES = sorted(TWINS)
TCI_WHITE = 0.3558  # reflectance that is white in ESA's true-colour image


class Made(NamedTuple):
    """What was written, what the function said of it, and the readers' view: data set -> split -> reader."""

    out: Path
    told: dict[str, Any]
    readers: dict[str, dict[str, Reader]]


@pytest.fixture(scope="module", autouse=True)
def _one_core() -> Iterator[None]:
    """Make landscapes in this process: new ones take longer to start than three small landscapes to make."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    out = tmp_path_factory.mktemp("twins") / "tiny"
    for stale in ("probav/files", "probav/index", "s2naip/files"):
        (out / stale).mkdir(parents=True)
        (out / stale / "stale.txt").write_text("of an earlier run")
    told = make_twins(SETTINGS, out)
    readers = {name: {split: ENTRIES[name].reader(out / name / "files", split) for split in SPLITS} for name in NAMES}
    return Made(out, told, readers)


@pytest.fixture(scope="module")
def again(made: Made) -> dict[str, list[Scene]]:
    """The same landscapes in physical units, each in the split that its files are in."""
    splits = {reader.region(tile): split for split, reader in made.readers["probav"].items() for tile in reader.tiles}
    found: dict[str, list[Scene]] = {name: [] for name in NAMES}
    for region, split in sorted(splits.items()):
        views = {name: twin.view for name, twin in TWINS.items()}
        for name, some in scenes(SETTINGS, int(region), split, views).items():
            found[name] += some
    return found


def read(made: Made, name: str) -> list[tuple[str, str, Sample]]:
    """Return split, region and sample of every place, in the order in which scenes were written."""
    places = [(reader, tile) for reader in made.readers[name].values() for tile in reader.tiles]
    places.sort(key=lambda place: (place[0].region(place[1]), [int(n) for n in re.findall(r"\d+", place[1])]))
    return [(r.split, r.region(tile), r.sample(tile, r.facts.bands_in)) for r, tile in places]


def check_series(sample: Sample, scene: Scene, bands: tuple[str, ...], white: float, step: float) -> None:
    """Compare LR with a scene; `white` is the reflectance that 1 stands for, `step` that of a stored step."""
    lr = np.moveaxis(scene.bands(*bands), 1, -1).clip(0, None)
    np.testing.assert_array_equal(sample.valid, scene.lr_valid)
    stored = sample.series / sample.white * white
    np.testing.assert_allclose(stored[sample.valid], lr[sample.valid], atol=0.51 * step + 1e-6)


def check_days(sample: Sample, scene: Scene) -> None:
    assert sample.days.tolist() == [days_since_1970(day) for day in scene.dates]
    assert sample.day == days_since_1970(scene.day)


def test_probav_comes_back(made: Made, again: dict[str, list[Scene]]) -> None:
    for (split, region, sample), scene in zip(read(made, "probav"), again["probav"], strict=True):
        assert (split, region) == (scene.split, scene.region)
        check_series(sample, scene, ("nir",), 1.0, 2**-14)
        np.testing.assert_allclose(sample.hr[..., 0] / sample.hr_white, scene.hr[0], atol=2**-15 + 1e-5)
        np.testing.assert_array_equal(sample.hr_valid, scene.hr_valid)


def test_oli2msi_comes_back(made: Made, again: dict[str, list[Scene]]) -> None:
    colors = ("red", "green", "blue")
    for (split, region, sample), scene in zip(read(made, "oli2msi"), again["oli2msi"], strict=True):
        assert (split, region) == (scene.split, scene.region)
        check_series(sample, scene, colors, 1.0, 0.0)
        np.testing.assert_allclose(np.moveaxis(sample.hr, -1, 0) / sample.hr_white, scene.hr_of(*colors), atol=1e-6)
        np.testing.assert_array_equal(sample.hr_valid, scene.hr_valid)
        check_days(sample, scene)


def test_worldstrat_comes_back_with_hr_on_a_grid_four_times_as_fine(made: Made, again: dict[str, list[Scene]]) -> None:
    for (split, region, sample), scene in zip(read(made, "worldstrat"), again["worldstrat"], strict=True):
        assert (split, region) == (scene.split, scene.region)
        check_series(sample, scene, ("b04", "b03", "b02"), TCI_WHITE, 0.0)
        check_days(sample, scene)
        height, width = (4 * side for side in scene.lr.shape[-2:])
        hr = sample.hr / sample.hr_white * TCI_WHITE
        assert hr.shape == (height, width, 3)
        for stored, band in zip(np.moveaxis(hr, -1, 0), scene.hr_of("red", "green", "blue"), strict=True):
            expected = Image.fromarray(band).resize((width, height), Image.Resampling.BILINEAR)
            np.testing.assert_allclose(stored, np.asarray(expected), atol=1e-4)
        assert sample.hr_valid.all()


def test_fmow_comes_back_but_for_what_jpeg_takes(made: Made, again: dict[str, list[Scene]]) -> None:
    for (split, region, sample), scene in zip(read(made, "fmow"), again["fmow"], strict=True):
        assert (split, region) == (scene.split, scene.region)
        check_series(sample, scene, ("b04", "b03", "b02"), TCI_WHITE, 1e-4)
        check_days(sample, scene)
        hr, given = sample.hr / sample.hr_white * TCI_WHITE, np.moveaxis(scene.hr, 0, -1).clip(0, TCI_WHITE)
        assert hr.shape == given.shape == (128, 128, 3)
        assert np.abs(hr - given).mean() < 2 * TCI_WHITE / 255
        assert np.corrcoef(hr.ravel(), given.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("name", ["oli2msi", "worldstrat", "fmow"])
def test_places_come_back_with_their_position(made: Made, again: dict[str, list[Scene]], name: str) -> None:
    found = sorted(reader.position(tile) for reader in made.readers[name].values() for tile in reader.tiles)  # type: ignore[type-var]
    np.testing.assert_allclose(found, sorted(scene.corner for scene in again[name]), atol=0.1)


@pytest.mark.parametrize("name", NAMES)
def test_every_split_has_usable_places_and_they_are_counted(made: Made, name: str) -> None:
    for split, reader in made.readers[name].items():
        pairs = Pairs(reader, PairSettings(dates=1, bands=()))
        assert len(pairs) == made.told[name]["scenes"][split] == (2 if name == "fmow" else 1)
        assert pairs.left_out.empty


def test_no_region_lies_in_two_splits_and_all_sets_agree(made: Made) -> None:
    found = {
        name: {split: {reader.region(tile) for tile in reader.tiles} for split, reader in readers.items()}
        for name, readers in made.readers.items()
    }
    for splits in found.values():
        regions = [region for some in splits.values() for region in some]
        assert sorted(regions) == ["0000", "0001", "0002"]
        assert splits == found["probav"]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_settings_give_the_digest_that_is_told(
    made: Made, again: dict[str, list[Scene]], name: str, tmp_path: Path
) -> None:
    assert made.told[name]["sha256"] == tree_digest(made.out / name / "files")
    TWINS[name].write(tmp_path / name, again[name])
    assert tree_digest(tmp_path / name) == made.told[name]["sha256"]


def test_twins_are_replaced_as_a_whole_and_the_main_data_set_is_left_alone(made: Made) -> None:
    assert sorted(path.name for path in made.out.iterdir()) == sorted([*NAMES, "s2naip"])
    for name in NAMES:  # an index of an earlier run says nothing of new files
        assert [path.name for path in (made.out / name).iterdir()] == ["files"]
    assert [path.relative_to(made.out).as_posix() for path in made.out.rglob("stale.txt")] == ["s2naip/files/stale.txt"]
    assert list(made.out.parent.iterdir()) == [made.out]


def described(name: str, folder: Path, made: Made) -> DataSet:
    """Return a twin in a workspace of its own, with the index and the manifest that its stage writes."""
    here = Workspace(folder, "tiny")
    shutil.copytree(made.out / name, here.data / name)
    settings = DataSetSettings(pairs=PairSettings(dates=1 if name == "oli2msi" else 2, bands=()))
    data = further_data(name, settings, here)
    write_manifest(data.folders, describe(data, made.told[name]))
    return data


@pytest.mark.parametrize("name", NAMES)
def test_a_twin_is_described_by_its_files_its_places_and_its_dates(made: Made, name: str, tmp_path: Path) -> None:
    data = described(name, tmp_path, made)
    facts = ENTRIES[name].reader.facts
    assert data.title == f"{facts.title} (embedded twin)"
    assert data.manifest["source"] == "twin"
    assert data.manifest["bands"] == list(facts.bands_in)
    assert data.digest == tree_digest(data.files)
    assert data.manifest["scenes"] == made.told[name]["scenes"]
    assert data.dated is (name != "probav"), "PROBA-V alone publishes no dates"
    for split, reader in made.readers[name].items():
        pd.testing.assert_frame_equal(
            pd.read_parquet(index_file(data.folders.index, split)), statuses_of(reader, facts.bands_in)
        )
        counted = data.manifest["splits"][split]
        assert (counted["places"], counted["regions"], counted["left out"]) == (len(reader.tiles), 1, {})
        assert counted["frames"] == sum(len(reader.sample(t, facts.bands_in).days) for t in reader.tiles)
        assert data.pairs[split].tiles == list(reader.tiles)


def test_places_with_too_few_dates_are_counted_as_left_out(made: Made, tmp_path: Path) -> None:
    data = described("oli2msi", tmp_path, made)
    more = further_data("oli2msi", DataSetSettings(pairs=PairSettings(dates=2, bands=())), data.here)
    for counted in describe(more, made.told["oli2msi"])["splits"].values():
        assert (counted["places"], counted["left out"]) == (0, {"too few dates": 1})


def test_a_download_is_described_by_what_lies_there(made: Made, tmp_path: Path) -> None:
    folder = made.out / "worldstrat" / "files"
    settings = DataSetSettings(path=str(folder), pairs=PairSettings(dates=2, bands=("b08",)))
    found = describe(further_data("worldstrat", settings, Workspace(tmp_path, "tiny")), {})
    assert (found["source"], found["name"], found["bands"]) == ("download", "WorldStrat", ["b08"])
    assert found["scenes"] == made.told["worldstrat"]["scenes"]
    assert found["digest"] != made.told["worldstrat"]["sha256"], "sizes and times of files, not their contents"
    assert found["dated"]
    assert (tmp_path / "data" / "tiny" / "worldstrat" / "index" / "test.parquet").is_file()
    assert not (folder.parent / "index").exists()


def test_a_run_that_fails_keeps_what_was_there_and_leaves_nothing_else(
    again: dict[str, list[Scene]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it writes; the landscapes are those that are made already."""

    def known(_: TwinSettings, number: int, split: str, views: Iterable[str]) -> dict[str, list[Scene]]:
        return {name: [scene for scene in again[name] if int(scene.region) == number] for name in views}

    monkeypatch.setattr("satsr.data.making.twin_data.scenes", known)
    out = tmp_path / "tiny"
    for earlier in ("probav/files", "s2naip/files"):
        (out / earlier).mkdir(parents=True)
        (out / earlier / "earlier.txt").write_text("whole")
    kept = tree_digest(out)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))  # the system refuses larger files, as a full disk
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            make_twins(SETTINGS, out)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert tree_digest(out) == kept
    assert sorted(path.name for path in out.iterdir()) == ["probav", "s2naip"]
    assert list(tmp_path.iterdir()) == [out]
