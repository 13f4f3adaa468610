"""A data set of the study: its index in place of its images, what its manifest says, and the code behind its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from satsr.common.paths import DataFolders, Workspace
from satsr.data.data_set import DataSet, main_data
from satsr.data.manifest import write_manifest
from satsr.data.pairs import Pairs
from satsr.data.place_index import counts, index_file, statuses_of, with_status, write_index
from satsr.data.reader import SPLITS, Sample
from satsr.data.readers.paper_time import PROBAV
from satsr.data.readers.probav import ProbaV
from satsr.data.readers.s2naip import S2NAIP, S2NAIPOld
from satsr.data.readers.s2naip_convert import convert_layout, to_old
from satsr.data.readers.s2naip_folder import SPLIT_FOLDERS, Chip
from satsr.data.settings import DataSetSettings, PairSettings
from satsr.data.shards.shards import Shards, write_shards
from tests.data.making.chips import made_data_set, made_up_chip
from tests.data.readers.published_chips import published
from tests.made import make_probav

TWO, FOUR = PairSettings(dates=2), PairSettings(dates=4)
COLOURS = ("red", "green", "blue")


class Counted(S2NAIP):
    """S2-NAIP, and a count of how often each place is read."""

    def __init__(self, folder: Path, split: str, split_folder: str = "") -> None:
        super().__init__(folder, split, split_folder)
        self.reads: Counter[str] = Counter()

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        self.reads[tile] += 1
        return super().sample(tile, bands)


def chips() -> list[Chip]:
    """Return a place of four dates, one of two, and one whose HR image has a black pixel."""
    black = made_up_chip("64_32", seed=2)
    black.hr[5, 7] = 0
    return [made_up_chip("0_0"), made_up_chip("32_16", dates=2, seed=1), black]


@pytest.fixture
def here(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "tiny")


@pytest.fixture
def main(here: Workspace) -> DataSet:
    return made_data_set(here, {"train": chips()}, FOUR, digest="0123")


@pytest.fixture
def counted(main: DataSet) -> DataSet:
    """The same data set, through a reader that counts."""
    return replace(main, form=Counted)


def reads(data: DataSet, split: str = "train") -> dict[str, int]:
    reader = data.readers[split]
    assert isinstance(reader, Counted)
    return dict(reader.reads)


def fresh(data: DataSet, settings: PairSettings, split: str = "train") -> Pairs:
    """Return the pairs of a split as they are without an index."""
    return Pairs(S2NAIP.open(data.files, split), settings)


def assert_same(got: Pairs, expected: Pairs) -> None:
    pd.testing.assert_frame_equal(got.index, expected.index)
    pd.testing.assert_frame_equal(got.left_out, expected.left_out)
    for number in range(len(expected)):
        a, b = got.pair(number, epoch=3), expected.pair(number, epoch=3)
        assert (a.frames, a.bands_in) == (b.frames, b.bands_in)
        assert torch.equal(a.lr, b.lr)
        assert torch.equal(a.hr, b.hr)


# The index


def test_the_index_is_read_instead_of_every_place(counted: DataSet) -> None:
    pairs = counted.pairs
    assert set(pairs) == set(SPLITS)
    assert [reads(counted, split) for split in SPLITS] == [{}, {}, {}]
    assert pairs["train"].tiles == ["0_0"]
    assert dict(pairs["train"].left_out[["tile", "status"]].values) == {
        "32_16": "too few dates",
        "64_32": "black HR pixels",
    }
    pairs["train"].pair(0)
    assert reads(counted) == {"0_0": 1}, "only the place that is asked for"


@pytest.mark.parametrize(
    "settings",
    [FOUR, TWO, PairSettings(dates=1, seed=5), PairSettings(dates=2, bands=COLOURS), PairSettings(dates=2, bands=())],
)
def test_other_dates_and_seeds_need_no_other_index(counted: DataSet, settings: PairSettings) -> None:
    found = counted.seen_as(settings, "train")
    assert reads(counted) == {}
    assert found.settings == settings
    assert_same(found, fresh(counted, settings))


@pytest.mark.parametrize("bands", [("tci", "b08"), ("b08",), ("blue", "green", "red"), ("red", "green")])
def test_other_bands_than_those_of_the_index_are_read_anew(counted: DataSet, bands: tuple[str, ...]) -> None:
    settings = PairSettings(dates=2, bands=bands)
    found = counted.seen_as(settings, "train")
    assert reads(counted) == {"0_0": 1, "32_16": 1, "64_32": 1}
    assert_same(found, fresh(counted, settings))


def test_a_band_that_a_place_lacks_is_found_although_the_index_knows_the_place(counted: DataSet) -> None:
    next((counted.files / SPLIT_FOLDERS["val"]).rglob("b08.png")).unlink()
    assert counted.pairs["val"].tiles == ["0_0"]
    with pytest.raises(FileNotFoundError, match=r"b08\.png"):
        counted.seen_as(PairSettings(dates=2, bands=("b08",)), "val")


def test_every_split_has_an_index_of_its_own(here: Workspace) -> None:
    tiles = {"train": "0_0", "val": "320_0", "test": "640_0"}
    data = made_data_set(here, {split: [made_up_chip(tile)] for split, tile in tiles.items()}, TWO)
    data = replace(data, form=Counted)
    assert {split: pairs.tiles for split, pairs in data.pairs.items()} == {s: [tile] for s, tile in tiles.items()}
    assert not any(reads(data, split) for split in SPLITS)


def test_what_is_written_as_index_is_what_the_readers_say(main: DataSet, tmp_path: Path) -> None:
    found = write_index(main.readers, ("b08",), tmp_path / "deep" / "index")
    for split, reader in main.readers.items():
        expected = statuses_of(reader, ("b08",))
        pd.testing.assert_frame_equal(found[split], expected)
        pd.testing.assert_frame_equal(pd.read_parquet(index_file(tmp_path / "deep" / "index", split)), expected)


def test_a_truncated_file_is_named_when_the_index_is_written(main: DataSet, tmp_path: Path) -> None:
    path = next((main.files / SPLIT_FOLDERS["test"]).rglob("tci.png"))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"tci\.png cannot be read"):
        write_index(main.readers, COLOURS, tmp_path / "index")


def test_places_are_counted_with_the_reasons_of_those_left_out(main: DataSet) -> None:
    statuses = statuses_of(main.readers["train"], COLOURS).assign(good_frames=[3, 2, 4])
    assert counts(with_status(statuses, 4)) == {
        "places": 1,
        "regions": 1,
        "left out": {"too few dates": 1, "black HR pixels": 1},
        "frames": 10,
        "frames with black pixels": 1,
    }
    assert counts(with_status(statuses, 2))["places"] == 2
    none = counts(with_status(statuses, 9))
    assert (none["places"], none["regions"]) == (0, 0)


# The manifest


def test_title_dates_and_digest_are_those_of_the_manifest(main: DataSet, here: Workspace) -> None:
    assert (main.title, main.dated, main.digest) == ("made up", True, "0123")
    write_manifest(main.folders, {**main.manifest, "name": "embedded world", "dated": False, "digest": "4567"})
    assert (main.title, main.dated, main.digest) == ("embedded world", False, "4567")
    again = main_data(here, TWO)
    assert (again.title, again.dated, again.digest) == ("embedded world", False, "4567")


def test_the_manifest_lies_with_the_results_and_ends_in_a_line(main: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "results" / "tiny" / "data" / "s2naip" / "manifest.json"
    assert main.folders.manifest == path
    assert path.read_text().endswith("}\n")


@pytest.mark.parametrize("what", ["manifest", "title", "dated", "digest", "pairs"])
def test_a_missing_manifest_says_what_to_run(main: DataSet, what: str) -> None:
    main.folders.manifest.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"manifest\.json is missing: run `make study` \(or `dvc repro`\) first"
    ):
        getattr(main, what)


# Where it lies, and in which form


def test_images_of_the_study_and_of_a_download(here: Workspace) -> None:
    folders = DataFolders(here, "probav")
    assert DataSet("probav", ProbaV, DataSetSettings(), here).files == folders.files
    download = DataSet("probav", ProbaV, DataSetSettings(path="/there/probav"), here)
    assert download.files == Path("/there/probav")
    assert download.folders == folders, "what the study makes of it lies where it always does"


def test_the_main_data_set_is_in_s2_naip_s_layout(here: Workspace) -> None:
    main = main_data(here, TWO)
    assert (main.name, main.form, main.treatment) == ("s2naip", S2NAIP, None)
    assert main.settings.pairs == TWO
    assert main.files == here.root / "data" / "tiny" / "s2naip" / "files"
    assert main.facts == S2NAIP.facts


def download(folder: Path, here: Workspace) -> DataSet:
    return DataSet("s2naip", S2NAIP, DataSetSettings(path=str(folder), pairs=TWO), here)


def test_code_is_that_of_the_readers_in_use(main: DataSet, here: Workspace, tmp_path: Path) -> None:
    assert main.code == {"satsr.data.readers.s2naip"}
    old = download(convert_layout(published(tmp_path / "new"), tmp_path / "old", to_old), here)
    assert isinstance(old.readers["train"], S2NAIPOld)
    assert old.code == {"satsr.data.readers.s2naip"}


def test_shards_take_the_place_of_the_layout_and_of_its_code(here: Workspace, tmp_path: Path) -> None:
    there = published(tmp_path / "s2naip")
    for split in SPLITS:
        write_shards(S2NAIP(there, split), COLOURS, tmp_path / "shards")
    whole, shards = download(there, here), download(tmp_path / "shards", here)
    assert all(isinstance(reader, Shards) for reader in shards.readers.values())
    assert shards.code == {"satsr.data.shards.shards"}
    write_manifest(shards.folders, {"bands": list(COLOURS)})
    write_index(shards.readers, COLOURS, shards.folders.index)
    for split in SPLITS:
        assert_same(shards.pairs[split], Pairs(whole.readers[split], TWO))


def test_another_scale_is_part_of_the_code_beside_what_is_resampled(here: Workspace, tmp_path: Path) -> None:
    there = make_probav.write(tmp_path / "probav")
    native = DataSet("probav", ProbaV, DataSetSettings(path=str(there)), here)
    treated = replace(native, treatment=PROBAV)
    assert native.code == {"satsr.data.readers.probav"}
    assert treated.code == {"satsr.data.readers.probav", "satsr.data.readers.paper_time"}
    assert [reader.facts.scale for data in (native, treated) for reader in data.readers.values()] == [3] * 3 + [4] * 3
    for split in SPLITS:
        write_shards(ProbaV(there, split), ("nir",), tmp_path / "shards")
    shards = replace(treated, settings=DataSetSettings(path=str(tmp_path / "shards")))
    assert shards.code == {"satsr.data.shards.shards", "satsr.data.readers.paper_time"}


def test_only_some_places_of_a_split_are_used(tmp_path: Path) -> None:
    chips = [made_up_chip(f"{16 * n}_0", seed=n) for n in range(4)]
    data = made_data_set(Workspace(tmp_path, "test"), {"train": chips}, TWO)
    part = replace(data, only={"train": frozenset({"16_0", "48_0"})})
    assert [len(part.pairs[split]) for split in SPLITS] == [2, 4, 4]
    assert part.pairs["train"].tiles == ["16_0", "48_0"]
    whole = data.pairs["train"].batch([1, 3])
    assert torch.equal(part.pairs["train"].batch([0, 1]).hr, whole.hr)
    assert part.pairs["train"].hold(torch.device("cpu"))
    assert torch.equal(part.pairs["train"].batch([0, 1]).lr, whole.lr)
    with pytest.raises(ValueError, match="none of 1 places is among the 4 usable ones"):
        replace(data, only={"test": frozenset({"7_7"})}).pairs  # noqa: B018
