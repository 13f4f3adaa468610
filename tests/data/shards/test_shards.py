"""The sharded form: what comes back is what was there, from the map, whole or not at all; and layouts converted."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import typer
from typer.testing import CliRunner

from satsr.cli.data import register
from satsr.data.checks.check import read_all
from satsr.data.place_index import statuses_of, with_status
from satsr.data.reader import Facts, Reader, Sample
from satsr.data.readers.s2naip import S2NAIP, S2NAIPOld
from satsr.data.readers.s2naip_convert import convert_layout, to_new, to_old
from satsr.data.shards.shards import Shards, write_all_shards, write_shards
from tests.data.readers.published_chips import UUID, published, write_chips

BANDS = ("red", "green", "blue", "b08")
app = typer.Typer()
register(app)


class Varied(Reader):
    """16-bit LR of several sizes with masks and dates, float HR."""

    facts: ClassVar[Facts] = S2NAIP.facts

    @property
    def tiles(self) -> Sequence[str]:
        return [f"place {number}" for number in range(5)]

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        rng = np.random.default_rng(int(tile[-1]))
        dates, side = 1 + int(tile[-1]), 7 + int(tile[-1])
        return Sample(
            series=rng.integers(0, 60_000, (dates, side, side, len(bands)), np.uint16),
            valid=rng.random((dates, side, side)) > 0.5,
            good=rng.random(dates) > 0.5,
            days=np.where(rng.random(dates) > 0.5, np.nan, rng.integers(0, 9999, dates)),
            hr=rng.random((3 * side, 3 * side, 1), np.float32),
            hr_valid=rng.random((3 * side, 3 * side)) > 0.5,
            day=float("nan") if dates == 1 else 17_000.0,
            white=10_000.0,
            hr_white=1.0,
            unusable="cloud" if dates == 2 else "",
        )

    def corner(self, tile: str) -> tuple[int, int]:
        return 10, int(tile[-1])

    def weight(self, tile: str) -> float:
        return 1.5 + int(tile[-1])

    def position(self, tile: str) -> tuple[float, float] | None:
        return (5.0, -float(tile[-1])) if tile[-1] != "0" else None


def assert_same(got: Sample, expected: Sample) -> None:
    for field in fields(Sample):
        a, b = getattr(got, field.name), getattr(expected, field.name)
        np.testing.assert_array_equal(a, b, err_msg=field.name)
        if isinstance(b, np.ndarray):
            assert (a.dtype, a.shape) == (b.dtype, b.shape), field.name


@pytest.mark.parametrize("per_shard", [1, 2, 100])
def test_everything_comes_back(tmp_path: Path, per_shard: int) -> None:
    reader = Varied(tmp_path, "val")
    write_shards(reader, BANDS, tmp_path / "shards", per_shard)
    shards = Shards(tmp_path / "shards", "val")
    assert list(shards.tiles) == reader.tiles
    for tile in reversed(reader.tiles):
        assert_same(shards.sample(tile, BANDS), reader.sample(tile, BANDS))
        for told in ("region", "corner", "weight", "position"):
            assert getattr(shards, told)(tile) == getattr(reader, told)(tile)
    assert list(shards.statuses(BANDS)) == list(reader.statuses(BANDS))


def test_more_places_than_a_batch_holds(tmp_path: Path) -> None:
    tiles = [f"{33400 + n}_48869" for n in range(70)]
    write_chips(tmp_path, "val_set", tiles, dates=1)
    reader = S2NAIP(tmp_path, "val")
    write_shards(reader, BANDS, tmp_path / "shards")
    shards = Shards(tmp_path / "shards", "val")
    for tile in (tiles[0], tiles[63], tiles[64], tiles[69]):
        assert_same(shards.sample(tile, BANDS), reader.sample(tile, BANDS))


@pytest.fixture
def converted(tmp_path: Path) -> Path:
    write_shards(S2NAIP(published(tmp_path / "s2naip"), "train"), BANDS, tmp_path / "shards", 4)
    return tmp_path / "shards"


def test_images_are_views_of_the_map(converted: Path) -> None:
    allocated = pa.total_allocated_bytes()
    shards = Shards(converted, "train")
    sample = shards.sample(shards.tiles[0], BANDS)
    assert not sample.series.flags.owndata
    assert not sample.series.flags.writeable
    assert pa.total_allocated_bytes() - allocated < 10_000  # the index; none of the images
    again = shards.sample(shards.tiles[0], BANDS)
    assert np.shares_memory(sample.series, again.series)
    assert np.shares_memory(sample.hr, again.hr)


def test_what_can_be_used_is_known_without_an_image(converted: Path) -> None:
    shards = Shards(converted, "train")
    expected = with_status(statuses_of(shards, BANDS), 4)
    for path in (converted / "train").glob("*.arrow"):
        path.unlink()
    again = with_status(statuses_of(Shards(converted, "train"), BANDS), 4)
    pd.testing.assert_frame_equal(again, expected)
    assert (expected.status == "ok").sum() == 6


def test_some_bands_in_another_order(converted: Path) -> None:
    tile, shards = "33490_48869", Shards(converted, "train")
    whole = shards.sample(tile, BANDS).series
    np.testing.assert_array_equal(shards.sample(tile, ("b08", "red")).series, whole[..., [3, 0]])
    with pytest.raises(ValueError, match="got band 'b05', expected one of red, green, blue, b08: convert"):
        shards.sample(tile, ("b05",))


def test_facts_travel(converted: Path) -> None:
    facts = Shards(converted, "train").facts
    assert (facts.title, facts.scale, facts.lr_px) == (S2NAIP.facts.title, 4, (32, 32))
    assert (facts.bands, facts.bands_in) == (BANDS, ("red", "green", "blue"))
    assert Shards.facts.name == "shards"


def test_equal_bytes_for_equal_input(converted: Path, tmp_path: Path) -> None:
    again = write_shards(S2NAIP(tmp_path / "s2naip", "train"), BANDS, tmp_path / "again", 4)
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {
        p.name: p.read_bytes() for p in (converted / "train").iterdir()
    }
    assert sorted(p.name for p in again.iterdir()) == [
        "facts.json",
        "index.parquet",
        "shard-00000.arrow",
        "shard-00001.arrow",
    ]


def test_a_process_of_a_data_loader_opens_it_anew(converted: Path) -> None:
    shards = Shards(converted, "train")
    tile = shards.tiles[0]
    copy = pickle.loads(pickle.dumps(shards))
    assert_same(copy.sample(tile, BANDS), shards.sample(tile, BANDS))


def test_a_failed_conversion_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    folder = published(tmp_path / "s2naip")
    broken = folder / "train_urban_set" / "sentinel2" / "33492_48869" / "tci.png"
    kept = broken.read_bytes()
    broken.write_bytes(kept[:100])
    with pytest.raises(ValueError, match=r"tci\.png cannot be read"):
        write_shards(S2NAIP(folder, "train"), BANDS, tmp_path / "shards", 2)
    assert not (tmp_path / "shards" / "train").exists()
    broken.write_bytes(kept)
    write_shards(S2NAIP(folder, "train"), BANDS, tmp_path / "shards", 2)
    assert [p.name for p in (tmp_path / "shards").iterdir()] == ["train"]


def test_what_is_there_is_not_overwritten(converted: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="train is there already: remove it"):
        write_shards(S2NAIP(tmp_path / "s2naip", "train"), BANDS, converted)


@pytest.mark.parametrize("keep", [0, 500, 40_000])
def test_a_truncated_shard_names_the_file(converted: Path, keep: int) -> None:
    path = converted / "train" / "shard-00001.arrow"
    path.write_bytes(path.read_bytes()[:keep])
    shards = Shards(converted, "train")
    with pytest.raises(ValueError, match=r"shard-00001\.arrow cannot be read .*convert"):
        shards.sample("33493_48869", BANDS)
    assert shards.sample("33488_48869", BANDS).series.any()


def test_a_missing_shard_and_a_missing_set_name_the_file(converted: Path) -> None:
    (converted / "train" / "shard-00001.arrow").unlink()
    with pytest.raises(FileNotFoundError, match=r"shard-00001\.arrow is missing"):
        Shards(converted, "train").sample("33493_48869", BANDS)
    with pytest.raises(FileNotFoundError, match=r"facts\.json is missing: .satsr data convert"):
        Shards(converted, "val")
    with pytest.raises(ValueError, match="got split 'all'"):
        Shards(converted, "all")


def test_unknown_tile(converted: Path) -> None:
    with pytest.raises(KeyError, match="got tile '1_1'"):
        Shards(converted, "train").sample("1_1", BANDS)


class Mixed(Varied):
    """Number types that differ between places."""

    def sample(self, tile: str, bands: Sequence[str]) -> Sample:
        sample = super().sample(tile, bands)
        if tile.endswith("3"):
            sample.__dict__["hr"] = sample.hr.astype(np.float64)
        return sample


def test_one_number_type_for_all_places(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"place 3: got hr of type <f8, expected <f4"):
        write_shards(Mixed(tmp_path, "val"), BANDS, tmp_path / "shards")


def test_shards_can_be_checked(converted: Path) -> None:
    report = read_all(Shards, converted)
    assert report.good
    assert len(report.places["train"]) == 6


def test_convert_command_writes_every_split(tmp_path: Path) -> None:
    folder, out = published(tmp_path / "s2naip"), tmp_path / "shards"
    arguments = ["convert", "s2naip", "--root", str(tmp_path), "--to", "shards", "--output", str(out)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    tile = "33688_48869"
    expected = S2NAIP(folder, "test").sample(tile, ("red", "green", "blue"))
    assert_same(Shards(out, "test").sample(tile, ("red", "green", "blue")), expected)
    assert json.loads((out / "val" / "facts.json").read_text())["facts"]["bands"] == ["red", "green", "blue"]


def test_convert_command_refuses_other_forms(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["convert", "probav", "--to", "s2naip", "--output", str(tmp_path / "x")])
    assert isinstance(done.exception, ValueError)
    assert "expected --to shards" in str(done.exception)


# S2-NAIP layouts


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (f"naip/{UUID}/33488_48869/rgb.png", f"naip_128/{UUID}/tci/33488_48869.png"),
        ("sentinel2/33489_48870/tci.png", "s2_condensed/2093_3054/6_1.png"),  # row first
        ("sentinel2/33489_48870/b08.png", "s2_condensed/2093_3054/b08/6_1.png"),
        ("sentinel2/33489_48870/dates.csv", "sentinel2/33489_48870/dates.csv"),
        ("old_naip/33488_48869.png", "old_naip/33488_48869.png"),
        ("osm_chips_to_masks.json", "osm_chips_to_masks.json"),
    ],
)
def test_where_a_file_lies_in_the_other_layout(new: str, old: str) -> None:
    assert (to_old(new), to_new(old)) == (old, new)


def test_true_colour_of_the_old_layout_may_lie_in_a_folder_of_its_own() -> None:
    assert to_new("s2_condensed/2093_3054/tci/6_1.png") == "sentinel2/33489_48870/tci.png"


def test_layouts_hold_the_same_and_come_back_byte_by_byte(tmp_path: Path) -> None:
    folder = published(tmp_path / "new")
    (folder / "train_urban_set" / "osm_chips_to_masks.json").write_text("{}")
    convert_layout(folder, tmp_path / "old", to_old)
    new, old = S2NAIP(folder, "train"), S2NAIPOld(tmp_path / "old", "train")
    assert list(new.tiles) == list(old.tiles)
    for tile in new.tiles:
        assert_same(old.sample(tile, BANDS), new.sample(tile, BANDS))
    convert_layout(tmp_path / "old", tmp_path / "back", to_new)
    assert contents(tmp_path / "back") == contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_converting_the_wrong_layout_or_onto_something_is_refused(tmp_path: Path) -> None:
    folder = published(tmp_path / "new")
    with pytest.raises(FileNotFoundError, match="expected sets in the layout to convert"):
        convert_layout(folder, tmp_path / "out", to_new)
    assert not (tmp_path / "out").exists()
    shutil.copytree(folder, tmp_path / "out")
    with pytest.raises(FileExistsError, match="out is there already"):
        convert_layout(folder, tmp_path / "out", to_old)


def test_convert_command_between_layouts(tmp_path: Path) -> None:
    published(tmp_path / "s2naip")
    out = tmp_path / "s2naip-old"
    done = CliRunner().invoke(
        app, ["convert", "s2naip", "--root", str(tmp_path), "--to", "s2naip-old", "--output", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert len(S2NAIPOld(out, "val").tiles) == 3


def test_all_splits_of_a_set_take_their_names_together(tmp_path: Path) -> None:
    folder, shards = published(tmp_path / "s2naip"), tmp_path / "shards"
    arguments = ["convert", "s2naip", "--to", "shards", "--folder", str(folder), "--output", str(shards)]
    broken = next((folder / "held_out_set" / "sentinel2").glob("*/tci.png"))
    kept = broken.read_bytes()
    broken.write_bytes(kept[:100])
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ValueError)
    assert all(path.suffix == ".partial" for path in shards.iterdir())
    broken.write_bytes(kept)
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert sorted(path.name for path in shards.iterdir()) == ["test", "train", "val"]


def test_nothing_is_written_when_one_split_is_there(tmp_path: Path) -> None:
    folder, shards = published(tmp_path / "s2naip"), tmp_path / "shards"
    (shards / "test").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="test is there already"):
        write_all_shards([S2NAIP(folder, split) for split in ("train", "test")], BANDS, shards)
    assert [path.name for path in shards.iterdir()] == ["test"]


@pytest.mark.parametrize("damage", [b"", b"PAR1 cut", b"<html>"])
def test_a_damaged_index_of_shards_is_named(converted: Path, damage: bytes) -> None:
    (converted / "train" / "index.parquet").write_bytes(damage)
    with pytest.raises(ValueError, match=r"index\.parquet: got .*, expected an index .*: make it again"):
        len(Shards(converted, "train").tiles)
